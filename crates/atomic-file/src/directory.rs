//! An opened directory: looking into it.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{self, AtFlags, Dir, Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};

use crate::entry::{Entry, Examined, Kind};
use crate::error::FileError;
use crate::gate::{Call, Gate};
use crate::walk::Opening;

/// The attribute that holds a file's access-control list (`acl(5)`).
pub(crate) const ACCESS_ACL: &str = "system.posix_acl_access";

/// Longer lists than this are not read; the kernel's own limit for an attribute.
const LONGEST_ACL: usize = 65_536;

/// An opened directory handle; every name below is relative to it and none is followed.
pub struct Directory {
    handle: OwnedFd,
    path: PathBuf,
    gate: Arc<dyn Gate>,
}

impl Directory {
    /// Opens a directory that exists. Symbolic links on the way are followed only if root or we
    /// own them and the directory they stand in, and others cannot write there (or it is sticky).
    ///
    /// # Errors
    /// [`FileError::PlantedLink`] for other links, and whatever the kernel refuses.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        Opening::default().open(path)
    }

    pub(crate) fn new(handle: OwnedFd, path: PathBuf, gate: Arc<dyn Gate>) -> Self {
        Directory { handle, path, gate }
    }

    /// The path that it was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Owner and mode of the directory itself.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn entry(&self) -> Result<Entry, FileError> {
        let stat = self.call(Call::Look, "look at", OsStr::new(""), |dir| fs::fstat(dir))?;
        Ok(Entry::of(&stat))
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

    /// The content of a regular file of at most `limit` bytes; no such name: `None`. The buffer is
    /// never reallocated, so a caller that wipes it leaves no copy behind.
    ///
    /// # Errors
    /// [`FileError::NotARegularFile`], also for a link; [`FileError::TooLong`]; what the kernel
    /// refuses.
    pub fn read(&self, name: impl AsRef<OsStr>, limit: u64) -> Result<Option<Vec<u8>>, FileError> {
        let name = self.checked(name.as_ref())?;
        let Some((file, entry)) = self.open_file(name)? else { return Ok(None) };
        self.content(name, &file, entry, limit).map(Some)
    }

    /// Owner, mode, access-control list and content of a regular file, through one handle.
    ///
    /// # Errors
    /// As [`Directory::read`].
    pub fn examine(
        &self,
        name: impl AsRef<OsStr>,
        limit: u64,
    ) -> Result<Option<Examined>, FileError> {
        let name = self.checked(name.as_ref())?;
        let Some((file, entry)) = self.open_file(name)? else { return Ok(None) };
        let acl = self.call(Call::Read, "read the access-control list of", name, |_| acl(&file))?;
        Ok(Some(Examined { entry, acl, content: self.content(name, &file, entry, limit)? }))
    }

    /// The access-control list of the directory itself, if it has one.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn acl(&self) -> Result<Option<Vec<u8>>, FileError> {
        let name = OsStr::new("");
        self.call(Call::Read, "read the access-control list of", name, |dir| acl(dir))
    }

    /// Whether the directory's file system keeps access-control lists.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn keeps_acls(&self) -> Result<bool, FileError> {
        let name = OsStr::new("");
        let asked =
            self.call(
                Call::Read,
                "read the access-control list of",
                name,
                |dir| match fs::fgetxattr(dir, ACCESS_ACL, &mut [0_u8; 0][..]) {
                    Err(Errno::NODATA | Errno::RANGE) => Ok(()),
                    other => other.map(|_| ()),
                },
            );
        match asked {
            Err(error) if error.is_unsupported() => Ok(false),
            other => other.map(|()| true),
        }
    }

    fn open_file(&self, name: &OsStr) -> Result<Option<(OwnedFd, Entry)>, FileError> {
        // Without O_NONBLOCK a pipe planted under the name would hold us up for ever.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = self.call(Call::Open, "open", name, |dir| {
            match fs::openat(dir, name, flags, Mode::empty()) {
                Err(Errno::LOOP | Errno::NXIO) => Ok(Err(())), // a link, a socket
                Err(Errno::NOENT) => Ok(Ok(None)),
                other => other.map(|file| Ok(Some(file))),
            }
        })?;
        let wrong_kind = || FileError::NotARegularFile(self.path.join(name));
        let Some(file) = opened.map_err(|()| wrong_kind())? else { return Ok(None) };
        let entry = Entry::of(&self.call(Call::Look, "look at", name, |_| fs::fstat(&file))?);
        if entry.kind == Kind::File { Ok(Some((file, entry))) } else { Err(wrong_kind()) }
    }

    fn content(
        &self,
        name: &OsStr,
        file: &OwnedFd,
        entry: Entry,
        limit: u64,
    ) -> Result<Vec<u8>, FileError> {
        let too_long = || FileError::TooLong { path: self.path.join(name), limit };
        if entry.length > limit {
            return Err(too_long());
        }
        // One byte more than expected tells a file that grows while it is read.
        let mut content = vec![0; usize::try_from(entry.length).map_err(|_| too_long())? + 1];
        let mut length = 0;
        while length < content.len() {
            let room = &mut content[length..];
            let read = self.call(Call::Read, "read", name, |_| {
                retry_on_intr(|| rustix::io::read(file, &mut *room))
            })?;
            if read == 0 {
                break;
            }
            length += read;
        }
        if length == content.len() {
            return Err(too_long());
        }
        content.truncate(length);
        Ok(content)
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

/// No list, and a file system without lists, are the same to a reader.
fn acl(file: impl AsFd) -> rustix::io::Result<Option<Vec<u8>>> {
    let mut bytes = vec![0; LONGEST_ACL];
    match fs::fgetxattr(file, ACCESS_ACL, &mut bytes[..]) {
        Err(Errno::NODATA | Errno::OPNOTSUPP | Errno::NOSYS) => Ok(None),
        other => {
            bytes.truncate(other?);
            Ok(Some(bytes))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::FileOptions;

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
    fn only_regular_files_are_read() {
        let (folder, directory) = directory();
        symlink("/etc/hostname", folder.path().join("link")).unwrap();
        std::fs::create_dir(folder.path().join("directory")).unwrap();
        let fifo = folder.path().join("fifo");
        fs::mknodat(fs::CWD, &fifo, fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
        for name in ["link", "directory", "fifo", "socket"] {
            let error = directory.read(name, 10).unwrap_err();
            assert!(matches!(error, FileError::NotARegularFile(_)), "{name}: {error}");
        }
    }

    #[test]
    fn a_file_longer_than_the_limit_is_not_read() {
        let (_folder, directory) = directory();
        directory.replace("file", &FileOptions::mode(0o600), b"0123456789").unwrap();
        assert_eq!(directory.read("file", 10).unwrap().unwrap(), b"0123456789");
        let error = directory.read("file", 9).unwrap_err();
        assert!(matches!(error, FileError::TooLong { limit: 9, .. }), "{error}");
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
