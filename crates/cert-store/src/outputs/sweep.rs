//! Removing what nobody needs any more.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use atomic_file::{Directory, Kind};

use super::OutputStore;
use super::ledger::OutputLedger;
use super::wanted::Output;
use crate::error::StoreError;
use crate::store::Retirement;

/// The links in a directory that are known, and the directories that each of them needs.
type Links<'a> = BTreeMap<&'a Path, BTreeSet<&'a str>>;

pub(super) fn sweep<'a>(
    store: &OutputStore,
    outputs: impl Iterator<Item = &'a Output>,
    ledgers: &[&OutputLedger],
) -> Retirement {
    let mut retirement = Retirement::default();
    let mut parents: BTreeMap<PathBuf, Links<'_>> = BTreeMap::new();
    for parent in outputs.filter_map(|output| output.path().parent()) {
        parents.entry(parent.into()).or_default();
    }
    for record in ledgers.iter().flat_map(|ledger| &ledger.directories) {
        let links = parents.entry(record.link.parent().unwrap_or(Path::new("/")).into());
        let needed = links.or_default().entry(&record.link).or_default();
        needed.insert(&record.current);
        needed.extend(record.previous.as_deref());
    }
    for (path, links) in parents {
        if let Err(error) = sweep_directory(store, &path, &links, &mut retirement.removed) {
            retirement.problems.push(error);
        }
    }
    let named: BTreeSet<&str> = ledgers.iter().flat_map(|ledger| ledger.digests()).collect();
    match store.keep.sweep(&store.opening, &named) {
        Ok(removed) => retirement.removed.extend(removed),
        Err(error) => retirement.problems.push(error.into()),
    }
    retirement
}

fn sweep_directory(
    store: &OutputStore,
    path: &Path,
    links: &Links<'_>,
    removed: &mut Vec<PathBuf>,
) -> Result<(), StoreError> {
    let directory = match store.opening.open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    directory.sweep()?;
    let names: Vec<_> =
        links.keys().map(|link| link.file_name().unwrap_or_default().to_string_lossy()).collect();
    let mut found = generations(store, &directory, &names.iter().map(|name| &**name).collect())?;
    for (name, needed) in names.iter().zip(links.values()) {
        let leads = match directory.look(&**name)?.map(|entry| entry.kind) {
            Some(Kind::Link) => directory.read_link(&**name)?,
            _ => None,
        };
        for generation in found.remove(&**name).unwrap_or_default() {
            let led_to = leads.as_ref().is_some_and(|to| to.as_os_str() == generation.as_str());
            if needed.contains(generation.as_str()) || led_to {
                if let Some(inner) = directory.enter(&generation)? {
                    inner.sweep()?;
                }
            } else if directory.remove_directory(&generation)? {
                removed.push(path.join(generation));
            }
        }
    }
    Ok(())
}

/// The directories that the links of these names may have led to, if they are ours, by link. One
/// listing for all of them.
fn generations(
    store: &OutputStore,
    directory: &Directory,
    links: &BTreeSet<&str>,
) -> Result<BTreeMap<String, Vec<String>>, StoreError> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    if links.is_empty() {
        return Ok(found);
    }
    for candidate in directory.list()? {
        let Some(candidate) = candidate.to_str() else { continue };
        let parts = candidate.strip_prefix('.').and_then(|rest| rest.rsplit_once('.'));
        let hexadecimal = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let is_named = |digits: &str| digits.len() == 16 && digits.bytes().all(hexadecimal);
        let named = parts.filter(|(link, digits)| is_named(digits) && links.contains(link));
        let Some((link, _)) = named else { continue };
        let ours = |entry: atomic_file::Entry| {
            entry.kind == Kind::Directory && entry.user == store.owner.0
        };
        if directory.look(candidate)?.is_some_and(ours) {
            found.entry(link.to_owned()).or_default().push(candidate.to_owned());
        }
    }
    Ok(found)
}
