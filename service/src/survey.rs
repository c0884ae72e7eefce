//! What a worker finds when it begins: its targets, what was kept of them, and what still stands.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::SystemTime;

use cert_store::OutputStore;
use cert_store::{CertificateStore, Layout, Standing, StoreLocation};
use extension_settings::{FileLayout, Settings};
use log::warn;
use reaction::Permission;
use worker_state::{Directories, Records, StateError};

use crate::delivery::outputs;
use crate::machine::Disk;
use crate::order::Order;
use crate::record;
use crate::roster::Known;
use crate::target::{Target, targets};

/// Looks around on the disk; asks no vault and writes nothing but what a killed predecessor left
/// half done: its temporary files are removed.
///
/// # Errors
/// Where the records cannot be listed.
pub(crate) fn survey(
    order: &mut Order,
    directories: &Directories,
    disk: &Disk,
    now: SystemTime,
) -> Result<Vec<Known>, StateError> {
    let (records, damaged) = Records::read(directories)?;
    let is_whole = damaged.is_empty();
    for damage in damaged {
        warn!("{damage}; nothing that it knew of will be removed");
    }
    disk.store.remember(records.iter().flat_map(|record| &record.directories));
    let permission = disk.consumers.surroundings.permission;
    let (targets, warnings) = placed(&order.settings, permission, &disk.store);
    order.warnings.extend(warnings);
    sweep(&targets, &records, &disk.store);
    sweep_outputs(&targets, &records, is_whole, &disk.outputs);
    Ok(targets.into_iter().map(|target| known(target, &records, disk, now)).collect())
}

/// The targets of the settings as they are served on this machine, and what is odd about that.
/// Reads only.
pub(crate) fn placed<S: CertificateStore>(
    settings: &Settings,
    permission: Permission,
    store: &S,
) -> (Vec<Target>, Vec<String>) {
    let (mut targets, mut warnings) = targets(settings, permission);
    unite(&mut targets);
    for (target, observed) in targets.iter_mut().zip(&settings.certificates) {
        if observed.layout == FileLayout::Unstated {
            warnings.extend(keep_split_links(target, store));
        }
    }
    (targets, warnings)
}

/// Two links to one file: whoever may read it through the one may read it through the other.
fn unite(targets: &mut [Target]) {
    let mut places: Vec<_> = targets.iter().map(|target| target.place.clone()).collect();
    cert_store::unite_grants(&mut places);
    for (target, place) in targets.iter_mut().zip(places) {
        target.place = place;
    }
}

fn known(target: Target, records: &Records, disk: &Disk, now: SystemTime) -> Known {
    let record = records.of(&target.store(), target.name()).cloned();
    let ledger = record::ledger(record.as_ref());
    let standing = disk.store.standing(&target.place, &ledger, &target.read_before, now);
    let known = outputs::ledger(record.as_ref());
    let drifts = disk.outputs.standing(&target.delivery.outputs, &known);
    let wanted = record.as_ref().is_some_and(|record| record::is_wanted(record, &target));
    let delivered = drifts.is_ok_and(|drifts| drifts.is_empty());
    let present = wanted && delivered && matches!(standing, Ok(Standing::Intact));
    Known { target, record, present }
}

/// Settings of Microsoft's 4.x cannot be told from 3.x ones, but what it left on the disk can:
/// consumers of its split files keep them.
fn keep_split_links<S: CertificateStore>(target: &mut Target, store: &S) -> Option<String> {
    let found = store.layouts_found(&target.place.location, target.name()).ok()?;
    if !found.contains(&Layout::Split) {
        return None;
    }
    target.place.layouts = vec![Layout::Combined, Layout::Split];
    Some(format!(
        "{}: the store holds split files of this name, so both layouts are written; set \
         certificateFileLayout to choose one",
        target.name()
    ))
}

/// A predecessor may have been killed in a store that is no longer in the settings.
fn sweep<S: CertificateStore>(targets: &[Target], records: &Records, store: &S) {
    let known = records.iter().map(|record| record.store.clone());
    let places: BTreeSet<PathBuf> = targets.iter().map(Target::store).chain(known).collect();
    for path in places {
        let location = &StoreLocation::Directory { path, is_default: false };
        match store.sweep(location) {
            Ok(0) => {}
            Ok(files) => log::info!("{files} unfinished files of a killed predecessor removed"),
            Err(error) => warn!("{error}"),
        }
    }
}

/// Removes what a killed predecessor left among the outputs. With a record lost, nobody knows
/// which kept bytes are still wanted.
fn sweep_outputs(targets: &[Target], records: &Records, is_whole: bool, store: &OutputStore) {
    if !is_whole {
        return;
    }
    let ledgers: Vec<_> = records.iter().map(|record| outputs::ledger(Some(record))).collect();
    let wanted = targets.iter().flat_map(|target| &target.delivery.outputs);
    let retirement = store.sweep(wanted, &ledgers.iter().collect::<Vec<_>>());
    for problem in retirement.problems {
        warn!("{problem}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_bytes_that_a_damaged_record_may_name_stay() {
        let folder = tempfile::tempdir().unwrap();
        let kept = folder.path().join("0".repeat(64));
        atomic_file::replace_file(&kept, 0o600, b"a key").unwrap();
        let store = OutputStore::new(folder.path().to_owned());
        sweep_outputs(&[], &Records::default(), false, &store);
        assert!(kept.exists());
        sweep_outputs(&[], &Records::default(), true, &store);
        assert!(!kept.exists());
    }
}
