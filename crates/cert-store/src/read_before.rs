//! Files that were read before and that nobody has touched since: they need not be read again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use atomic_file::{Directory, Entry, FileError};

use crate::digest::digest;
use crate::private_file::examine;

/// So long a file has to have been left alone before it is read, or it is read once more: one that
/// is changed twice within a tick of its file system's clock looks like one that was changed once.
/// The coarsest tick is FAT's, two seconds. git's index has the same rule ("racily clean",
/// Documentation/technical/racy-git).
const LEFT_ALONE: Duration = Duration::from_secs(3);
/// A certificate has three files and their metadata.
const MOST: usize = 4;

/// What one certificate's files contained when they were last read. A file is the same as then if
/// device, inode, owner, mode, length and the time of its last change are: the kernel sets that time
/// with every change of content, mode, owner or access-control list, and nobody else can
/// (inode(7), `st_ctime`).
#[derive(Clone, Debug, Default)]
pub struct ReadBefore(Arc<Mutex<Vec<Arc<Read>>>>);

/// What was read of a file.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) entry: Entry,
    pub(crate) acl: Option<Vec<u8>>,
    pub(crate) digest: String,
}

impl ReadBefore {
    /// A regular file of the store, as it is now; anything else is as good as none. `now` is not
    /// later than this call.
    pub(crate) fn look(
        &self,
        directory: &Directory,
        name: &str,
        now: SystemTime,
    ) -> Result<Option<Arc<Read>>, FileError> {
        let Some(entry) = directory.look(name)? else { return Ok(None) };
        if let Some(read) = self.files().iter().find(|read| read.entry == entry) {
            return Ok(Some(Arc::clone(read)));
        }
        let Some(found) = examine(directory, name)? else { return Ok(None) };
        let digest = digest(&found.content);
        let read = Arc::new(Read { entry: found.entry, acl: found.acl, digest });
        let age = |changed| now.duration_since(changed).ok();
        if read.entry.changed.and_then(age).is_some_and(|age| age > LEFT_ALONE) {
            self.keep(&read);
        }
        Ok(Some(read))
    }

    fn keep(&self, read: &Arc<Read>) {
        let mut files = self.files();
        files.retain(|other| other.entry.identity != read.entry.identity);
        if files.len() == MOST {
            files.remove(0);
        }
        files.push(Arc::clone(read));
    }

    fn files(&self) -> MutexGuard<'_, Vec<Arc<Read>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests change files as others would")]

    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::Path;

    use super::*;

    fn bed() -> (tempfile::TempDir, Directory, ReadBefore) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "one").unwrap();
        let directory = Directory::open(folder.path()).unwrap();
        (folder, directory, ReadBefore::default())
    }

    fn later() -> SystemTime {
        SystemTime::now() + LEFT_ALONE * 2
    }

    fn look(before: &ReadBefore, directory: &Directory, now: SystemTime) -> Arc<Read> {
        before.look(directory, "file", now).unwrap().unwrap()
    }

    /// The same bytes in number, in the same file, by a clock that has gone on.
    fn write_again(path: &Path, text: &str) {
        let changed = |path| fs::metadata(path).unwrap().modified().unwrap();
        let before = changed(path);
        while changed(path) == before {
            fs::write(path, text).unwrap();
        }
    }

    #[test]
    fn what_nobody_touched_is_read_once() {
        let (_folder, directory, before) = bed();
        let first = look(&before, &directory, later());
        assert!(Arc::ptr_eq(&first, &look(&before, &directory, later())));
        assert_eq!(first.digest, digest(b"one"));
    }

    #[test]
    fn what_was_changed_a_moment_ago_is_read_again() {
        let (_folder, directory, before) = bed();
        let now = SystemTime::now();
        let first = look(&before, &directory, now);
        assert!(!Arc::ptr_eq(&first, &look(&before, &directory, now)));
        let year_1970 = SystemTime::UNIX_EPOCH;
        let third = look(&before, &directory, year_1970);
        assert!(!Arc::ptr_eq(&third, &look(&before, &directory, year_1970)), "a clock put back");
    }

    #[test]
    fn every_change_is_seen() {
        let (folder, directory, before) = bed();
        let path = folder.path().join("file");
        look(&before, &directory, later());
        write_again(&path, "two");
        assert_eq!(look(&before, &directory, later()).digest, digest(b"two"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(look(&before, &directory, later()).entry.mode, 0o640);
        fs::write(folder.path().join("other"), "two").unwrap();
        fs::rename(folder.path().join("other"), &path).unwrap();
        assert_ne!(look(&before, &directory, later()).entry.mode, 0o640);
        fs::remove_file(&path).unwrap();
        assert!(before.look(&directory, "file", later()).unwrap().is_none());
        symlink("elsewhere", &path).unwrap();
        assert!(before.look(&directory, "file", later()).unwrap().is_none());
    }

    #[test]
    fn the_time_of_modification_alone_hides_nothing() {
        let (folder, directory, before) = bed();
        let path = folder.path().join("file");
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        look(&before, &directory, later());
        write_again(&path, "two");
        fs::File::options().append(true).open(&path).unwrap().set_modified(modified).unwrap();
        assert_eq!(look(&before, &directory, later()).digest, digest(b"two"));
    }

    #[test]
    fn few_files_are_kept() {
        let (folder, directory, before) = bed();
        for number in 0..2 * MOST {
            let name = number.to_string();
            fs::write(folder.path().join(&name), "x").unwrap();
            before.look(&directory, &name, later()).unwrap().unwrap();
        }
        assert_eq!(before.files().len(), MOST);
    }
}
