//! New files and links under temporary names, until they are put in their places.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;

use rustix::fd::BorrowedFd;
use rustix::fs;
use rustix::io::{Errno, retry_on_intr};
use rustix::rand::{GetRandomFlags, getrandom};

use crate::directory::Directory;
use crate::entry::Kind;
use crate::error::FileError;
use crate::gate::Call;

/// Temporary names are `.akvvm-`, 16 hexadecimal digits, `.tmp`. [`Directory::sweep`] removes
/// exactly these: a directory may be used by others too. The final name is no part of it, because
/// with it the longest names would not fit.
const PREFIX: &str = ".akvvm-";
const SUFFIX: &str = ".tmp";
const DIGITS: usize = 16;

/// A file or link that is complete under a temporary name, and is removed again unless it is put
/// in its place.
#[derive(Debug)]
pub struct Staged {
    directory: Directory,
    temporary: Option<OsString>,
    place: OsString,
}

impl Staged {
    /// Makes something under a name that nothing had.
    pub(crate) fn make<T>(
        directory: &Directory,
        (call, action): (Call, &'static str),
        place: &OsStr,
        make: impl Fn(BorrowedFd<'_>, &OsStr) -> rustix::io::Result<T>,
    ) -> Result<(Self, T), FileError> {
        let (temporary, made) = directory.call(call, action, place, |handle| {
            loop {
                let temporary = temporary_name()?;
                match make(handle, &temporary) {
                    Err(Errno::EXIST) => {} // by chance, or planted: another number
                    other => return other.map(|made| (temporary, made)),
                }
            }
        })?;
        Ok((
            Staged {
                directory: directory.clone(),
                temporary: Some(temporary),
                place: place.into(),
            },
            made,
        ))
    }

    /// Puts it in its place, over what stands there: a reader sees the old or the new. The
    /// directory is not synced.
    ///
    /// # Errors
    /// When the disk refuses, or a directory stands there.
    pub fn place(mut self) -> Result<(), FileError> {
        let Some(temporary) = &self.temporary else { return Ok(()) };
        self.directory.call(Call::Rename, "rename to", &self.place, |handle| {
            fs::renameat(handle, temporary, handle, &self.place)
        })?;
        self.temporary = None;
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if let Some(name) = &self.temporary {
            // The caller reports why it gave up; what cannot be removed now is swept later.
            let _ = self.directory.remove(name);
        }
    }
}

impl Directory {
    /// Removes the temporary files and links that killed predecessors left; returns how many.
    /// Only for a caller that knows that no other process is writing here.
    ///
    /// # Errors
    /// When the directory cannot be listed or a name cannot be removed.
    pub fn sweep(&self) -> Result<usize, FileError> {
        let mut removed = 0;
        for name in self.list()?.iter().filter(|name| is_temporary(name)) {
            let kind = self.look(name)?.map(|entry| entry.kind);
            if kind.is_some_and(|kind| kind != Kind::Directory) && self.remove(name)? {
                removed += 1;
            }
        }
        Ok(removed)
    }
}

fn temporary_name() -> rustix::io::Result<OsString> {
    let mut random = [0_u8; DIGITS / 2];
    retry_on_intr(|| getrandom(&mut random, GetRandomFlags::empty()))?;
    let mut name = String::from(PREFIX);
    for byte in random {
        let _ = write!(name, "{byte:02x}"); // writing to a string cannot fail
    }
    Ok((name + SUFFIX).into())
}

fn is_temporary(name: &OsStr) -> bool {
    let digits = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX));
    digits.is_some_and(|digits| {
        digits.len() == DIGITS && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::*;
    use crate::FileOptions;

    #[test]
    fn a_sweep_takes_temporary_files_only() {
        let folder = tempfile::tempdir().unwrap();
        let directory = Directory::open(folder.path()).unwrap();
        let own = temporary_name().unwrap();
        symlink("/etc/passwd", folder.path().join(temporary_name().unwrap())).unwrap();
        let others = [".akvvm-0123456789abcdeF.tmp", ".akvvm-0123.tmp", "keep"];
        for name in others.iter().map(OsStr::new).chain([own.as_os_str()]) {
            directory.replace(name, &FileOptions::mode(0o600), b"").unwrap();
        }
        assert_eq!(directory.sweep().unwrap(), 2);
        let left: BTreeSet<_> = directory.list().unwrap().into_iter().collect();
        assert_eq!(left, others.iter().map(OsString::from).collect());
        assert!(Path::new("/etc/passwd").exists());
    }

    #[test]
    fn nothing_is_visible_before_it_is_placed_and_nothing_is_left_if_it_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let directory = Directory::open(folder.path()).unwrap();
        let file = directory.stage("file", &FileOptions::mode(0o600), b"new").unwrap();
        let link = directory.stage_link("link", "file").unwrap();
        assert_eq!(directory.look("file").unwrap(), None);
        file.place().unwrap();
        drop(link);
        assert_eq!(directory.list().unwrap(), ["file"]);
    }
}
