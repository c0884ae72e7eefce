//! Access-control lists, and the mode of the directory itself.

use std::ffi::OsStr;
use std::os::fd::AsFd;

use rustix::fs::{self, Mode, XattrFlags};
use rustix::io::Errno;

use crate::directory::Directory;
use crate::error::FileError;
use crate::gate::Call;

/// The attribute that holds a file's access-control list (`acl(5)`).
const ACCESS_ACL: &str = "system.posix_acl_access";

/// Longer lists than this are not read; the kernel's own limit for an attribute.
const LONGEST_ACL: usize = 65_536;

/// A list with four bytes and eight for each of 63 entries (`posix_acl_xattr.h`): most are shorter.
const USUAL_ACL: usize = 508;

impl Directory {
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
        let (name, action) = (OsStr::new(""), "read the access-control list of");
        let asked = self.call(Call::Read, action, name, |handle| {
            match fs::fgetxattr(handle, ACCESS_ACL, &mut [0_u8; 0][..]) {
                Err(Errno::NODATA | Errno::RANGE) => Ok(()),
                other => other.map(|_| ()),
            }
        });
        match asked {
            Err(error) if error.is_unsupported() => Ok(false),
            other => other.map(|()| true),
        }
    }

    /// Sets the permission bits of the directory itself.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn set_mode(&self, mode: u32) -> Result<(), FileError> {
        self.call(Call::SetMode, "change the mode of", OsStr::new(""), |dir| {
            fs::fchmod(dir, Mode::from_raw_mode(mode))
        })
    }

    /// Sets or removes the access-control list of the directory itself. Removing leaves the mode
    /// as the list's mask made it.
    ///
    /// # Errors
    /// When the kernel refuses; [`FileError::is_unsupported`] where the file system has no lists.
    pub fn set_acl(&self, acl: Option<&[u8]>) -> Result<(), FileError> {
        let name = OsStr::new("");
        self.call(Call::SetAcl, "set the access-control list of", name, |dir| set_acl(dir, acl))
    }
}

/// No list, and a file system without lists, are the same to a reader.
pub(crate) fn acl(file: impl AsFd) -> rustix::io::Result<Option<Vec<u8>>> {
    let mut usual = [0; USUAL_ACL];
    let read = match fs::fgetxattr(&file, ACCESS_ACL, &mut usual[..]) {
        Err(Errno::RANGE) => {
            let mut bytes = vec![0; LONGEST_ACL];
            fs::fgetxattr(&file, ACCESS_ACL, &mut bytes[..]).map(|length| {
                bytes.truncate(length);
                bytes
            })
        }
        other => other.map(|length| usual[..length].to_vec()),
    };
    match read {
        Err(Errno::NODATA | Errno::OPNOTSUPP | Errno::NOSYS) => Ok(None),
        other => other.map(Some),
    }
}

pub(crate) fn set_acl(file: impl AsFd, acl: Option<&[u8]>) -> rustix::io::Result<()> {
    let Some(acl) = acl else {
        return match fs::fremovexattr(file, ACCESS_ACL) {
            Err(Errno::NODATA) => Ok(()), // there is none
            other => other,
        };
    };
    fs::fsetxattr(file, ACCESS_ACL, acl, XattrFlags::empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FileOptions;

    /// A list with so many named users beside the owner, the group, the mask and the others
    /// (`posix_acl_xattr.h`).
    fn list(users: u32) -> Vec<u8> {
        const NOBODY: u32 = u32::MAX;
        let named = (0..users).map(|user| (0x02, 10_000 + user));
        let entries = [(0x01, NOBODY)].into_iter().chain(named);
        let entries = entries.chain([0x04, 0x10, 0x20].map(|tag: u16| (tag, NOBODY)));
        let entry = |(tag, id): (u16, u32)| {
            [&tag.to_le_bytes()[..], &4_u16.to_le_bytes(), &id.to_le_bytes()].concat()
        };
        2_u32.to_le_bytes().into_iter().chain(entries.flat_map(entry)).collect()
    }

    #[test]
    fn a_list_is_read_as_it_was_set_however_long_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let directory = Directory::open(folder.path()).unwrap();
        for users in [1, 59, 60, 200] {
            let acl = Some(list(users));
            let options = FileOptions { acl: acl.clone(), ..FileOptions::mode(0o600) };
            directory.replace("file", &options, b"x").unwrap();
            assert_eq!(directory.examine("file", 9).unwrap().unwrap().acl, acl, "{users}");
        }
    }
}
