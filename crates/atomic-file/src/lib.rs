//! The one way to write a file.
//!
//! A reader that opens a name at any moment finds the whole old content or the whole new content.
//! [`Directory`] is an opened directory handle; every step on a file is made relative to it, so
//! nobody can swap a directory under our feet between two steps. A replacement is written to a
//! temporary name beside its place, gets owner, access-control list and mode *before* it gets
//! content, is synced, renamed over the old name, and the directory is synced.
//!
//! No symbolic link is followed that another user could have planted: inside a directory none at
//! all, on the way to it only links of root's or our own that stand where others cannot write
//! (see [`Directory::open`]).
//!
//! Every file-system call passes a [`Gate`]. The product uses the open one; tests put their own
//! there to make the disk full, broken or dead at each call in turn.
//!
//! For the common case, a whole file at a path, there are [`replace_file`], [`refresh_file`] and
//! [`publish_file`].

mod access;
mod directory;
mod entry;
mod error;
mod gate;
mod kept_open;
mod read;
mod replace;
mod shared_sync;
mod staged;
mod walk;

use std::path::Path;

pub use directory::Directory;
pub use entry::{Entry, Examined, Kind};
pub use error::FileError;
pub use gate::{Call, Gate, OpenGate};
pub use kept_open::KeptOpen;
pub use replace::{Durability, FileOptions};
pub use staged::Staged;
pub use walk::{Created, Opening};

/// Replaces the file at `path` by `content` with the permission bits `mode` (for example
/// `0o600`), durably. Its directory must exist; the file need not.
///
/// # Errors
/// When the directory cannot be opened (see [`Directory::open`]) or the disk refuses; the old
/// file is untouched then.
pub fn replace_file(path: &Path, mode: u32, content: &[u8]) -> Result<(), FileError> {
    put(path, &FileOptions::mode(mode), content)
}

/// The same for a file that is written again and again, such as a status: after a power cut it is
/// whole, but can be the one before.
///
/// # Errors
/// As [`replace_file`].
pub fn refresh_file(path: &Path, mode: u32, content: &[u8]) -> Result<(), FileError> {
    let options = FileOptions { durability: Durability::Whole, ..FileOptions::mode(mode) };
    put(path, &options, content)
}

/// The same for a file that says nothing any more once the machine has stopped: after a power cut
/// it can be empty, too.
///
/// # Errors
/// As [`replace_file`].
pub fn publish_file(path: &Path, mode: u32, content: &[u8]) -> Result<(), FileError> {
    let options = FileOptions { durability: Durability::Volatile, ..FileOptions::mode(mode) };
    put(path, &options, content)
}

fn put(path: &Path, options: &FileOptions, content: &[u8]) -> Result<(), FileError> {
    let name = path.file_name().ok_or_else(|| FileError::BadName(path.into()))?;
    let parent = match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return Err(FileError::BadName(path.into())),
    };
    Directory::open(parent)?.replace(name, options, content)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_is_made_and_then_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        replace_file(&path, 0o600, b"one").unwrap();
        refresh_file(&path, 0o644, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o644);
        publish_file(&path, 0o600, b"three").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"three");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn a_path_without_a_file_name_is_refused() {
        let error = replace_file(Path::new("/"), 0o600, b"").unwrap_err();
        assert!(matches!(error, FileError::BadName(_)), "{error}");
    }

    #[test]
    fn a_missing_directory_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = replace_file(&folder.path().join("none/file"), 0o600, b"").unwrap_err();
        assert!(error.to_string().contains("/none\""), "{error}");
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    }
}
