//! An opened directory: looking into it.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{self, AtFlags, Dir, Mode, OFlags};
use rustix::io::Errno;

use crate::entry::Entry;
use crate::error::FileError;
use crate::gate::{Call, Gate};
use crate::shared_sync::SharedSync;

/// An opened directory handle; every name below is relative to it and none is followed. A clone is
/// the same handle.
#[derive(Clone)]
pub struct Directory {
    handle: Arc<OwnedFd>,
    pub(crate) syncs: Arc<SharedSync>,
    path: PathBuf,
    gate: Arc<dyn Gate>,
}

impl Directory {
    pub(crate) fn new(handle: OwnedFd, path: PathBuf, gate: Arc<dyn Gate>) -> Self {
        Directory { handle: Arc::new(handle), syncs: Arc::default(), path, gate }
    }

    /// The path that it was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether its path still leads to it. Links on the way are followed, and not asked whose they
    /// are: it is this directory that was found to be trusted.
    pub fn is_at_its_path(&self) -> bool {
        let same = self.call(Call::Look, "look at", OsStr::new(""), |dir| {
            let (here, there) = (fs::fstat(dir)?, fs::stat(&self.path)?);
            Ok(Entry::of(&here).identity == Entry::of(&there).identity)
        });
        same.unwrap_or(false)
    }

    /// Owner and mode of the directory itself.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn entry(&self) -> Result<Entry, FileError> {
        let stat = self.call(Call::Look, "look at", OsStr::new(""), |dir| fs::fstat(dir))?;
        Ok(Entry::of(&stat))
    }

    /// Opens the directory `name` in this one, not followed; nothing: `None`.
    ///
    /// # Errors
    /// When it is no directory, or the kernel refuses.
    pub fn enter(&self, name: impl AsRef<OsStr>) -> Result<Option<Self>, FileError> {
        let name = self.checked(name.as_ref())?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let handle = self.call(Call::Open, "open", name, |dir| {
            absent_as_none(fs::openat(dir, name, flags, Mode::empty()))
        })?;
        let opened = |handle| Self::new(handle, self.path.join(name), Arc::clone(&self.gate));
        Ok(handle.map(opened))
    }

    /// Opens the directory `name` in this one, not followed; makes it with the permission bits
    /// `mode` and without an access-control list if there is none. The directory that it stands in
    /// is not synced.
    ///
    /// # Errors
    /// When something else stands there, or the kernel refuses.
    pub fn make(&self, name: impl AsRef<OsStr>, mode: u32) -> Result<Self, FileError> {
        let name = name.as_ref();
        if let Some(there) = self.enter(name)? {
            return Ok(there);
        }
        self.call(Call::MakeDirectory, "create directory", name, |dir| {
            fs::mkdirat(dir, name, Mode::RWXU)
        })?;
        let gone = FileError::NotADirectory(self.path.join(name));
        let made = self.enter(name)?.ok_or(gone)?;
        match made.set_acl(None) {
            Err(error) if error.is_unsupported() => {} // there is none
            other => other?,
        }
        made.set_mode(mode)?;
        Ok(made)
    }

    /// What stands under `name`, not followed; nothing: `None`.
    ///
    /// # Errors
    /// When the kernel refuses, or for a name that is none.
    pub fn look(&self, name: impl AsRef<OsStr>) -> Result<Option<Entry>, FileError> {
        let name = self.checked(name.as_ref())?;
        let stat = self.call(Call::Look, "look at", name, |dir| {
            absent_as_none(fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW))
        })?;
        Ok(stat.map(|stat| Entry::of(&stat)))
    }

    /// What `name` leads to in the end, links followed; nothing, a circle or something out of reach:
    /// `None`. Good for comparing [`Entry::identity`], not for deciding what to open.
    ///
    /// # Errors
    /// When the kernel refuses, or for a name that is none.
    pub fn resolve(&self, name: impl AsRef<OsStr>) -> Result<Option<Entry>, FileError> {
        let name = self.checked(name.as_ref())?;
        let stat = self.call(Call::Look, "look at", name, |dir| {
            match fs::statat(dir, name, AtFlags::empty()) {
                Err(Errno::LOOP | Errno::NOTDIR | Errno::ACCESS) => Ok(None),
                other => absent_as_none(other),
            }
        })?;
        Ok(stat.map(|stat| Entry::of(&stat)))
    }

    /// All names, sorted, without `.` and `..`.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn list(&self) -> Result<Vec<OsString>, FileError> {
        let mut names = self.call(Call::List, "list", OsStr::new(""), |dir| {
            let mut names = Vec::new();
            for entry in Dir::read_from(dir)? {
                let name = entry?.file_name().to_bytes().to_vec();
                if name != b"." && name != b".." {
                    names.push(OsString::from_vec(name));
                }
            }
            Ok(names)
        })?;
        names.sort();
        Ok(names)
    }

    /// Where the symbolic link `name` points; no such name: `None`.
    ///
    /// # Errors
    /// When it is not a link, or the kernel refuses.
    pub fn read_link(&self, name: impl AsRef<OsStr>) -> Result<Option<PathBuf>, FileError> {
        let name = self.checked(name.as_ref())?;
        let target = self.call(Call::Read, "read link", name, |dir| {
            absent_as_none(fs::readlinkat(dir, name, Vec::new()))
        })?;
        Ok(target.map(|target| OsString::from_vec(target.into_bytes()).into()))
    }

    pub(crate) fn checked<'n>(&self, name: &'n OsStr) -> Result<&'n OsStr, FileError> {
        let bytes = name.as_bytes();
        let bad =
            matches!(bytes, b"" | b"." | b"..") || bytes.iter().any(|b| matches!(b, 0 | b'/'));
        if bad { Err(FileError::BadName(self.path.join(name))) } else { Ok(name) }
    }

    /// Makes one call through the gate.
    pub(crate) fn call<T>(
        &self,
        call: Call,
        action: &'static str,
        name: &OsStr,
        act: impl FnOnce(BorrowedFd<'_>) -> rustix::io::Result<T>,
    ) -> Result<T, FileError> {
        let done = self.gate.enter(call, name).and_then(|()| Ok(act(self.handle.as_fd())?));
        done.map_err(|source| {
            let path = if name.is_empty() { self.path.clone() } else { self.path.join(name) };
            FileError::Refused { action, path, source }
        })
    }

    pub(crate) fn longest_write(&self) -> usize {
        self.gate.longest_write().max(1)
    }
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Directory").field(&self.path).finish()
    }
}

fn absent_as_none<T>(result: rustix::io::Result<T>) -> rustix::io::Result<Option<T>> {
    match result {
        Err(Errno::NOENT) => Ok(None),
        other => other.map(Some),
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn what_is_made_has_the_mode_that_was_asked_for_and_no_list_of_the_parents() {
        let (folder, directory) = directory();
        // One for whatever is made in it (acl(5), "default ACL"): user 61001 may do anything.
        let mut list = vec![2, 0, 0, 0];
        for (tag, id) in
            [(1_u16, u32::MAX), (2, 61_001), (4, u32::MAX), (16, u32::MAX), (32, u32::MAX)]
        {
            list.extend([tag.to_le_bytes(), 7_u16.to_le_bytes()].concat());
            list.extend(id.to_le_bytes());
        }
        let parent = std::fs::File::open(folder.path()).unwrap();
        let none = fs::XattrFlags::empty();
        fs::fsetxattr(&parent, "system.posix_acl_default", &list, none).unwrap();
        let made = directory.make("made", 0o750).unwrap();
        assert_eq!((made.entry().unwrap().mode, made.acl().unwrap()), (0o750, None));
    }

    fn directory() -> (tempfile::TempDir, Directory) {
        let folder = tempfile::tempdir().unwrap();
        let directory = Directory::open(folder.path()).unwrap();
        (folder, directory)
    }

    #[test]
    fn what_is_not_there_is_none_and_not_an_error() {
        let (_folder, directory) = directory();
        assert_eq!(directory.look("none").unwrap(), None);
        assert_eq!(directory.read("none", 10).unwrap(), None);
        assert_eq!(directory.read_link("none").unwrap(), None);
        assert!(directory.examine("none", 10).unwrap().is_none());
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        let (_folder, directory) = directory();
        for name in ["", ".", "..", "a/b", "/etc/passwd", "a\0b"] {
            let error = directory.look(name).unwrap_err();
            assert!(matches!(error, FileError::BadName(_)), "{name:?}: {error}");
        }
    }

    #[test]
    fn a_listing_is_sorted_and_complete() {
        let (folder, directory) = directory();
        for name in ["b", "a", ".c"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        assert_eq!(directory.list().unwrap(), [".c", "a", "b"]);
    }
}
