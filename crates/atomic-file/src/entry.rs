//! What stands under a name.

use std::time::{Duration, SystemTime};

use rustix::fs::{FileType, Stat};

/// What kind of thing stands under a name. Nothing here is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A symbolic link.
    Link,
    /// A directory.
    Directory,
    /// A device, socket, pipe …
    Other,
}

/// Owner, mode and kind of what stands under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The kind.
    pub kind: Kind,
    /// The twelve permission bits. With an access-control list the group's three are its mask.
    pub mode: u32,
    /// The owner's user id.
    pub user: u32,
    /// The owning group's id.
    pub group: u32,
    /// The length in bytes.
    pub length: u64,
    /// Device and inode: equal for two names of the same thing.
    pub identity: (u64, u64),
    /// When content, mode, owner, attributes or number of names were changed last; what lies before 1970
    /// is not told.
    pub changed: Option<SystemTime>,
}

impl Entry {
    pub(crate) fn of(stat: &Stat) -> Self {
        Entry {
            kind: match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile => Kind::File,
                FileType::Symlink => Kind::Link,
                FileType::Directory => Kind::Directory,
                _ => Kind::Other,
            },
            mode: stat.st_mode & 0o7777,
            user: stat.st_uid,
            group: stat.st_gid,
            length: u64::try_from(stat.st_size).unwrap_or_default(),
            identity: (stat.st_dev, stat.st_ino),
            changed: changed(stat),
        }
    }
}

fn changed(stat: &Stat) -> Option<SystemTime> {
    let seconds = u64::try_from(stat.st_ctime).ok()?;
    let nanoseconds = u32::try_from(stat.st_ctime_nsec).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanoseconds))
}

/// One regular file, looked at through one handle: what is said about it belongs together.
pub struct Examined {
    /// Owner, mode, length.
    pub entry: Entry,
    /// The `system.posix_acl_access` attribute, if there is one.
    pub acl: Option<Vec<u8>>,
    /// The whole content. It may be a private key: the buffer was never reallocated, so wiping it
    /// wipes the only copy.
    pub content: Vec<u8>,
}

impl std::fmt::Debug for Examined {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Examined")
            .field("entry", &self.entry)
            .field("acl", &self.acl)
            .finish_non_exhaustive()
    }
}
