//! Directories that are kept open: the way to one is walked once, not for each file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::directory::Directory;

/// So many are kept open; each takes a descriptor.
const MOST: usize = 8;

/// The directories that were opened last, eight at most.
#[derive(Debug, Default)]
pub struct KeptOpen(Mutex<BTreeMap<PathBuf, Directory>>);

impl KeptOpen {
    /// The directory at this path: the one that is open, or what `open` opens, which is kept.
    ///
    /// # Errors
    /// Those of `open`.
    pub fn or_open<E>(
        &self,
        path: &Path,
        open: impl FnOnce() -> Result<Directory, E>,
    ) -> Result<Directory, E> {
        if let Some(directory) = self.find(path) {
            return Ok(directory);
        }
        let directory = open()?;
        self.keep(&directory);
        Ok(directory)
    }

    /// The directory at this path, if it is open and nothing else has taken its place.
    fn find(&self, path: &Path) -> Option<Directory> {
        let found = self.opened().get(path).cloned()?;
        found.is_at_its_path().then_some(found)
    }

    fn keep(&self, directory: &Directory) {
        let mut opened = self.opened();
        if opened.len() >= MOST {
            opened.clear();
        }
        opened.insert(directory.path().to_owned(), directory.clone());
    }

    /// Closes all of them.
    pub fn forget(&self) {
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
        let kept = KeptOpen::default();
        let path = |number: usize| folder.path().join(number.to_string());
        for number in 0..=MOST {
            std::fs::create_dir(path(number)).unwrap();
            kept.keep(&Directory::open(&path(number)).unwrap());
            assert!(kept.find(&path(number)).is_some());
        }
        assert_eq!(kept.opened().len(), 1);
        std::fs::rename(path(MOST), folder.path().join("away")).unwrap();
        assert!(kept.find(&path(MOST)).is_none(), "gone");
        std::fs::create_dir(path(MOST)).unwrap();
        assert!(kept.find(&path(MOST)).is_none(), "another one");
        std::fs::remove_dir(path(MOST)).unwrap();
        std::os::unix::fs::symlink("away", path(MOST)).unwrap();
        assert!(kept.find(&path(MOST)).is_some(), "by a link, but the same");
    }
}
