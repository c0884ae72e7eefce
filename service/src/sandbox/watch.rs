//! Whether the sandbox still fits. A directory that is removed, or removed and made again, while
//! the worker runs is another one than the sandbox was made for, and cannot be written from inside
//! it: only another start makes another sandbox.

use std::path::{Path, PathBuf};

use rustix::fs::{StatVfsMountFlags, statvfs};
use rustix::io::Errno;

use super::Places;

/// The places that could be written when the worker began. What could not be written then is not
/// mended by another start.
#[derive(Debug)]
pub(crate) struct Watch {
    needed: Vec<PathBuf>,
    others: Vec<PathBuf>,
}

impl Watch {
    pub(crate) fn begin(places: &Places) -> Self {
        let others = places.outputs.iter().chain(&places.agents).chain([&places.log]);
        let closed = |path: &&PathBuf| path.is_dir() && is_read_only(path);
        Self {
            needed: places.needed().filter(|path| !is_read_only(path)).cloned().collect(),
            others: others.filter(|path| !closed(path)).cloned().collect(),
        }
    }

    /// A place that cannot be written any more, if there is one.
    pub(crate) fn lost(&self) -> Option<&Path> {
        let needed = self.needed.iter().find(|path| is_read_only(path));
        // What others have removed, nobody misses; what they have made since, another start opens.
        let others = || self.others.iter().find(|path| path.is_dir() && is_read_only(path));
        needed.or_else(others).map(PathBuf::as_path)
    }
}

/// Whether nothing can be written there because of how it, or what is there of the way to it, is
/// mounted.
pub(crate) fn is_read_only(path: &Path) -> bool {
    for above in path.ancestors() {
        match statvfs(above) {
            Err(Errno::NOENT | Errno::NOTDIR) => {}
            Ok(mount) => return mount.f_flag.contains(StatVfsMountFlags::RDONLY),
            Err(_) => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_of(store: &Path) -> PathBuf {
        store.parent().unwrap().to_owned()
    }

    fn places(store: &Path) -> Places {
        Places {
            stores: [store.to_owned()].into(),
            outputs: [folder_of(store)].into(),
            own: [].into(),
            agents: ["/nonexistent".into()].into(),
            untouched: Vec::new(),
            log: "/nonexistent".into(),
            above: false,
        }
    }

    #[test]
    fn a_directory_that_can_be_written_is_not_lost_even_while_it_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let watch = Watch::begin(&places(&folder.path().join("missing/store")));
        assert_eq!(watch.lost(), None);
        assert_eq!(watch.needed.len(), 1);
    }

    #[test]
    fn proc_and_sys_aside_what_is_mounted_writable_is_not_read_only() {
        assert!(!is_read_only(Path::new("/proc/self")));
        assert!(!is_read_only(Path::new("")));
    }
}
