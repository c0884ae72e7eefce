//! The drop-in that confines the worker: the one way by which settings reach systemd.
//!
//! Settings name directories, whoever wrote them, and systemd reads lines, words, quotes and
//! specifiers. A path that cannot be said in a way that every systemd since 232 reads alike is not
//! said: the nearest directory above that can be takes its place.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use worker_state::unit::SANDBOX_MARKER;

use super::Places;

/// A word longer than this, in bytes, is not written: systemd before 240 cuts lines at 2048 bytes
/// and reads the rest as a line of its own.
const LONGEST_WORD: usize = 1500;
/// Each directory is a mount of the worker's; of more than so many, their parents are named.
const MOST_PLACES: usize = 200;

/// The drop-in for a worker that may write below these paths, but not to those in `untouched`.
pub(super) fn text(open: &BTreeSet<PathBuf>, untouched: &[PathBuf]) -> String {
    let writable = thinned(open);
    let mut text = format!(
        "{SANDBOX_MARKER}\n\
         # What a unit of yours should have instead belongs in another drop-in: systemctl edit\n\
         [Service]\nProtectSystem=strict\nProtectHome=read-only\n"
    );
    for word in writable.iter().filter_map(|path| word(path)) {
        text += &format!("ReadWritePaths={word}\n");
    }
    for word in untouched.iter().filter_map(|path| word(path)) {
        text += &format!("ReadOnlyPaths={word}\n");
    }
    text
}

/// The directories that a worker with these places writes to, as they are named. `made` are the
/// extension's own.
pub(super) fn directories(places: &Places, made: &BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
    let above = places.stores.iter().map(|store| match places.above {
        true => below_root(store),
        false => outermost(store, made),
    });
    let stores = places.stores.iter().map(PathBuf::as_path).chain(above);
    let all = stores.chain(
        places
            .own
            .iter()
            .chain(&places.outputs)
            .chain(&places.agents)
            .chain([&places.log])
            .map(PathBuf::as_path),
    );
    all.map(PathBuf::from).collect()
}

/// The directories to name so that all of these are open: none within another, all of them
/// sayable, and not too many.
fn thinned(open: &BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
    let mut open: BTreeSet<PathBuf> = open.iter().map(|path| sayable(path).to_owned()).collect();
    while open.len() > MOST_PLACES {
        let parents: BTreeSet<_> = open.iter().map(|path| parent(path).to_owned()).collect();
        if parents == open {
            break;
        }
        open = parents;
    }
    let within = |path: &PathBuf| path.ancestors().skip(1).any(|above| open.contains(above));
    open.iter().filter(|path| !within(path)).cloned().collect()
}

/// The first directory on the way to the store that is the extension's own: users and groups are
/// let through all of those.
fn outermost<'p>(store: &'p Path, made: &BTreeSet<PathBuf>) -> &'p Path {
    store.ancestors().filter(|above| made.contains(*above)).last().unwrap_or(store)
}

/// The directory on the way that lies in the root.
fn below_root(store: &Path) -> &Path {
    store.ancestors().filter(|above| above.parent().is_some()).last().unwrap_or(store)
}

/// The parent, where that is not the root.
fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| parent.parent().is_some()).unwrap_or(path)
}

/// The path, or the nearest one above that can be said.
fn sayable(path: &Path) -> &Path {
    path.ancestors().find(|above| word(above).is_some()).unwrap_or(Path::new("/"))
}

/// One path as a word of `ReadWritePaths=` (systemd.exec(5)): quoted, `%` doubled, and with `-`,
/// so that a directory that is not there is no failure. There is no escape that all versions
/// know: a backslash is literal since 235 and was not before, so it cannot be said, and
/// neither can a path with both kinds of quotes.
fn word(path: &Path) -> Option<String> {
    let text = path.to_str().filter(|text| text.starts_with('/'))?;
    if text.contains('\\') || text.contains(char::is_control) {
        return None;
    }
    let quote = ['"', '\''].into_iter().find(|quote| !text.contains(*quote))?;
    let word = format!("{quote}-{}{quote}", text.replace('%', "%%"));
    (word.len() <= LONGEST_WORD).then_some(word)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn places(stores: &[&str]) -> Places {
        Places {
            stores: stores.iter().map(PathBuf::from).collect(),
            outputs: [].into(),
            own: ["/var/lib/akvvm".into(), "/run/akvvm".into()].into(),
            agents: ["/e-1".into(), "/e-1/status".into()].into(),
            untouched: Vec::new(),
            log: "/var/log/akvvm".into(),
            above: false,
        }
    }

    fn open(places: &Places) -> BTreeSet<PathBuf> {
        directories(places, &BTreeSet::new())
    }

    fn lines(text: &str, key: &str) -> Vec<String> {
        text.lines().filter_map(|line| line.strip_prefix(key)).map(str::to_owned).collect()
    }

    #[test]
    fn the_worker_may_write_to_its_places_and_nowhere_else() {
        let text = super::text(&open(&places(&["/srv/certs"])), &["/e-1/bin".into()]);
        assert!(text.starts_with(SANDBOX_MARKER));
        assert_eq!(lines(&text, "ProtectSystem="), ["strict"]);
        let writable = ["/e-1", "/run/akvvm", "/srv/certs", "/var/lib/akvvm", "/var/log/akvvm"];
        let words = writable.map(|path| format!("\"-{path}\""));
        assert_eq!(lines(&text, "ReadWritePaths="), words);
        assert_eq!(lines(&text, "ReadOnlyPaths="), ["\"-/e-1/bin\""]);
    }

    #[test]
    fn directories_of_the_extensions_own_are_opened_from_the_outermost_on() {
        let made = ["/srv/a".into(), "/srv/a/b".into(), "/other".into()].into();
        let open = thinned(&directories(&places(&["/srv/a/b/c", "/etc/c"]), &made));
        assert!(open.contains(Path::new("/srv/a")) && open.contains(Path::new("/etc/c")));
        assert!(!open.contains(Path::new("/other")) && open.len() == 6, "{open:?}");
    }

    #[test]
    fn an_administrator_who_has_ancestors_opened_gets_them_opened() {
        let places = Places { above: true, ..places(&["/srv/a/b"]) };
        assert!(thinned(&open(&places)).contains(Path::new("/srv")));
    }

    #[test]
    fn odd_paths_are_quoted() {
        for (path, expected) in [
            ("/a b", "\"-/a b\""),
            ("/100%n", "\"-/100%%n\""),
            ("/a\"b", "'-/a\"b'"),
            ("/it's", "\"-/it's\""),
            ("/$HOME/${X};#é", "\"-/$HOME/${X};#é\""),
        ] {
            assert_eq!(word(Path::new(path)).as_deref(), Some(expected));
        }
    }

    #[test]
    fn where_a_path_cannot_be_said_the_one_above_is() {
        let long = format!("/srv/{}", "x/".repeat(800));
        for path in ["/srv/a\\b/c", "/srv/'\"", "/srv/a\nExecStartPre=/bin/sh", &long] {
            let open = thinned(&open(&places(&[path])));
            let said = open.iter().find(|path| path.starts_with("/srv")).unwrap();
            assert!(Path::new(path).starts_with(said) && word(said).is_some(), "{said:?}");
        }
        assert_eq!(sayable(Path::new("/srv/a\\b/c")), Path::new("/srv"));
        assert_eq!(sayable(Path::new("/\\")), Path::new("/"));
    }

    #[test]
    fn of_very_many_stores_the_parents_are_named() {
        let stores: Vec<_> = (0..1000).map(|n| format!("/srv/stores/{n}")).collect();
        let stores: Vec<_> = stores.iter().map(String::as_str).collect();
        let open = thinned(&open(&places(&stores)));
        assert!(open.contains(Path::new("/srv/stores")) && open.len() < 10, "{open:?}");
    }

    /// As systemd takes a line apart: words, quotes, specifiers.
    fn as_systemd_reads(word: &str) -> String {
        let quote = word.chars().next().unwrap();
        let inside = word.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)).unwrap();
        assert!(!inside.contains(quote) && !inside.contains('\\'), "{word}");
        inside.strip_prefix('-').unwrap().replace("%%", "%")
    }

    proptest! {
        #[test]
        fn nothing_leaves_its_line_and_every_place_is_open(
            names in prop::collection::vec("[\\PC\n\r\\\\\"'%$ ]{1,12}", 1..4),
        ) {
            let stores: Vec<_> = names.iter().map(|name| format!("/srv/{name}")).collect();
            let stores: Vec<_> = stores.iter().map(String::as_str).collect();
            let text = super::text(&open(&places(&stores)), &[]);
            let open: Vec<_> = text.lines().skip(5).map(|line| {
                PathBuf::from(as_systemd_reads(line.strip_prefix("ReadWritePaths=").unwrap()))
            }).collect();
            for store in stores {
                prop_assert!(open.iter().any(|open| Path::new(store).starts_with(open)));
            }
        }
    }
}
