//! Stores that are open: the way to a store is walked once a pass, not for each certificate.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use atomic_file::Directory;

/// So many are kept open; each takes a descriptor.
const MOST: usize = 8;

/// What was opened last.
#[derive(Debug, Default)]
pub(super) struct OpenedStores(Mutex<BTreeMap<PathBuf, Directory>>);

impl OpenedStores {
    /// The store at this path, if it is open and nothing else has taken its place.
    pub(super) fn find(&self, path: &Path) -> Option<Directory> {
        let found = self.opened().get(path).cloned()?;
        found.is_at_its_path().then_some(found)
    }

    pub(super) fn keep(&self, directory: &Directory) {
        let mut opened = self.opened();
        if opened.len() >= MOST {
            opened.clear();
        }
        opened.insert(directory.path().to_owned(), directory.clone());
    }

    pub(super) fn forget(&self) {
        self.opened().clear();
    }

    fn opened(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Directory>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_replaced_is_not_found_and_not_many_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let stores = OpenedStores::default();
        let path = |number: usize| folder.path().join(number.to_string());
        for number in 0..=MOST {
            std::fs::create_dir(path(number)).unwrap();
            stores.keep(&Directory::open(&path(number)).unwrap());
            assert!(stores.find(&path(number)).is_some());
        }
        assert_eq!(stores.opened().len(), 1);
        std::fs::rename(path(MOST), folder.path().join("away")).unwrap();
        assert!(stores.find(&path(MOST)).is_none(), "gone");
        std::fs::create_dir(path(MOST)).unwrap();
        assert!(stores.find(&path(MOST)).is_none(), "another one");
        std::fs::remove_dir(path(MOST)).unwrap();
        std::os::unix::fs::symlink("away", path(MOST)).unwrap();
        assert!(stores.find(&path(MOST)).is_some(), "by a link, but the same");
    }
}
