//! Paths that nobody but root can have put there.
//!
//! What root runs, or believes, must not be anybody else's to write: neither the file, nor a
//! directory above it, nor a link on the way. Where all of that is so, nobody can change it
//! between the look and the use either.

use std::collections::VecDeque;
use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

/// As many links as Linux follows (path_resolution(7)).
const MOST_LINKS: u32 = 40;

const WRITABLE_BY_OTHERS: u32 = 0o022;
const ROOT: u32 = 0;

/// Follows `path` to a regular file of which root, and the user `trusted` (whoever this process
/// runs as), are the only masters, and says where it lies without links.
///
/// The mode's group bits are also the mask of an ACL (acl(5)), so that nobody can be let in by one
/// unseen. A sticky directory that others write to is not good enough: they can put something
/// there before its owner does.
///
/// # Errors
/// At the first step that is not so, or cannot be looked at.
pub(crate) fn follow(path: &Path, trusted: u32) -> Result<PathBuf, Distrust> {
    walk(path, trusted, &look)
}

/// A step of the way, with what matters of it.
#[derive(Clone, Debug)]
struct Place {
    kind: Kind,
    owner: u32,
    mode: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    File,
    Directory,
    Link(PathBuf),
    Other,
}

fn look(path: &Path) -> io::Result<Place> {
    let metadata = std::fs::symlink_metadata(path)?;
    let kind = if metadata.is_symlink() {
        Kind::Link(std::fs::read_link(path)?)
    } else if metadata.is_dir() {
        Kind::Directory
    } else if metadata.is_file() {
        Kind::File
    } else {
        Kind::Other
    };
    Ok(Place { kind, owner: metadata.uid(), mode: metadata.mode() })
}

fn walk(
    path: &Path,
    trusted: u32,
    look: &dyn Fn(&Path) -> io::Result<Place>,
) -> Result<PathBuf, Distrust> {
    let refused = |at: &Path, why| Distrust { path: path.into(), at: at.into(), why };
    if !path.is_absolute() {
        return Err(refused(path, Why::Relative));
    }
    let mut here = PathBuf::from("/");
    let mut ahead = steps(path);
    let mut links = 0;
    loop {
        let place = look(&here).map_err(|error| refused(&here, Why::Unknown(error)))?;
        if place.owner != ROOT && place.owner != trusted {
            return Err(refused(&here, Why::Owner(place.owner)));
        }
        match place.kind {
            Kind::Link(target) => {
                links += 1;
                if links > MOST_LINKS {
                    return Err(refused(&here, Why::Circle));
                }
                // The mode of a link means nothing; whoever may replace it may write to its folder.
                here = if target.is_absolute() { "/".into() } else { above(&here) };
                for step in steps(&target).into_iter().rev() {
                    ahead.push_front(step);
                }
            }
            _ if place.mode & WRITABLE_BY_OTHERS != 0 => {
                return Err(refused(&here, Why::Writable(place.mode)));
            }
            Kind::File if ahead.is_empty() => return Ok(here),
            Kind::Directory if !ahead.is_empty() => {}
            _ => return Err(refused(&here, Why::NotAFile)),
        }
        match ahead.pop_front() {
            Some(step) if step == ".." => here = above(&here),
            Some(step) => here.push(step),
            None => return Err(refused(&here, Why::NotAFile)),
        }
    }
}

/// The names and `..` of a path, in order.
fn steps(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some("..".into()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        })
        .collect()
}

fn above(path: &Path) -> PathBuf {
    path.parent().unwrap_or(path).to_owned()
}

/// A path that others than root may have a hand in, or that leads to no regular file.
#[derive(Debug)]
pub struct Distrust {
    path: PathBuf,
    at: PathBuf,
    why: Why,
}

#[derive(Debug)]
enum Why {
    Relative,
    Unknown(io::Error),
    Owner(u32),
    Writable(u32),
    Circle,
    NotAFile,
}

impl Distrust {
    /// Whether nothing is there.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(&self.why, Why::Unknown(error) if error.kind() == io::ErrorKind::NotFound)
    }
}

impl fmt::Display for Distrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if self.at != self.path {
            write!(f, ": {}", self.at.display())?;
        }
        match &self.why {
            Why::Relative => f.write_str(" is not an absolute path"),
            Why::Unknown(error) if error.kind() == io::ErrorKind::NotFound => {
                f.write_str(" does not exist")
            }
            Why::Unknown(_) => f.write_str(" cannot be looked at"),
            Why::Owner(owner) => write!(f, " belongs to user {owner}, but must belong to root"),
            Why::Writable(mode) => write!(
                f,
                " can be written by others than its owner (mode {:04o}); take that away, as with \
                 chmod go-w",
                mode & 0o7777
            ),
            Why::Circle => f.write_str(" leads through more links than the system follows"),
            Why::NotAFile => f.write_str(" is not a regular file"),
        }
    }
}

impl Error for Distrust {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.why {
            Why::Unknown(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const ANNA: u32 = 1000;

    /// An imagined tree: what is not listed is a root-owned directory where something lies below
    /// it, else missing.
    fn tree(places: &[(&str, Kind, u32, u32)]) -> impl Fn(&Path) -> io::Result<Place> {
        let listed: HashMap<PathBuf, Place> = places
            .iter()
            .map(|(path, kind, owner, mode)| {
                (PathBuf::from(path), Place { kind: kind.clone(), owner: *owner, mode: *mode })
            })
            .collect();
        move |path| {
            let implied = || Place { kind: Kind::Directory, owner: ROOT, mode: 0o755 };
            match listed.get(path) {
                Some(place) => Ok(place.clone()),
                None if listed.keys().any(|known| known.starts_with(path)) => Ok(implied()),
                None => Err(io::ErrorKind::NotFound.into()),
            }
        }
    }

    fn to(target: &str) -> Kind {
        Kind::Link(target.into())
    }

    fn followed(path: &str, places: &[(&str, Kind, u32, u32)]) -> Result<String, String> {
        let found = walk(Path::new(path), ROOT, &tree(places));
        found.map(|path| path.display().to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn roots_own_files_are_found_behind_links() {
        let places = [
            ("/usr/bin/a", Kind::File, ROOT, 0o755),
            ("/bin", to("usr/bin"), ROOT, 0o777),
            ("/etc/alternatives/a", to("../../bin/a"), ROOT, 0o777),
            ("/usr/bin/b", to("/etc/alternatives/a"), ROOT, 0o777),
        ];
        for path in ["/usr/bin/a", "/bin/a", "/usr/bin/b", "/usr//bin/../bin/./a", "/../bin/a"] {
            assert_eq!(followed(path, &places).as_deref(), Ok("/usr/bin/a"), "{path}");
        }
    }

    #[test]
    fn what_others_can_write_or_own_is_refused() {
        let file = |owner, mode| ("/opt/x/a", Kind::File, owner, mode);
        let folder = |owner, mode| ("/opt/x", Kind::Directory, owner, mode);
        let cases = [
            (file(ROOT, 0o775), folder(ROOT, 0o755), "/opt/x/a can be written by others"),
            (file(ROOT, 0o757), folder(ROOT, 0o755), "/opt/x/a can be written by others"),
            (file(ANNA, 0o755), folder(ROOT, 0o755), "/opt/x/a belongs to user 1000"),
            (file(ROOT, 0o755), folder(ROOT, 0o775), "/opt/x/a: /opt/x can be written by others"),
            (file(ROOT, 0o755), folder(ROOT, 0o1777), "(mode 1777)"),
            (file(ROOT, 0o755), folder(ANNA, 0o755), "/opt/x/a: /opt/x belongs to user 1000"),
        ];
        for (file, folder, wanted) in cases {
            let said = followed("/opt/x/a", &[file, folder]).unwrap_err();
            assert!(said.contains(wanted), "{said}");
        }
    }

    #[test]
    fn every_step_of_a_link_is_looked_at() {
        let places = [
            ("/usr/bin/a", to("/home/anna/a"), ROOT, 0o777),
            ("/home/anna", Kind::Directory, ANNA, 0o755),
            ("/home/anna/a", Kind::File, ROOT, 0o755),
            ("/srv/open", Kind::Directory, ROOT, 0o777),
            ("/srv/open/bin", to("/usr/bin"), ROOT, 0o777),
            ("/usr/bin/b", Kind::File, ROOT, 0o755),
            ("/usr/bin/c", to("b"), ANNA, 0o777),
        ];
        let planted = followed("/usr/bin/a", &places).unwrap_err();
        assert!(planted.contains("/home/anna belongs to user 1000"), "{planted}");
        let replaceable = followed("/srv/open/bin/b", &places).unwrap_err();
        assert!(replaceable.contains("/srv/open can be written"), "{replaceable}");
        let foreign = followed("/usr/bin/c", &places).unwrap_err();
        assert_eq!(foreign, "/usr/bin/c belongs to user 1000, but must belong to root");
    }

    #[test]
    fn what_leads_to_no_file_says_why() {
        let places = [
            ("/opt/round", to("round"), ROOT, 0o777),
            ("/opt/folder/a", Kind::File, ROOT, 0o644),
            ("/opt/socket", Kind::Other, ROOT, 0o600),
        ];
        for (path, wanted) in [
            ("opt/folder/a", "opt/folder/a is not an absolute path"),
            ("", " is not an absolute path"),
            ("/", "/ is not a regular file"),
            ("/opt/round", "/opt/round leads through more links than the system follows"),
            ("/opt/folder", "/opt/folder is not a regular file"),
            ("/opt/folder/a/b", "/opt/folder/a/b: /opt/folder/a is not a regular file"),
            ("/opt/socket", "/opt/socket is not a regular file"),
            ("/opt/gone", "/opt/gone does not exist"),
            ("/gone/a", "/gone/a: /gone does not exist"),
        ] {
            assert_eq!(followed(path, &places), Err(wanted.to_owned()));
        }
    }

    #[test]
    fn whoever_runs_this_process_is_trusted_as_root_is() {
        let places = [
            ("/home/anna", Kind::Directory, ANNA, 0o755),
            ("/home/anna/a", Kind::File, ANNA, 0o755),
        ];
        let path = Path::new("/home/anna/a");
        assert!(walk(path, ANNA, &tree(&places)).is_ok());
        assert!(walk(path, ANNA + 1, &tree(&places)).is_err());
    }

    #[test]
    fn a_real_program_is_found_and_one_below_tmp_is_not() {
        assert!(follow(Path::new("/bin/sh"), ROOT).is_ok());
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let said = follow(&folder.path().join("a"), ROOT).unwrap_err().to_string();
        assert!(said.contains("/tmp can be written by others"), "{said}");
    }
}
