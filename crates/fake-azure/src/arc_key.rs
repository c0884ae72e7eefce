//! The key files of Azure Arc's challenge: one for each challenge, good for one answer.

use std::collections::HashMap;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use crate::identifier::guid;

/// Key files in a directory, `/var/opt/azcmagent/tokens` on real machines.
pub(crate) struct KeyFiles {
    directory: PathBuf,
    open: HashMap<String, PathBuf>,
}

impl KeyFiles {
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self { directory, open: HashMap::new() }
    }

    /// A new key in a new file that its owner alone and the group can read.
    pub(crate) fn create(&mut self) -> io::Result<PathBuf> {
        std::fs::create_dir_all(&self.directory)?;
        let path = self.directory.join(format!("{}.key", guid()));
        let key = guid();
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o640).open(&path)?;
        file.write_all(key.as_bytes())?;
        self.open.insert(key, path.clone());
        Ok(path)
    }

    /// Whether this key was given out and not yet used; its file goes.
    pub(crate) fn take(&mut self, key: &str) -> bool {
        let Some(path) = self.open.remove(key) else { return false };
        // A test may have taken the file away to see what happens.
        let _ = std::fs::remove_file(path);
        true
    }
}
