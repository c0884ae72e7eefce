//! Reading regular files.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;

use rustix::fs::{self, Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};

use crate::access::acl;
use crate::directory::Directory;
use crate::entry::{Entry, Examined, Kind};
use crate::error::FileError;
use crate::gate::Call;

impl Directory {
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
        let wrong_kind = || FileError::NotARegularFile(self.path().join(name));
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
        let too_long = || FileError::TooLong { path: self.path().join(name), limit };
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
}
