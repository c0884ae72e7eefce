//! What a worker finds when it begins: its targets, what was kept of them, and what still stands.

use std::collections::BTreeSet;
use std::path::PathBuf;

use cert_store::{CertificateStore, Layout, Standing, StoreLocation};
use extension_settings::{FileLayout, Settings};
use log::warn;
use worker_state::{Directories, Records, StateError};

use crate::order::Order;
use crate::record;
use crate::roster::Known;
use crate::target::{Target, targets};

/// Looks around on the disk; asks no vault and writes nothing but what a killed predecessor left
/// half done: its temporary files are removed.
///
/// # Errors
/// Where the records cannot be listed.
pub(crate) fn survey<S: CertificateStore>(
    order: &mut Order,
    directories: &Directories,
    store: &S,
) -> Result<Vec<Known>, StateError> {
    let (records, damaged) = Records::read(directories)?;
    for damage in damaged {
        warn!("{damage}; nothing that it knew of will be removed");
    }
    let (targets, warnings) = placed(&order.settings, store);
    order.warnings.extend(warnings);
    sweep(&targets, &records, store);
    Ok(targets.into_iter().map(|target| known(target, &records, store)).collect())
}

/// The targets of the settings as they are served on this machine, and what is odd about that.
/// Reads only.
pub(crate) fn placed<S: CertificateStore>(
    settings: &Settings,
    store: &S,
) -> (Vec<Target>, Vec<String>) {
    let mut targets = targets(settings);
    unite(&mut targets);
    let mut warnings = Vec::new();
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

fn known<S: CertificateStore>(target: Target, records: &Records, store: &S) -> Known {
    let record = records.of(&target.store(), target.name()).cloned();
    let standing = store.standing(&target.place, &record::ledger(record.as_ref()));
    let wanted = record.as_ref().is_some_and(|record| record::is_wanted(record, &target));
    let present = wanted && matches!(standing, Ok(Standing::Intact));
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
