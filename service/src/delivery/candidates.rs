//! The directories in which new files are tried before they are used.

use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// Makes an empty directory that is this user's alone.
pub(crate) fn make(folder: &Path) -> io::Result<()> {
    remove(folder);
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Removes it with everything in it: private keys among it. What is left over is removed before
/// the next use.
pub(crate) fn remove(folder: &Path) {
    let _ = std::fs::remove_dir_all(folder);
}
