//! What keeps a store from this process: how the directory is mounted for it (proc(5),
//! `/proc/self/mountinfo`), and which directive of systemd.exec(5) does that.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use cert_store::Closed;

use super::Places;

const HOMES: [&str; 3] = ["/home", "/root", "/run/user"];

/// One mount, as far as it matters here.
#[derive(Debug)]
struct Mount {
    /// What of the file system is mounted.
    root: PathBuf,
    /// Where.
    point: PathBuf,
    read_only: bool,
    /// Whether the file system itself is read-only, for everybody.
    all_read_only: bool,
    file_system: String,
    /// Whether it was made in this process' view: mounts of the machine are copies with a master.
    own: bool,
}

/// The stores that this process cannot use because it is confined, and why.
pub(crate) fn closed(places: &Places) -> BTreeMap<PathBuf, Closed> {
    let Ok(text) = fs::read("/proc/self/mountinfo") else { return BTreeMap::new() };
    let mounts: Vec<_> = text.split(|byte| *byte == b'\n').filter_map(mount).collect();
    let closed = |store: &PathBuf| Some((store.clone(), verdict(&mounts, &resolved(store))?));
    places.stores.iter().filter_map(closed).collect()
}

/// The directory, or the nearest one above that is there, without links.
fn resolved(path: &Path) -> PathBuf {
    path.ancestors().find_map(|above| fs::canonicalize(above).ok()).unwrap_or_default()
}

fn verdict(mounts: &[Mount], path: &Path) -> Option<Closed> {
    // Of several on one point the last one is seen.
    let covering = mounts.iter().filter(|mount| path.starts_with(&mount.point));
    let mount = covering.max_by_key(|mount| mount.point.components().count())?;
    let (directive, hidden) = mount.directive()?;
    let how = if hidden { "hidden" } else { "read-only" };
    let why = format!(
        "is {how} by {directive} of this service's unit; take that away, or add the directory to \
         ReadWritePaths=, with systemctl edit akvvm_service and a restart, or choose another \
         certificateStoreLocation"
    );
    Some(Closed { why, hidden })
}

impl Mount {
    /// What has closed it for this process alone, and whether something else is seen in its place.
    fn directive(&self) -> Option<(&'static str, bool)> {
        let home = HOMES.iter().any(|home| self.point.starts_with(home));
        let root = self.root.to_string_lossy();
        let stand_in = root.contains("/inaccessible/");
        let empty = home && self.own && self.file_system == "tmpfs";
        if root.contains("/systemd-private-") {
            Some(("PrivateTmp=", true))
        } else if home && (stand_in || empty) {
            Some(("ProtectHome=", true))
        } else if stand_in {
            Some(("InaccessiblePaths=", true))
        } else if !self.read_only || self.all_read_only {
            None
        } else if home {
            Some(("ProtectHome=", false))
        } else {
            Some(("ProtectSystem= or ReadOnlyPaths=", false))
        }
    }
}

/// A line: `36 35 98:0 /root /point rw,noatime master:1 - ext4 /dev/sda rw,errors=continue`.
fn mount(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ').skip(3);
    let (root, point, options) = (fields.next()?, fields.next()?, fields.next()?);
    let tags: Vec<_> = fields.by_ref().take_while(|field| *field != b"-").collect();
    let (file_system, _source, all) = (fields.next()?, fields.next()?, fields.next()?);
    let read_only = |options: &[u8]| options.split(|byte| *byte == b',').any(|one| one == b"ro");
    Some(Mount {
        root: unescaped(root),
        point: unescaped(point),
        read_only: read_only(options),
        all_read_only: read_only(all),
        file_system: String::from_utf8_lossy(file_system).into_owned(),
        own: !tags.iter().any(|tag| tag.starts_with(b"master:")),
    })
}

/// Spaces, tabs, line breaks and backslashes are written as three octal digits there.
fn unescaped(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, tail)) = rest.split_first() {
        let digits = tail.get(..3).filter(|_| first == b'\\');
        let octal = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        match octal.and_then(|octal| u8::from_str_radix(octal, 8).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[3..];
            }
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    PathBuf::from(std::ffi::OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
1 0 8:1 / / ro,relatime master:1 - ext4 /dev/sda1 rw
2 1 8:1 /srv/certs /srv/certs rw - ext4 /dev/sda1 rw
3 1 8:1 /tmp/systemd-private-0-akvvm_service.service-x/tmp /tmp rw shared:7 - ext4 /dev/sda1 rw
4 1 0:23 /systemd/inaccessible/dir /home ro - tmpfs tmpfs rw
5 1 0:23 /systemd/inaccessible/dir /opt/closed ro - tmpfs tmpfs rw
6 1 0:99 / /root rw shared:9 - tmpfs tmpfs rw
7 1 8:2 / /mnt/disk ro - ext4 /dev/sdb ro,errors=remount-ro
8 1 8:1 /a\\040b /srv/a\\040b rw - ext4 /dev/sda1 rw
9 1 0:77 / /run/user/7 rw shared:8 master:3 - tmpfs tmpfs rw
nonsense";

    fn by(path: &str) -> Option<(String, bool)> {
        let mounts: Vec<_> = MOUNTS.lines().filter_map(|line| mount(line.as_bytes())).collect();
        assert_eq!(mounts.len(), 9);
        let closed = verdict(&mounts, Path::new(path))?;
        let directive = closed.why.split(" by ").nth(1)?.split(" of this").next()?;
        Some((directive.to_owned(), closed.hidden))
    }

    #[test]
    fn the_directive_that_closes_a_directory_is_named() {
        let named = |path: &str, directive: &str, hidden| {
            assert_eq!(by(path), Some((directive.to_owned(), hidden)), "{path}");
        };
        named("/tmp/certs", "PrivateTmp=", true);
        named("/home/contoso", "ProtectHome=", true);
        named("/root", "ProtectHome=", true);
        named("/opt/closed", "InaccessiblePaths=", true);
        named("/etc/certs", "ProtectSystem= or ReadOnlyPaths=", false);
    }

    #[test]
    fn what_is_open_or_read_only_for_everybody_is_none_of_systemds() {
        for path in
            ["/srv/certs", "/srv/certs/inner", "/srv/a b", "/mnt/disk/certs", "/run/user/7/x"]
        {
            assert_eq!(by(path), None, "{path}");
        }
    }
}
