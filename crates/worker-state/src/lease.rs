//! The two locks: the worker's lease, and the handler's own.
//!
//! Both are `flock(2)` locks on files in the state directory. The kernel drops them when the
//! process ends, however it ends; a program that is done with one unlocks it, since closing is not
//! enough (see [`Locked`]).

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use fs2::FileExt;

use crate::Directories;

/// Proof that this process, and no other, is the worker (or has seen that there is none).
///
/// Whoever needs to write what the worker writes takes a `&Lease`.
#[derive(Debug)]
pub struct Lease {
    locked: Mutex<Locked>,
}

/// How a lease was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseStanding {
    /// As it was taken.
    Firm,
    /// Its file was gone, perhaps with the whole state directory; it has been taken anew.
    Renewed,
}

impl Lease {
    /// Takes the lease at once or not at all.
    ///
    /// # Errors
    /// [`LeaseError::Held`] while another process holds it. A handler holds it for moments only
    /// (to see that it is free, or to write while no worker lives), so a worker that finds it
    /// held tries again for a few seconds before it believes in another worker.
    pub fn acquire(directories: &Directories) -> Result<Self, LeaseError> {
        lock(&directories.lease_path()).map(|locked| Self { locked: Mutex::new(locked) })
    }

    /// Makes sure that this is still the lease that others would ask for. Whoever removes the
    /// state directory takes the lock's file along, and another worker could begin beside this one.
    ///
    /// # Errors
    /// [`LeaseError::Held`] where another process has taken the lease meanwhile.
    pub fn confirm(&self, directories: &Directories) -> Result<LeaseStanding, LeaseError> {
        let path = directories.lease_path();
        let mut locked = self.locked.lock().unwrap_or_else(PoisonError::into_inner);
        if locked.stands_at(&path) {
            return Ok(LeaseStanding::Firm);
        }
        *locked = lock(&path)?;
        Ok(LeaseStanding::Renewed)
    }
}

/// Proof that no other handler command is at work.
#[derive(Debug)]
pub struct HandlerLock {
    _locked: Locked,
}

impl HandlerLock {
    /// Takes the lock at once or not at all.
    ///
    /// # Errors
    /// [`LeaseError::Held`] while another handler command is at work.
    pub fn acquire(directories: &Directories) -> Result<Self, LeaseError> {
        lock(&directories.handler_lock_path()).map(|locked| Self { _locked: locked })
    }
}

/// A lock could not be taken.
#[derive(Debug)]
pub enum LeaseError {
    /// Another process has it.
    Held,
    /// The lock file cannot be opened or locked.
    Unusable(std::path::PathBuf, io::Error),
}

impl fmt::Display for LeaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held => f.write_str("another process holds the lock"),
            Self::Unusable(path, error) => {
                write!(f, "{}: cannot be locked: {error}", path.display())
            }
        }
    }
}

impl std::error::Error for LeaseError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Held => None,
            Self::Unusable(_, error) => Some(error),
        }
    }
}

/// A file with its lock, which ends here and now when this is dropped. Closing the file alone would
/// leave it held for as long as a child, forked by another thread at that moment, has not yet come
/// to its `execve`: the lock belongs to the open file, and the child has that open too (flock(2)).
#[derive(Debug)]
struct Locked(File);

impl Locked {
    fn stands_at(&self, path: &Path) -> bool {
        let (Ok(file), Ok(there)) = (self.0.metadata(), std::fs::symlink_metadata(path)) else {
            return false;
        };
        (file.dev(), file.ino()) == (there.dev(), there.ino())
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // Where this fails, closing is what is left, and follows at once.
        let _ = FileExt::unlock(&self.0);
    }
}

fn lock(path: &Path) -> Result<Locked, LeaseError> {
    loop {
        let locked = lock_opened(path)?;
        if locked.stands_at(path) {
            return Ok(locked);
        }
        // It was removed, by an uninstall, between opening and locking: whoever comes next locks
        // another file.
    }
}

fn lock_opened(path: &Path) -> Result<Locked, LeaseError> {
    let unusable = |error| LeaseError::Unusable(path.into(), error);
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32)
        .open(path)
        .map_err(unusable)?;
    match file.try_lock_exclusive() {
        Ok(()) => Ok(Locked(file)),
        Err(error) if error.raw_os_error() == fs2::lock_contended_error().raw_os_error() => {
            Err(LeaseError::Held)
        }
        Err(error) => Err(unusable(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_can_be_held_once_and_is_free_again_when_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let directories = Directories::below(folder.path());
        directories.create().unwrap();
        let lease = Lease::acquire(&directories).unwrap();
        assert!(matches!(Lease::acquire(&directories), Err(LeaseError::Held)));
        drop(lease);
        Lease::acquire(&directories).unwrap();
    }

    #[test]
    fn a_lease_that_is_dropped_is_free_though_a_child_still_has_its_file_open() {
        let folder = tempfile::tempdir().unwrap();
        let directories = Directories::below(folder.path());
        directories.create().unwrap();
        let lease = Lease::acquire(&directories).unwrap();
        // What a fork leaves in the child until its execve.
        let _in_the_child = lease.locked.lock().unwrap().0.try_clone().unwrap();
        drop(lease);
        Lease::acquire(&directories).unwrap();
    }

    #[test]
    fn the_handlers_lock_and_the_lease_are_two_locks() {
        let folder = tempfile::tempdir().unwrap();
        let directories = Directories::below(folder.path());
        directories.create().unwrap();
        let _lease = Lease::acquire(&directories).unwrap();
        HandlerLock::acquire(&directories).unwrap();
    }

    #[test]
    fn a_lock_on_a_removed_file_is_no_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lease");
        let held = lock(&path).unwrap();
        assert!(held.stands_at(&path));
        std::fs::remove_file(&path).unwrap();
        assert!(!held.stands_at(&path));
        let next = lock(&path).unwrap();
        assert!(next.stands_at(&path) && !held.stands_at(&path));
    }

    #[test]
    fn a_lease_whose_file_is_gone_is_taken_anew_unless_another_was_quicker() {
        let folder = tempfile::tempdir().unwrap();
        let directories = Directories::below(folder.path());
        directories.create().unwrap();
        let lease = Lease::acquire(&directories).unwrap();
        assert_eq!(lease.confirm(&directories).unwrap(), LeaseStanding::Firm);
        std::fs::remove_dir_all(directories.state()).unwrap();
        assert!(lease.confirm(&directories).is_err());
        directories.create().unwrap();
        assert_eq!(lease.confirm(&directories).unwrap(), LeaseStanding::Renewed);
        assert!(matches!(Lease::acquire(&directories), Err(LeaseError::Held)));
        std::fs::remove_file(directories.lease_path()).unwrap();
        let _quicker = Lease::acquire(&directories).unwrap();
        assert!(matches!(lease.confirm(&directories), Err(LeaseError::Held)));
    }

    #[test]
    fn a_link_in_the_place_of_the_lease_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, elsewhere) = (folder.path().join("lease"), folder.path().join("elsewhere"));
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        assert!(matches!(lock_opened(&path), Err(LeaseError::Unusable(..))));
        assert!(!elsewhere.exists());
    }

    #[test]
    fn a_missing_state_directory_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = Lease::acquire(&Directories::below(folder.path())).unwrap_err();
        assert!(error.to_string().contains("state/lease"), "{error}");
    }
}
