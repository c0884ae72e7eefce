//! Removing versions that nobody needs any more.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use atomic_file::{Directory, Kind};
use object_id::ObjectId;

use super::{DirectoryStore, reach};
use crate::error::StoreError;
use crate::ledger::{Grantee, Ledger, LedgerFile};
use crate::names::{self, Part};
use crate::private_file::examine;
use crate::store::Retirement;
use crate::target::{Retain, StoreLocation, Target};

/// How long a file stays after the last link to it moved: a reader that resolved the link before
/// that may open the file only now.
const GRACE: Duration = Duration::from_secs(60);

/// The current version and the way back.
const FEWEST_VERSIONS: usize = 2;

pub(super) fn retire(
    store: &DirectoryStore,
    targets: &mut [(&Target, &mut Ledger)],
    now: SystemTime,
) -> Retirement {
    let mut retirement = Retirement::default();
    for (_, ledger) in targets.iter_mut() {
        date(ledger, now);
    }
    withdraw(store, targets, &mut retirement);
    let stores = directories(store, targets, &mut retirement);
    let mut by_store: BTreeMap<(u64, u64), Vec<usize>> = BTreeMap::new();
    for (place, (target, _)) in targets.iter().enumerate() {
        if let Some(identity) = stores.get(&target.location) {
            by_store.entry(*identity).or_default().push(place);
        }
    }
    for (identity, places) in by_store {
        let here = places.iter().filter_map(|&place| targets.get(place));
        let here: Vec<(&Target, &Ledger)> =
            here.map(|(target, ledger)| (*target, &**ledger)).collect();
        let expendable = expendable(&here, now);
        let opened = here.first().filter(|_| !expendable.is_empty());
        let opened = opened.and_then(|(target, _)| reopen(store, &target.location, identity));
        let Some(directory) = opened else { continue };
        let gone = remove(&directory, &expendable, &mut retirement);
        for place in places {
            if let Some((_, ledger)) = targets.get_mut(place) {
                ledger.files.retain(|file| !gone.contains(&file.name));
            }
        }
    }
    retirement
}

/// Takes search permission on the extension's own directories, and older versions, from those that
/// no target grants access any more, and them off the ledgers.
fn withdraw(
    store: &DirectoryStore,
    targets: &mut [(&Target, &mut Ledger)],
    retirement: &mut Retirement,
) {
    let mut former: BTreeMap<PathBuf, BTreeSet<Grantee>> = BTreeMap::new();
    for (target, ledger) in targets.iter() {
        let withdrawn = || ledger.grantees.iter().filter(|grantee| grantee.withdrawn).cloned();
        for directory in store.own_directories(&target.location, ledger) {
            former.entry(directory).or_default().extend(withdrawn());
        }
    }
    former.retain(|_, grantees| !grantees.is_empty());
    let mut failed = BTreeSet::new();
    for (directory, former) in &former {
        let below = targets.iter().filter(|(target, _)| {
            target.location.directory().is_some_and(|path| path.starts_with(directory))
        });
        let granted: Vec<_> = below.map(|(target, l)| store.granted(target, l)).collect();
        let former: Vec<&Grantee> =
            former.iter().filter(|one| granted.iter().all(|all| !all.includes(one))).collect();
        if let Err(error) = reach::close_to(store, directory, &former) {
            retirement.problems.push(error);
            failed.insert(directory.clone());
        }
    }
    for (target, ledger) in targets {
        if !ledger.grantees.iter().any(|grantee| grantee.withdrawn) {
            continue;
        }
        let own = store.own_directories(&target.location, ledger);
        match close_older_versions(store, target, ledger) {
            Ok(()) if own.is_disjoint(&failed) => ledger.grantees.retain(|one| !one.withdrawn),
            Ok(()) => {}
            Err(error) => retirement.problems.push(error),
        }
    }
}

/// Gives what stays of older versions the access that the newest has: a private key that was in use
/// until yesterday is as good as today's.
fn close_older_versions(
    store: &DirectoryStore,
    target: &Target,
    ledger: &Ledger,
) -> Result<(), StoreError> {
    let Some(directory) = store.open(&target.location)? else { return Ok(()) };
    let private = store.private(&directory, &store.granted(target, ledger))?;
    // A link that was given to another certificate has files of the former one's in its ledger.
    let is_of_target = |file: &LedgerFile| {
        let parts = [Part::Combined, Part::Chain, Part::Key];
        parts.iter().any(|part| part.is_file(&file.name, &target.id, &file.version))
    };
    let older = ledger.files.iter().filter(|file| file.superseded.is_some() && is_of_target(file));
    for file in older {
        if let Some(found) = examine(&directory, &file.name)?
            && !found.has(&private)
        {
            directory.stage(&file.name, &private.options(), &found.content)?.place()?;
        }
    }
    Ok(directory.sync()?)
}

/// Which directory each location leads to. They are not kept open: there may be more of them than a
/// process may open.
fn directories(
    store: &DirectoryStore,
    targets: &[(&Target, &mut Ledger)],
    retirement: &mut Retirement,
) -> BTreeMap<StoreLocation, (u64, u64)> {
    let locations: BTreeSet<&StoreLocation> =
        targets.iter().map(|(target, _)| &target.location).collect();
    let mut directories = BTreeMap::new();
    for location in locations {
        let opened = store.open(location).and_then(|found| match found {
            Some(directory) => Ok(Some(directory.entry()?.identity)),
            None => Ok(None),
        });
        match opened {
            Ok(Some(identity)) => _ = directories.insert(location.clone(), identity),
            Ok(None) => {}
            Err(error) => retirement.problems.push(error),
        }
    }
    directories
}

/// The directory once more, unless another stands there now.
fn reopen(
    store: &DirectoryStore,
    location: &StoreLocation,
    identity: (u64, u64),
) -> Option<Directory> {
    let directory = store.open(location).ok().flatten()?;
    directory.entry().is_ok_and(|entry| entry.identity == identity).then_some(directory)
}

/// A file that is in the ledger, but neither active nor dated, was left by an interrupted pass;
/// one that is dated in the future, by a clock that was wrong. Both wait from now on.
fn date(ledger: &mut Ledger, now: SystemTime) {
    let active = ledger.active.clone();
    for file in &mut ledger.files {
        let is_active = active.as_ref().is_some_and(|active| active.version == file.version);
        if file.superseded.is_none() && !is_active || file.superseded.is_some_and(|at| at > now) {
            file.superseded = Some(now);
        }
    }
}

/// The names of the files that some ledger offers for removal and none needs.
fn expendable(targets: &[(&Target, &Ledger)], now: SystemTime) -> BTreeSet<String> {
    let waited = |at| now.duration_since(at).is_ok_and(|since| since >= GRACE);
    let pinned: BTreeSet<(ObjectId, &str)> = targets
        .iter()
        .filter_map(|(target, _)| Some((target.id.unversioned(), target.id.version()?)))
        .collect();
    // What one target found may be what another of them wrote.
    let files = targets.iter().flat_map(|(_, ledger)| &ledger.files);
    let written: BTreeSet<&str> =
        files.filter(|file| !file.adopted).map(|file| file.name.as_str()).collect();
    let mut offered = BTreeSet::new();
    let mut needed = BTreeSet::new();
    for (target, ledger) in targets {
        let kept = kept_versions(target, ledger);
        let id = target.id.unversioned();
        for file in &ledger.files {
            let version = file.version.as_str();
            let free = written.contains(file.name.as_str())
                && !names::is_metadata(&file.name)
                && file.superseded.is_some_and(waited)
                && !kept.contains(version)
                && !pinned.contains(&(id.clone(), version));
            if free { &mut offered } else { &mut needed }.insert(file.name.clone());
        }
    }
    offered.difference(&needed).cloned().collect()
}

/// The versions that stay by number: the active and the previous one, then the ones that were
/// superseded last.
fn kept_versions<'l>(target: &Target, ledger: &'l Ledger) -> BTreeSet<&'l str> {
    let mut last_used: BTreeMap<&str, SystemTime> = BTreeMap::new();
    for file in ledger.files.iter().filter(|file| !file.prepared) {
        let at = file.superseded.unwrap_or(SystemTime::UNIX_EPOCH);
        let last = last_used.entry(&file.version).or_insert(at);
        *last = (*last).max(at);
    }
    let generations = [&ledger.active, &ledger.previous].into_iter().flatten();
    let mut kept: Vec<&str> = generations.map(|generation| generation.version.as_str()).collect();
    let mut others: Vec<_> = last_used.into_iter().filter(|(v, _)| !kept.contains(v)).collect();
    others.sort_by_key(|&(_, at)| std::cmp::Reverse(at));
    kept.extend(others.into_iter().map(|(version, _)| version));
    let most = match target.retain {
        Retain::All => kept.len(),
        Retain::Versions(versions) => versions.max(FEWEST_VERSIONS),
    };
    kept.into_iter().take(most).collect()
}

/// Removes what no link in the store leads to; returns the names that are gone now.
fn remove(
    directory: &Directory,
    expendable: &BTreeSet<String>,
    retirement: &mut Retirement,
) -> BTreeSet<String> {
    let linked = match linked(directory) {
        Ok(linked) => linked,
        Err(error) => {
            retirement.problems.push(error);
            return BTreeSet::new();
        }
    };
    let mut gone = BTreeSet::new();
    for name in expendable {
        match remove_unlinked(directory, name, &linked) {
            Ok(Removal::Removed) => {
                retirement.removed.push(directory.path().join(name));
                gone.insert(name.clone());
            }
            Ok(Removal::Missing) => _ = gone.insert(name.clone()),
            Ok(Removal::Needed) => {}
            Err(error) => retirement.problems.push(error),
        }
    }
    if !gone.is_empty()
        && let Err(error) = directory.sync()
    {
        retirement.problems.push(error.into());
    }
    gone
}

pub(super) enum Removal {
    Removed,
    Missing,
    Needed,
}

pub(super) fn remove_unlinked(
    directory: &Directory,
    name: &str,
    linked: &BTreeSet<(u64, u64)>,
) -> Result<Removal, StoreError> {
    let Some(entry) = directory.look(name)? else { return Ok(Removal::Missing) };
    if entry.kind != Kind::File || linked.contains(&entry.identity) {
        return Ok(Removal::Needed);
    }
    directory.remove(name)?;
    Ok(Removal::Removed)
}

/// What the links in the store lead to, an administrator's own and chains of links included.
pub(super) fn linked(directory: &Directory) -> Result<BTreeSet<(u64, u64)>, StoreError> {
    let mut linked = BTreeSet::new();
    for name in directory.list()? {
        if directory.look(&name)?.is_some_and(|entry| entry.kind == Kind::Link) {
            linked.extend(directory.resolve(Path::new(&name))?.map(|entry| entry.identity));
        }
    }
    Ok(linked)
}
