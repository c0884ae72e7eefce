//! The directories that were made so that certificates can lie in them.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{Directories, Lease, StateError, document};

/// Directories of the extension's own, as far as they were made before a worker that may not make
/// them started: only its own directories are opened to users and groups.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MadeDirectories {
    /// Their paths.
    pub directories: BTreeSet<PathBuf>,
}

impl MadeDirectories {
    /// Those that are known.
    ///
    /// # Errors
    /// Where the list cannot be read, or is damaged: they count as other people's then.
    pub fn read(directories: &Directories) -> Result<Self, StateError> {
        document::read(&directories.made_directories_path()).map(Option::unwrap_or_default)
    }

    /// Keeps the list.
    ///
    /// # Errors
    /// Where the file cannot be replaced.
    pub fn replace(&self, directories: &Directories, _lease: &Lease) -> Result<(), StateError> {
        document::replace(&directories.made_directories_path(), self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_reads_back_and_a_damaged_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let directories = Directories::below(folder.path());
        directories.create().unwrap();
        assert_eq!(MadeDirectories::read(&directories).unwrap(), MadeDirectories::default());
        let lease = Lease::acquire(&directories).unwrap();
        let made = MadeDirectories { directories: ["/a".into(), "/a/b".into()].into() };
        made.replace(&directories, &lease).unwrap();
        assert_eq!(MadeDirectories::read(&directories).unwrap(), made);
        atomic_file::replace_file(&directories.made_directories_path(), 0o600, b"{").unwrap();
        let damage = MadeDirectories::read(&directories).unwrap_err().to_string();
        assert!(damage.contains("made-directories.json: is damaged"), "{damage}");
        directories.remove().unwrap();
        assert!(!directories.made_directories_path().exists());
    }
}
