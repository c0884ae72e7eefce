//! From a path to an opened directory, one component at a time.
//!
//! The kernel would follow every link on the way. A privileged writer must not: a user who can
//! write to one directory of the path could plant a link there and have our files land elsewhere.
//! So each component is opened without following, and a link is resolved by hand, if it is root's
//! or ours and stands where others cannot write (the rule of systemd's `CHASE_SAFE` and of the
//! kernel's `fs.protected_symlinks`).

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{self, AtFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::directory::Directory;
use crate::entry::{Entry, Kind};
use crate::error::FileError;
use crate::gate::{Call, Gate, OpenGate};

/// As many links as the kernel follows in one path (`path_resolution(7)`).
const MOST_LINKS: usize = 40;

/// How directories are opened: through which gate.
#[derive(Clone, Debug)]
pub struct Opening {
    gate: Arc<dyn Gate>,
}

/// An opened directory and what had to be made for it.
#[derive(Debug)]
pub struct Created {
    /// The directory.
    pub directory: Directory,
    /// The directories that did not exist before, outermost first.
    pub made: Vec<PathBuf>,
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
}

impl Default for Opening {
    fn default() -> Self {
        Opening::through(Arc::new(OpenGate))
    }
}

impl Opening {
    /// Opens directories whose every file-system call passes `gate`.
    pub fn through(gate: Arc<dyn Gate>) -> Self {
        Opening { gate }
    }

    /// Opens a directory that exists, see [`Directory::open`].
    ///
    /// # Errors
    /// As [`Directory::open`].
    pub fn open(&self, path: &Path) -> Result<Directory, FileError> {
        Ok(self.walk(path, None)?.directory)
    }

    /// Opens a directory; what is missing of the path is created with the permission bits `mode`.
    /// A directory that exists keeps its owner and mode.
    ///
    /// # Errors
    /// As [`Directory::open`], and where a directory cannot be created.
    pub fn create(&self, path: &Path, mode: u32) -> Result<Created, FileError> {
        self.walk(path, Some(mode))
    }

    fn walk(&self, path: &Path, create: Option<u32>) -> Result<Created, FileError> {
        let mut walk = Walk::start(self.gate.clone(), path)?;
        let mut made = Vec::new();
        while let Some(name) = walk.ahead.pop_front() {
            let Some(entry) = walk.look(&name)? else {
                let mode = create.ok_or_else(|| walk.refused("open", &name, Errno::NOENT))?;
                walk.make(&name, mode)?;
                made.push(walk.at.join(&name));
                walk.enter(&name)?;
                continue;
            };
            match entry.kind {
                Kind::Link => walk.follow(&name, entry, path)?,
                Kind::Directory => walk.enter(&name)?,
                _ => return Err(FileError::NotADirectory(walk.at.join(&name))),
            }
        }
        Ok(Created { directory: walk.opened(path)?, made })
    }
}

struct Walk {
    gate: Arc<dyn Gate>,
    here: OwnedFd,
    at: PathBuf,
    ahead: VecDeque<OsString>,
    links: usize,
}

impl Walk {
    fn start(gate: Arc<dyn Gate>, path: &Path) -> Result<Self, FileError> {
        let root = Path::new(if path.is_absolute() { "/" } else { "." });
        let here = open_start(gate.as_ref(), root)?;
        Ok(Walk { gate, here, at: root.into(), ahead: components(path).collect(), links: 0 })
    }

    fn look(&self, name: &OsStr) -> Result<Option<Entry>, FileError> {
        let looked = self.call(Call::Look, "look at", name, || {
            match fs::statat(&self.here, name, AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) => Ok(None),
                other => other.map(Some),
            }
        })?;
        Ok(looked.map(|stat| Entry::of(&stat)))
    }

    fn make(&self, name: &OsStr, mode: u32) -> Result<(), FileError> {
        self.call(Call::MakeDirectory, "create directory", name, || {
            match fs::mkdirat(&self.here, name, Mode::from_raw_mode(mode)) {
                Err(Errno::EXIST) => Ok(()), // somebody was faster; it is opened without following
                other => other,
            }
        })?;
        // A handle with `O_PATH` cannot be synced.
        self.opened(&self.at)?.sync()
    }

    fn enter(&mut self, name: &OsStr) -> Result<(), FileError> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        self.here = self.call(Call::Open, "open", name, || {
            fs::openat(&self.here, name, flags, Mode::empty())
        })?;
        self.at.push(name);
        Ok(())
    }

    fn follow(&mut self, name: &OsStr, link: Entry, whole: &Path) -> Result<(), FileError> {
        let place = self.call(Call::Look, "look at", OsStr::new(""), || fs::fstat(&self.here))?;
        if !trusted(link, Entry::of(&place)) {
            return Err(FileError::PlantedLink(self.at.join(name)));
        }
        self.links += 1;
        if self.links > MOST_LINKS {
            return Err(FileError::TooManyLinks(whole.into()));
        }
        let target = self
            .call(Call::Read, "read link", name, || fs::readlinkat(&self.here, name, Vec::new()))?;
        let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
        if target.is_absolute() {
            self.here = open_start(self.gate.as_ref(), Path::new("/"))?;
            self.at = "/".into();
        }
        for component in components(&target).rev() {
            self.ahead.push_front(component);
        }
        Ok(())
    }

    /// The handle so far is only a place in the tree (`O_PATH`); reading and syncing need more.
    fn opened(&self, path: &Path) -> Result<Directory, FileError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = self.call(Call::Open, "open", OsStr::new(""), || {
            fs::openat(&self.here, ".", flags, Mode::empty())
        })?;
        Ok(Directory::new(handle, path.into(), self.gate.clone()))
    }

    fn call<T>(
        &self,
        call: Call,
        action: &'static str,
        name: &OsStr,
        act: impl FnOnce() -> rustix::io::Result<T>,
    ) -> Result<T, FileError> {
        let done = self.gate.enter(call, name).and_then(|()| Ok(act()?));
        done.map_err(|source| FileError::Refused { action, path: self.place(name), source })
    }

    fn refused(&self, action: &'static str, name: &OsStr, errno: Errno) -> FileError {
        FileError::Refused { action, path: self.place(name), source: errno.into() }
    }

    fn place(&self, name: &OsStr) -> PathBuf {
        if name.is_empty() { self.at.clone() } else { self.at.join(name) }
    }
}

fn open_start(gate: &dyn Gate, root: &Path) -> Result<OwnedFd, FileError> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    gate.enter(Call::Open, root.as_os_str())
        .and_then(|()| Ok(fs::open(root, flags, Mode::empty())?))
        .map_err(|source| FileError::Refused { action: "open", path: root.into(), source })
}

fn components(path: &Path) -> impl DoubleEndedIterator<Item = OsString> {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    })
}

/// Whether nobody but root and we could have put `link` into the directory `place`.
fn trusted(link: Entry, place: Entry) -> bool {
    const STICKY: u32 = 0o1000;
    const OTHERS_WRITE: u32 = 0o022;
    let ours = |user: u32| user == 0 || user == rustix::process::geteuid().as_raw();
    ours(link.user)
        && ours(place.user)
        && (place.mode & OTHERS_WRITE == 0 || place.mode & STICKY != 0)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    fn entry(user: u32, mode: u32) -> Entry {
        let identity = (0, 0);
        Entry { kind: Kind::Link, mode, user, group: 0, length: 0, identity, changed: None }
    }

    #[test]
    fn a_link_is_trusted_only_where_others_cannot_place_one() {
        let stranger = rustix::process::geteuid().as_raw() + 4242;
        assert!(trusted(entry(0, 0o777), entry(0, 0o755)));
        assert!(
            trusted(entry(0, 0o777), entry(0, 0o1777)),
            "others cannot rename in sticky places"
        );
        assert!(!trusted(entry(stranger, 0o777), entry(0, 0o1777)), "but they can add links");
        assert!(!trusted(entry(0, 0o777), entry(0, 0o775)), "a group may write");
        assert!(!trusted(entry(0, 0o777), entry(stranger, 0o755)));
    }

    #[test]
    fn missing_directories_are_created_closed_and_existing_ones_keep_their_mode() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o751)).unwrap();
        let path = folder.path().join("a/b");
        let created = Opening::default().create(&path, 0o700).unwrap();
        assert_eq!(created.made, [folder.path().join("a"), path.clone()]);
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o7777, 0o700);
        assert_eq!(std::fs::metadata(folder.path()).unwrap().mode() & 0o7777, 0o751);
        assert!(Opening::default().create(&path, 0o755).unwrap().made.is_empty());
    }

    #[test]
    fn our_own_links_are_followed_relative_and_absolute() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("real/inner")).unwrap();
        symlink("real", folder.path().join("relative")).unwrap();
        symlink(folder.path().join("real"), folder.path().join("absolute")).unwrap();
        symlink("../real/../relative/inner", folder.path().join("real/round")).unwrap();
        let real = Directory::open(&folder.path().join("real/inner")).unwrap().entry().unwrap();
        for path in ["relative/inner", "absolute/inner", "real/round", "real/./inner/../inner"] {
            let opened = Directory::open(&folder.path().join(path)).unwrap();
            assert_eq!(opened.entry().unwrap().identity, real.identity, "{path}");
        }
    }

    #[test]
    fn a_link_in_a_directory_that_others_can_write_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let open = folder.path().join("open");
        std::fs::create_dir(&open).unwrap();
        std::fs::set_permissions(&open, PermissionsExt::from_mode(0o777)).unwrap();
        symlink("/etc", open.join("store")).unwrap();
        for path in ["store", "store/ssl"] {
            let error = Directory::open(&open.join(path)).unwrap_err();
            assert!(matches!(error, FileError::PlantedLink(_)), "{error}");
        }
    }

    #[test]
    fn links_in_a_circle_end() {
        let folder = tempfile::tempdir().unwrap();
        symlink("b", folder.path().join("a")).unwrap();
        symlink("a", folder.path().join("b")).unwrap();
        let error = Directory::open(&folder.path().join("a")).unwrap_err();
        assert!(matches!(error, FileError::TooManyLinks(_)), "{error}");
    }

    #[test]
    fn a_file_on_the_way_is_named() {
        let folder = tempfile::tempdir().unwrap();
        crate::replace_file(&folder.path().join("file"), 0o600, b"").unwrap();
        let error = Directory::open(&folder.path().join("file/store")).unwrap_err();
        assert!(
            matches!(&error, FileError::NotADirectory(path) if path.ends_with("file")),
            "{error}"
        );
    }
}
