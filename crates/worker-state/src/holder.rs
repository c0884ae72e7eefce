//! Who holds the lease, as the kernel knows it.
//!
//! A worker says itself which process it is; but its announcement lies in the run-time directory,
//! and whoever wipes that must not make the worker unreachable.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::{Directories, Lease, ProcessIdentity};

/// So often the kernel's list is read. It comes in pieces of a page, and a lock that goes meanwhile
/// moves another one up past the next piece's beginning (`locks_start` of Linux's fs/locks.c counts
/// from the first lock). With 200 locks coming and going, one reading in 150 missed the lease.
const READINGS: usize = 5;

impl Lease {
    /// The process that holds the lease; `None` where nobody does, or it cannot be seen from here
    /// (another user's, another process namespace's).
    pub fn holder(directories: &Directories) -> Option<ProcessIdentity> {
        let path = fs::canonicalize(directories.lease_path()).ok()?;
        let inode = fs::metadata(&path).ok()?.ino();
        (0..READINGS).find_map(|_| {
            let locks = fs::read_to_string("/proc/locks").ok()?;
            holders(&locks, inode)
                .filter_map(ProcessIdentity::of)
                .find(|process| has_open(process.pid, &path))
        })
    }
}

/// The processes with an exclusive `flock` on a file of this inode number, by `/proc/locks`
/// (proc(5)): `1: FLOCK  ADVISORY  WRITE 1234 08:01:56789 0 EOF`. The device is not compared:
/// some file systems have one there and another one in `stat`.
fn holders(locks: &str, inode: u64) -> impl Iterator<Item = u32> {
    locks.lines().filter_map(move |line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let kind = [fields.next()?, fields.next()?, fields.next()?];
        let process = fields.next()?.parse().ok()?;
        let locked: u64 = fields.next()?.rsplit(':').next()?.parse().ok()?;
        (kind == ["FLOCK", "ADVISORY", "WRITE"] && locked == inode).then_some(process)
    })
}

/// Two file systems can have one inode number; this makes sure.
fn has_open(process: u32, path: &Path) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{process}/fd")) else { return false };
    descriptors.flatten().any(|it| fs::read_link(it.path()).is_ok_and(|link| link == path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exclusive_locks_on_the_file_count() {
        let locks = "1: FLOCK  ADVISORY  WRITE 12 08:01:77 0 EOF\n\
                     1: -> FLOCK  ADVISORY  WRITE 13 08:01:77 0 EOF\n\
                     2: FLOCK  ADVISORY  READ  14 08:01:77 0 EOF\n\
                     3: POSIX  ADVISORY  WRITE 15 08:01:77 0 EOF\n\
                     4: FLOCK  ADVISORY  WRITE 16 08:01:78 0 EOF\n\
                     5: FLOCK  ADVISORY  WRITE 17 00:2d:77 0 EOF\nnonsense\n";
        assert_eq!(holders(locks, 77).collect::<Vec<_>>(), [12, 17]);
    }

    #[test]
    fn a_process_that_does_not_have_the_file_open_is_not_the_holder() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = fs::canonicalize(file.path()).unwrap();
        assert!(has_open(std::process::id(), &path));
        drop(file);
        assert!(!has_open(std::process::id(), &path));
    }

    #[test]
    fn the_holder_is_found_without_its_announcement() {
        let folder = tempfile::tempdir().unwrap();
        let directories = Directories::below(folder.path());
        directories.create().unwrap();
        assert_eq!(Lease::holder(&directories), None);
        let lease = Lease::acquire(&directories).unwrap();
        assert_eq!(Lease::holder(&directories), ProcessIdentity::current());
        drop(lease);
        assert_eq!(Lease::holder(&directories), None);
    }
}
