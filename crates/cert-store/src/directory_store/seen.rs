//! The names in the stores, listed once a pass: a listing for each certificate would make a pass
//! over many of them slow by the square.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use atomic_file::{Directory, FileError};

use crate::names::Layout;
use crate::target::Target;

/// Sorted.
pub(super) type Names = Arc<Vec<String>>;

/// What was listed last.
#[derive(Debug, Default)]
pub(super) struct SeenNames(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    /// The pass that it was listed for.
    at: Option<SystemTime>,
    stores: BTreeMap<PathBuf, Names>,
}

impl SeenNames {
    /// What may stand there already under names that only a listing shows: the split layout's end
    /// in the time at which they were written.
    pub(super) fn beside(
        &self,
        store: &Directory,
        target: &Target,
        now: SystemTime,
    ) -> Result<Names, FileError> {
        match target.layouts.contains(&Layout::Split) {
            true => self.names(store, now),
            false => Ok(Names::default()),
        }
    }

    /// The names in this store, as they were when the pass that began at `now` first asked. What
    /// the pass itself has written since is not among them.
    pub(super) fn names(&self, store: &Directory, now: SystemTime) -> Result<Names, FileError> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.at != Some(now) {
            *seen = Seen { at: Some(now), stores: BTreeMap::new() };
        }
        if let Some(names) = seen.stores.get(store.path()) {
            return Ok(Arc::clone(names));
        }
        let names = store.list()?.into_iter().filter_map(|name| name.into_string().ok());
        let names: Names = Arc::new(names.collect());
        seen.stores.insert(store.path().to_owned(), Arc::clone(&names));
        Ok(names)
    }

    pub(super) fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Seen::default();
    }
}

/// Those among sorted names that begin with this.
pub(super) fn beginning<'n>(
    names: &'n [String],
    with: &'n str,
) -> impl Iterator<Item = &'n String> + use<'n> {
    let first = names.partition_point(|name| name.as_str() < with);
    names.iter().skip(first).take_while(move |name| name.starts_with(with))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_store_is_listed_once_for_each_pass() {
        let folder = tempfile::tempdir().unwrap();
        let store = Directory::open(folder.path()).unwrap();
        let seen = SeenNames::default();
        let pass = SystemTime::UNIX_EPOCH;
        assert!(seen.names(&store, pass).unwrap().is_empty());
        std::fs::create_dir(folder.path().join("new")).unwrap();
        assert!(seen.names(&store, pass).unwrap().is_empty());
        let next = pass + Duration::from_secs(1);
        assert_eq!(*seen.names(&store, next).unwrap(), ["new"]);
        std::fs::create_dir(folder.path().join("newer")).unwrap();
        seen.forget();
        assert_eq!(*seen.names(&store, next).unwrap(), ["new", "newer"]);
    }

    #[test]
    fn names_that_begin_alike_are_found_among_others() {
        let names = ["a", "ab", "ab.1", "ab.2", "ac", "b"].map(String::from);
        let found = |with| beginning(&names, with).map(String::as_str).collect::<Vec<_>>();
        assert_eq!(found("ab."), ["ab.1", "ab.2"]);
        assert_eq!(found("a"), ["a", "ab", "ab.1", "ab.2", "ac"]);
        assert!(found("c").is_empty() && found("").len() == names.len());
    }
}
