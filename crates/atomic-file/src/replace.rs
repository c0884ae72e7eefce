//! Changing what stands in a directory.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{self, AtFlags, Gid, Mode, OFlags, Uid, XattrFlags};
use rustix::io::{Errno, retry_on_intr};
use rustix::rand::{GetRandomFlags, getrandom};

use crate::directory::{ACCESS_ACL, Directory};
use crate::entry::Kind;
use crate::error::FileError;
use crate::gate::Call;

/// Temporary names are `.akvvm-`, 16 hexadecimal digits, `.tmp`. [`Directory::sweep`] removes
/// exactly these: a store may be a directory that others use too. The final name is no part of
/// it, because with it the longest names would not fit.
const TEMPORARY_PREFIX: &str = ".akvvm-";
const TEMPORARY_SUFFIX: &str = ".tmp";
const TEMPORARY_DIGITS: usize = 16;

/// How a new file is to stand there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileOptions {
    /// Permission bits. Not applied where there is an `acl`, which says the same and more.
    pub mode: u32,
    /// User and group id; `None`: whatever the process creates.
    pub owner: Option<(u32, u32)>,
    /// The value of the `system.posix_acl_access` attribute; `None`: the file has no list, also
    /// where the directory's default list would give it one.
    pub acl: Option<Vec<u8>>,
    /// Whether to wait for the disk.
    pub durability: Durability,
}

impl FileOptions {
    /// A durable file with the permission bits `mode`, ours, without an access-control list.
    pub fn mode(mode: u32) -> Self {
        FileOptions { mode, owner: None, acl: None, durability: Durability::Synced }
    }
}

/// Whether a replacement survives a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// File and directory are synced: after a power cut the old or the new file is whole.
    Synced,
    /// Nothing is synced: good for a heartbeat, which the next boot writes again anyway.
    Unsynced,
}

impl Directory {
    /// Replaces (or makes) the file `name`.
    ///
    /// # Errors
    /// When the disk refuses; the old file is untouched then, and only if the process dies in the
    /// middle a temporary file is left for [`Directory::sweep`].
    pub fn replace(
        &self,
        name: impl AsRef<OsStr>,
        options: &FileOptions,
        content: &[u8],
    ) -> Result<(), FileError> {
        let name = self.checked(name.as_ref())?;
        let (temporary, file) = self.create_temporary(name)?;
        self.dress(&file, name, options)?;
        self.write(&file, name, content)?;
        if options.durability == Durability::Synced {
            self.call(Call::Sync, "sync", name, |_| retry_on_intr(|| fs::fsync(&file)))?;
        }
        drop(file);
        temporary.rename_to(name)?;
        if options.durability == Durability::Synced { self.sync() } else { Ok(()) }
    }

    /// Replaces (or makes) the symbolic link `name`, durably. A reader sees the old link or the
    /// new one, never none.
    ///
    /// # Errors
    /// When the disk refuses, or `name` is a directory; the old link is untouched then.
    pub fn replace_link(
        &self,
        name: impl AsRef<OsStr>,
        target: impl AsRef<Path>,
    ) -> Result<(), FileError> {
        let name = self.checked(name.as_ref())?;
        let target = target.as_ref();
        let (temporary, ()) = self.temporary(Call::MakeLink, "make link", name, |dir, own| {
            fs::symlinkat(target, dir, own)
        })?;
        temporary.rename_to(name)?;
        self.sync()
    }

    /// Removes the file or link `name`; says whether there was one. The directory is not synced.
    ///
    /// # Errors
    /// When the kernel refuses, or `name` is a directory.
    pub fn remove(&self, name: impl AsRef<OsStr>) -> Result<bool, FileError> {
        let name = self.checked(name.as_ref())?;
        self.call(Call::Remove, "remove", name, |dir| {
            match fs::unlinkat(dir, name, AtFlags::empty()) {
                Err(Errno::NOENT) => Ok(false),
                other => other.map(|()| true),
            }
        })
    }

    /// Brings names that were added, replaced and removed to the disk.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn sync(&self) -> Result<(), FileError> {
        self.call(Call::Sync, "sync", OsStr::new(""), |dir| {
            match retry_on_intr(|| fs::fsync(dir)) {
                Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(()), // directories cannot be synced here
                other => other,
            }
        })
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
        self.call(Call::SetAcl, "set the access-control list of", OsStr::new(""), |dir| {
            set_acl(dir, acl)
        })
    }

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

    fn create_temporary(&self, name: &OsStr) -> Result<(Temporary<'_>, OwnedFd), FileError> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        self.temporary(Call::Create, "create", name, |dir, own| {
            fs::openat(dir, own, flags, Mode::RUSR | Mode::WUSR)
        })
    }

    fn temporary<T>(
        &self,
        call: Call,
        action: &'static str,
        name: &OsStr,
        make: impl Fn(rustix::fd::BorrowedFd<'_>, &OsStr) -> rustix::io::Result<T>,
    ) -> Result<(Temporary<'_>, T), FileError> {
        let (own, made) = self.call(call, action, name, |dir| {
            loop {
                let own = temporary_name()?;
                match make(dir, &own) {
                    Err(Errno::EXIST) => {} // by chance, or planted: another number
                    other => return other.map(|made| (own, made)),
                }
            }
        })?;
        Ok((Temporary { directory: self, name: Some(own) }, made))
    }

    /// Owner first (it would clear bits of the mode), then the list or the mode: the file is as
    /// closed as it will be before it has any content.
    fn dress(&self, file: &OwnedFd, name: &OsStr, options: &FileOptions) -> Result<(), FileError> {
        if let Some((user, group)) = options.owner {
            let (user, group) = (Uid::from_raw(user), Gid::from_raw(group));
            self.call(Call::SetOwner, "change the owner of", name, |_| {
                fs::fchown(file, Some(user), Some(group))
            })?;
        }
        self.call(Call::SetAcl, "set the access-control list of", name, |_| {
            set_acl(file, options.acl.as_deref())
        })?;
        if options.acl.is_none() {
            self.call(Call::SetMode, "change the mode of", name, |_| {
                fs::fchmod(file, Mode::from_raw_mode(options.mode))
            })?;
        }
        Ok(())
    }

    fn write(&self, file: &OwnedFd, name: &OsStr, content: &[u8]) -> Result<(), FileError> {
        for mut piece in content.chunks(self.longest_write()) {
            while !piece.is_empty() {
                let written = self.call(Call::Write, "write", name, |_| {
                    retry_on_intr(|| rustix::io::write(file, piece))
                })?;
                piece = &piece[written..];
            }
        }
        Ok(())
    }
}

/// A temporary name, removed again unless it was renamed to its place.
struct Temporary<'d> {
    directory: &'d Directory,
    name: Option<OsString>,
}

impl Temporary<'_> {
    fn rename_to(mut self, name: &OsStr) -> Result<(), FileError> {
        let Some(own) = &self.name else { return Ok(()) };
        self.directory
            .call(Call::Rename, "rename to", name, |dir| fs::renameat(dir, own, dir, name))?;
        self.name = None;
        Ok(())
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            // The caller reports why it gave up; what cannot be removed now is swept later.
            let _ = self.directory.remove(name);
        }
    }
}

fn temporary_name() -> rustix::io::Result<OsString> {
    let mut random = [0_u8; TEMPORARY_DIGITS / 2];
    retry_on_intr(|| getrandom(&mut random, GetRandomFlags::empty()))?;
    let mut name = String::from(TEMPORARY_PREFIX);
    for byte in random {
        let _ = write!(name, "{byte:02x}"); // writing to a string cannot fail
    }
    Ok((name + TEMPORARY_SUFFIX).into())
}

fn is_temporary(name: &OsStr) -> bool {
    let digits = name
        .to_str()
        .and_then(|name| name.strip_prefix(TEMPORARY_PREFIX)?.strip_suffix(TEMPORARY_SUFFIX));
    digits.is_some_and(|digits| {
        digits.len() == TEMPORARY_DIGITS
            && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
}

fn set_acl(file: impl AsFd, acl: Option<&[u8]>) -> rustix::io::Result<()> {
    let Some(acl) = acl else {
        return match fs::fremovexattr(file, ACCESS_ACL) {
            Err(Errno::NODATA | Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()), // there is none
            other => other,
        };
    };
    fs::fsetxattr(file, ACCESS_ACL, acl, XattrFlags::empty())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::io;
    use std::os::unix::fs::{MetadataExt, symlink};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::{Gate, Opening};

    const PRIVATE: u32 = 0o600;

    fn directory() -> (tempfile::TempDir, Directory) {
        let folder = tempfile::tempdir().unwrap();
        let directory = Directory::open(folder.path()).unwrap();
        (folder, directory)
    }

    fn names(folder: &tempfile::TempDir) -> Vec<OsString> {
        Directory::open(folder.path()).unwrap().list().unwrap()
    }

    #[test]
    fn a_planted_link_is_replaced_and_not_written_through() {
        let (folder, directory) = directory();
        let victim = folder.path().join("victim");
        directory.replace("victim", &FileOptions::mode(0o644), b"victim").unwrap();
        symlink(&victim, folder.path().join("planted")).unwrap();
        std::fs::hard_link(&victim, folder.path().join("hard")).unwrap();
        for name in ["planted", "hard"] {
            directory.replace(name, &FileOptions::mode(PRIVATE), b"secret").unwrap();
            assert_eq!(directory.read(name, 9).unwrap().unwrap(), b"secret");
        }
        assert_eq!(std::fs::read(&victim).unwrap(), b"victim");
        assert_eq!(std::fs::metadata(&victim).unwrap().mode() & 0o7777, 0o644);
    }

    #[test]
    fn a_link_is_made_and_moved() {
        let (folder, directory) = directory();
        directory.replace_link("link", "one").unwrap();
        directory.replace_link("link", "two").unwrap();
        assert_eq!(directory.read_link("link").unwrap().unwrap(), Path::new("two"));
        assert_eq!(names(&folder), ["link"]);
    }

    #[test]
    fn a_directory_under_the_name_is_an_error_and_stays() {
        let (folder, directory) = directory();
        std::fs::create_dir(folder.path().join("name")).unwrap();
        directory.replace_link("name", "target").unwrap_err();
        directory.replace("name", &FileOptions::mode(PRIVATE), b"").unwrap_err();
        directory.remove("name").unwrap_err();
        assert_eq!(names(&folder), ["name"]);
    }

    #[test]
    fn removing_says_whether_there_was_something() {
        let (_folder, directory) = directory();
        directory.replace("file", &FileOptions::mode(PRIVATE), b"").unwrap();
        assert!(directory.remove("file").unwrap());
        assert!(!directory.remove("file").unwrap());
    }

    #[test]
    fn the_longest_name_a_file_system_takes_can_be_written() {
        let (_folder, directory) = directory();
        let name = "n".repeat(255);
        directory.replace(&name, &FileOptions::mode(PRIVATE), b"long").unwrap();
        assert!(directory.look(&name).unwrap().is_some());
    }

    #[test]
    fn a_sweep_takes_temporary_files_only() {
        let (folder, directory) = directory();
        let own = temporary_name().unwrap();
        let link = temporary_name().unwrap();
        symlink("/etc/passwd", folder.path().join(&link)).unwrap();
        let others = [".akvvm-0123456789abcdeF.tmp", ".akvvm-0123.tmp", "keep"];
        for name in others.iter().map(OsStr::new).chain([own.as_os_str()]) {
            directory.replace(name, &FileOptions::mode(PRIVATE), b"").unwrap();
        }
        assert_eq!(directory.sweep().unwrap(), 2);
        let left: BTreeSet<_> = names(&folder).into_iter().collect();
        assert_eq!(left, others.iter().map(OsString::from).collect());
        assert!(Path::new("/etc/passwd").exists());
    }

    /// Lets the call number `fails` fail, and after it every one if `dies`.
    struct Failing {
        fails: usize,
        dies: bool,
        errno: Errno,
        made: AtomicUsize,
        seen: Mutex<Vec<Call>>,
    }

    impl Failing {
        fn at(fails: usize, dies: bool, errno: Errno) -> Arc<Self> {
            let (made, seen) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
            Arc::new(Failing { fails, dies, errno, made, seen })
        }
    }

    impl Gate for Failing {
        fn enter(&self, call: Call, _name: &OsStr) -> io::Result<()> {
            self.seen.lock().unwrap().push(call);
            let number = self.made.fetch_add(1, Ordering::Relaxed);
            let fails = number == self.fails || (self.dies && number > self.fails);
            if fails { Err(self.errno.into()) } else { Ok(()) }
        }

        fn longest_write(&self) -> usize {
            3
        }
    }

    #[test]
    fn at_every_call_a_failure_or_death_leaves_the_old_or_the_new_file_whole() {
        let mut points = 0;
        for (dies, errno) in [(true, Errno::IO), (false, Errno::NOSPC), (false, Errno::IO)] {
            for fails in 0.. {
                let (folder, plain) = directory();
                plain.replace("file", &FileOptions::mode(PRIVATE), b"old content").unwrap();
                let gate = Failing::at(fails, dies, errno);
                let opening = Opening::through(gate.clone());
                let done = opening.open(folder.path()).and_then(|directory| {
                    directory.replace("file", &FileOptions::mode(PRIVATE), b"new content")
                });
                let content = plain.read("file", 99).unwrap().unwrap();
                assert!(content == b"old content" || content == b"new content");
                assert!(done.is_err() || content == b"new content");
                assert!(dies || names(&folder) == ["file"], "what failed cleans up");
                plain.sweep().unwrap();
                assert_eq!(names(&folder), ["file"]);
                if gate.made.load(Ordering::Relaxed) <= fails {
                    break;
                }
                points += 1;
            }
        }
        println!("{points} points of failure tried");
        assert!(points > 30);
    }

    #[test]
    fn owner_list_and_mode_come_before_content() {
        let folder = tempfile::tempdir().unwrap();
        let gate = Failing::at(usize::MAX, false, Errno::IO);
        let directory = Opening::through(gate.clone()).open(folder.path()).unwrap();
        let owner = directory.entry().unwrap();
        gate.seen.lock().unwrap().clear();
        let options =
            FileOptions { owner: Some((owner.user, owner.group)), ..FileOptions::mode(PRIVATE) };
        directory.replace("file", &options, b"abc").unwrap();
        let expected = [
            Call::Create,
            Call::SetOwner,
            Call::SetAcl,
            Call::SetMode,
            Call::Write,
            Call::Sync,
            Call::Rename,
            Call::Sync,
        ];
        assert_eq!(*gate.seen.lock().unwrap(), expected);
    }

    #[test]
    fn a_directory_takes_a_mode_and_a_file_forgets_an_inherited_list() {
        let (_folder, directory) = directory();
        directory.set_mode(0o711).unwrap();
        assert_eq!(directory.entry().unwrap().mode, 0o711);
        directory.set_acl(None).unwrap();
        assert_eq!(directory.acl().unwrap(), None);
        directory.replace("file", &FileOptions::mode(0o640), b"x").unwrap();
        let examined = directory.examine("file", 9).unwrap().unwrap();
        assert_eq!((examined.entry.mode, examined.acl), (0o640, None));
        assert_eq!(examined.content, b"x");
    }
}
