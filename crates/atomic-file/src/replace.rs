//! Changing what stands in a directory.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{self, AtFlags, Gid, Mode, OFlags, Uid};
use rustix::io::{Errno, retry_on_intr};

use crate::access::set_acl;
use crate::directory::Directory;
use crate::entry::Entry;
use crate::error::FileError;
use crate::gate::Call;
use crate::staged::Staged;

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
    /// Whether to wait until the disk has its name, too.
    pub durability: Durability,
}

impl FileOptions {
    /// A durable file with the permission bits `mode`, ours, without an access-control list.
    pub fn mode(mode: u32) -> Self {
        FileOptions { mode, owner: None, acl: None, durability: Durability::Synced }
    }
}

/// What a power cut leaves of a replacement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// File and directory are synced: the new file, whole.
    Synced,
    /// The file is synced, its directory is not: the old or the new file, whole. Good for what the
    /// next boot writes again anyway.
    Whole,
    /// Nothing is synced: the old or the new file, or an empty one. Good for what says nothing any
    /// more once the machine has stopped, to readers who take an empty file for none.
    Volatile,
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
        self.stage(name, options, content)?.place()?;
        if options.durability == Durability::Synced { self.sync() } else { Ok(()) }
    }

    /// Writes the file that is to stand under `name` to a temporary name beside it. Several of
    /// these, placed one right after the other, change within microseconds.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn stage(
        &self,
        name: impl AsRef<OsStr>,
        options: &FileOptions,
        content: &[u8],
    ) -> Result<Staged, FileError> {
        let name = self.checked(name.as_ref())?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let create = (Call::Create, "create");
        let (staged, file) = Staged::make(self, create, name, |handle, temporary| {
            fs::openat(handle, temporary, flags, Mode::RUSR | Mode::WUSR)
        })?;
        self.dress(&file, name, options)?;
        self.write(&file, name, content)?;
        if options.durability != Durability::Volatile {
            self.call(Call::Sync, "sync", name, |_| retry_on_intr(|| fs::fsync(&file)))?;
        }
        Ok(staged)
    }

    /// Makes the symbolic link that is to stand under `name` under a temporary name beside it.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn stage_link(
        &self,
        name: impl AsRef<OsStr>,
        target: impl AsRef<Path>,
    ) -> Result<Staged, FileError> {
        let name = self.checked(name.as_ref())?;
        let make = (Call::MakeLink, "make link");
        let (staged, ()) = Staged::make(self, make, name, |handle, temporary| {
            fs::symlinkat(target.as_ref(), handle, temporary)
        })?;
        Ok(staged)
    }

    /// Makes the symbolic link `name` where nothing has that name; says whether it is so. The
    /// directory is not synced.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn make_link(
        &self,
        name: impl AsRef<OsStr>,
        target: impl AsRef<Path>,
    ) -> Result<bool, FileError> {
        let name = self.checked(name.as_ref())?;
        self.call(Call::MakeLink, "make link", name, |dir| {
            match fs::symlinkat(target.as_ref(), dir, name) {
                Err(Errno::EXIST) => Ok(false),
                other => other.map(|()| true),
            }
        })
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

    /// Removes the directory `name` and the files and links in it; says whether there was one. The
    /// directory that it stood in is not synced.
    ///
    /// # Errors
    /// When the kernel refuses, `name` is no directory, or holds another one.
    pub fn remove_directory(&self, name: impl AsRef<OsStr>) -> Result<bool, FileError> {
        let name = self.checked(name.as_ref())?;
        let Some(inner) = self.enter(name)? else { return Ok(false) };
        for inside in inner.list()? {
            inner.remove(inside)?;
        }
        self.call(Call::Remove, "remove", name, |dir| {
            fs::unlinkat(dir, name, AtFlags::REMOVEDIR).map(|()| true)
        })
    }

    /// Brings names that were added, replaced and removed to the disk. Threads that ask for that
    /// at the same time, through clones of one directory, share a sync.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn sync(&self) -> Result<(), FileError> {
        self.call(Call::Sync, "sync", OsStr::new(""), |dir| {
            match self.syncs.sync(|| retry_on_intr(|| fs::fsync(dir))) {
                Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(()), // directories cannot be synced here
                other => other,
            }
        })
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
        let listed = self.call(Call::SetAcl, "set the access-control list of", name, |_| {
            set_acl(file, options.acl.as_deref())
        });
        match listed {
            Err(error) if error.is_unsupported() && options.acl.is_none() => {} // there is none
            other => other?,
        }
        if options.acl.is_none() {
            self.call(Call::SetMode, "change the mode of", name, |_| {
                fs::fchmod(file, Mode::from_raw_mode(options.mode))
            })?;
            let stat = self.call(Call::Look, "look at", name, |_| fs::fstat(file))?;
            if Entry::of(&stat).mode & !options.mode != 0 {
                return Err(FileError::WiderMode(self.path().join(name)));
            }
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

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::io;
    use std::os::unix::fs::{MetadataExt, symlink};
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
        directory.stage_link("link", "one").unwrap().place().unwrap();
        directory.stage_link("link", "two").unwrap().place().unwrap();
        assert_eq!(directory.read_link("link").unwrap().unwrap(), Path::new("two"));
        assert_eq!(names(&folder), ["link"]);
    }

    #[test]
    fn a_link_is_made_only_where_nothing_has_its_name() {
        let (_folder, directory) = directory();
        assert!(directory.make_link("link", "one").unwrap());
        assert!(!directory.make_link("link", "two").unwrap());
        assert_eq!(directory.read_link("link").unwrap().unwrap(), Path::new("one"));
        directory.make_link("a/b", "one").unwrap_err();
    }

    #[test]
    fn a_directory_under_the_name_is_an_error_and_stays() {
        let (folder, directory) = directory();
        std::fs::create_dir(folder.path().join("name")).unwrap();
        directory.stage_link("name", "target").unwrap().place().unwrap_err();
        directory.replace("name", &FileOptions::mode(PRIVATE), b"").unwrap_err();
        directory.remove("name").unwrap_err();
        assert_eq!(names(&folder), ["name"]);
    }

    #[test]
    fn a_directory_goes_with_its_files_but_not_with_another_directory() {
        let (folder, directory) = directory();
        let inner = directory.make("set", 0o755).unwrap();
        inner.replace("file", &FileOptions::mode(PRIVATE), b"x").unwrap();
        inner.make_link("link", "/etc").unwrap();
        assert!(directory.remove_directory("set").unwrap());
        assert!(!directory.remove_directory("set").unwrap());
        assert!(Path::new("/etc").exists());
        directory.make("set", 0o755).unwrap().make("inner", 0o700).unwrap();
        directory.remove_directory("set").unwrap_err();
        symlink(folder.path().join("set"), folder.path().join("link")).unwrap();
        directory.remove_directory("link").unwrap_err();
        assert_eq!(names(&folder), ["link", "set"]);
    }

    #[test]
    fn a_directory_is_made_once_with_its_mode() {
        let (_folder, directory) = directory();
        let made = directory.make("set", 0o755).unwrap();
        assert_eq!(made.entry().unwrap().mode, 0o755);
        made.set_mode(0o700).unwrap();
        assert_eq!(directory.make("set", 0o755).unwrap().entry().unwrap().mode, 0o700);
        symlink("set", directory.path().join("link")).unwrap();
        directory.make("link", 0o755).unwrap_err();
        assert!(directory.enter("none").unwrap().is_none());
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

    #[derive(Default)]
    struct Recording(Mutex<Vec<Call>>);

    impl Gate for Recording {
        fn enter(&self, call: Call, _name: &OsStr) -> io::Result<()> {
            self.0.lock().unwrap().push(call);
            Ok(())
        }
    }

    #[test]
    fn owner_list_and_mode_come_before_content() {
        let folder = tempfile::tempdir().unwrap();
        let gate = Arc::new(Recording::default());
        let directory = Opening::through(gate.clone()).open(folder.path()).unwrap();
        let owner = directory.entry().unwrap();
        gate.0.lock().unwrap().clear();
        let options =
            FileOptions { owner: Some((owner.user, owner.group)), ..FileOptions::mode(PRIVATE) };
        directory.replace("file", &options, b"abc").unwrap();
        let mut expected = vec![
            Call::Create,
            Call::SetOwner,
            Call::SetAcl,
            Call::SetMode,
            Call::Look,
            Call::Write,
            Call::Sync,
            Call::Rename,
            Call::Sync,
        ];
        assert_eq!(std::mem::take(&mut *gate.0.lock().unwrap()), expected);
        let options = FileOptions { durability: Durability::Whole, ..options };
        directory.replace("file", &options, b"abc").unwrap();
        assert_eq!(expected.pop(), Some(Call::Sync), "the directory's");
        assert_eq!(std::mem::take(&mut *gate.0.lock().unwrap()), expected);
        let options = FileOptions { durability: Durability::Volatile, ..options };
        directory.replace("file", &options, b"abc").unwrap();
        expected.retain(|call| *call != Call::Sync);
        assert_eq!(*gate.0.lock().unwrap(), expected);
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
