//! What Microsoft's extension has left in the stores. Reads names and links, and no file.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use cert_store::{DirectoryStore, Fate, Inheritance, Inherited, StoreError};
use extension_settings::{
    DEFAULT_STORE, Generation, OTHER_DEFAULT_STORE, ObservedCertificate, Remark, Settings,
    StoreLocation,
};
use reaction::Permission;

use crate::target::{Target, targets};

/// What stands under one certificate's names.
pub(super) struct Estate {
    pub(super) url: String,
    pub(super) store: PathBuf,
    /// What becomes of it, or why that cannot be said.
    pub(super) found: Result<Inheritance, Unseen>,
}

/// Why a store was not looked at.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unseen {
    pub(super) why: String,
    /// Whether only this user may not look.
    pub(super) forbidden: bool,
}

impl Estate {
    /// Whether something keeps the certificate from being installed.
    pub(super) fn is_obstructed(&self) -> bool {
        match &self.found {
            Ok(found) => found.names.iter().any(|one| matches!(one.fate, Fate::InTheWay(_))),
            Err(unseen) => !unseen.forbidden,
        }
    }
}

/// What stands in the stores of the settings. Names that another of the certificates writes are
/// not mentioned as left behind.
pub(super) fn estates(settings: &Settings, store: &DirectoryStore, now: SystemTime) -> Vec<Estate> {
    let (targets, _) = targets(settings, Permission::None);
    let written: BTreeSet<PathBuf> = targets.iter().flat_map(paths).collect();
    let estate = |target: &Target| {
        let mut found = store.inherited(&target.place, now).map_err(unseen);
        if let Ok(found) = &mut found {
            found.names.retain(|one| one.fate != Fate::Left || !written.contains(&one.path));
        }
        Estate { url: target.id.to_string(), store: target.store(), found }
    };
    targets.iter().map(estate).collect()
}

/// A sign on the disk that another generation was here: links of the other layout, and none of the
/// one that is to be written.
pub(super) fn doubt(estates: &[Estate], from: Generation) -> Option<Remark> {
    let found = estates.iter().filter_map(|estate| estate.found.as_ref().ok());
    let strange = found.map(|found| &found.names).find_map(|names| {
        let is_no_sign = |one: &Inherited| matches!(one.fate, Fate::Made { .. } | Fate::Left);
        let left = names.iter().find(|one| one.fate == Fate::Left)?;
        names.iter().all(is_no_sign).then_some(&left.path)
    })?;
    let text = format!(
        "{} is there, which {from} does not write, and nothing that it does: is --from right?",
        strange.display()
    );
    Some(Remark { path: String::new(), text })
}

fn paths(target: &Target) -> Vec<PathBuf> {
    let names = target.place.public_names();
    names.into_iter().map(|name| target.store().join(name)).collect()
}

fn unseen(error: StoreError) -> Unseen {
    let forbidden =
        matches!(&error, StoreError::File(error) if error.kind() == ErrorKind::PermissionDenied);
    let end = if forbidden { "; run this as root to see what stands there" } else { "" };
    Unseen { why: format!("{error}{end}"), forbidden }
}

/// Of which certificates of the settings something stands in their stores, in their order.
pub(super) fn stands(settings: &Settings, store: &DirectoryStore, now: SystemTime) -> Vec<bool> {
    let is_there = |estate: Estate| {
        let names = estate.found.map(|found| found.names).unwrap_or_default();
        names.iter().any(|one| !matches!(one.fate, Fate::Made { .. }))
    };
    estates(settings, store, now).into_iter().map(is_there).collect()
}

/// What was said about stores.
#[derive(Default)]
pub(super) struct Settled {
    pub(super) changes: Vec<Remark>,
    pub(super) warnings: Vec<Remark>,
}

/// Where the settings name no store, the one in which the links stand is taken: Microsoft's pages
/// name two as the default. Where they name one in which nothing stands, it is only said that
/// something stands in another. Pure, but for `stands`, which is [`stands`].
pub(super) fn settle_stores(
    settings: &mut Settings,
    stands: impl Fn(&Settings) -> Vec<bool>,
) -> Settled {
    let mut settled = Settled::default();
    let here = stands(settings);
    if here.iter().all(|stands| *stands) {
        return settled;
    }
    for other in [DEFAULT_STORE, OTHER_DEFAULT_STORE] {
        let elsewhere = stands(&moved_to(settings, other));
        let only_there = here.iter().zip(elsewhere).map(|(here, there)| there && !here);
        for (index, (one, moved)) in settings.certificates.iter_mut().zip(only_there).enumerate() {
            if moved {
                settle(index, one, other, &mut settled);
            }
        }
    }
    settled
}

fn settle(index: usize, one: &mut ObservedCertificate, other: &str, settled: &mut Settled) {
    let StoreLocation::Directory { path, is_default } = &one.store;
    if path == Path::new(other) {
        return;
    }
    let key = format!("secretsManagementSettings.observedCertificates[{index}]");
    let path = format!("{key}.certificateStoreLocation");
    if *is_default {
        let text = format!("{other}, where its links stand; in {DEFAULT_STORE} there are none");
        one.store = StoreLocation::Directory { path: other.into(), is_default: false };
        settled.changes.push(Remark { path, text });
    } else {
        let text = format!(
            "nothing stands in {}, but in {other}: if programs open the links there, write that",
            one_store(one).display()
        );
        settled.warnings.push(Remark { path, text });
    }
}

fn one_store(one: &ObservedCertificate) -> &Path {
    let StoreLocation::Directory { path, .. } = &one.store;
    path
}

fn moved_to(settings: &Settings, store: &str) -> Settings {
    let mut moved = settings.clone();
    for one in &mut moved.certificates {
        one.store = StoreLocation::Directory { path: store.into(), is_default: false };
    }
    moved
}

#[cfg(test)]
mod tests {
    use extension_settings::VaultSuffixes;
    use serde_json::{Value, json};

    use super::*;

    fn settings(entries: Value) -> Settings {
        let document = json!({"secretsManagementSettings": {"observedCertificates": entries}});
        extension_settings::parse(&document, &VaultSuffixes::known()).unwrap().settings
    }

    fn stores(settings: &Settings) -> Vec<&Path> {
        settings.certificates.iter().map(one_store).collect()
    }

    /// A machine on which something stands in these stores only.
    fn only_in(stores: &[&str]) -> impl Fn(&Settings) -> Vec<bool> {
        move |settings| {
            let there = |one| stores.iter().any(|store| one_store(one) == Path::new(store));
            settings.certificates.iter().map(there).collect()
        }
    }

    const URL: &str = "https://contoso.vault.azure.net/secrets/web";

    #[test]
    fn the_default_store_is_the_one_in_which_the_links_stand() {
        for (standing, expected, changes) in [
            (&[][..], DEFAULT_STORE, 0),
            (&[DEFAULT_STORE], DEFAULT_STORE, 0),
            (&[OTHER_DEFAULT_STORE], OTHER_DEFAULT_STORE, 1),
            (&[DEFAULT_STORE, OTHER_DEFAULT_STORE], DEFAULT_STORE, 0),
        ] {
            let mut settings = settings(json!([URL]));
            let settled = settle_stores(&mut settings, only_in(standing));
            assert_eq!(stores(&settings), [Path::new(expected)], "{standing:?}");
            assert_eq!((settled.changes.len(), settled.warnings.len()), (changes, 0));
        }
    }

    #[test]
    fn a_store_that_is_named_stays_though_something_stands_in_another() {
        let mut settings = settings(json!([{"url": URL, "certificateStoreLocation": "/etc/tls"}]));
        let settled = settle_stores(&mut settings, only_in(&[DEFAULT_STORE]));
        assert_eq!(stores(&settings), [Path::new("/etc/tls")]);
        assert_eq!((settled.changes.len(), settled.warnings.len()), (0, 1));
        let said = settled.warnings[0].to_string();
        assert!(said.contains("observedCertificates[0].certificateStoreLocation: nothing stands in /etc/tls, but in /var/lib/waagent/Microsoft.Azure.KeyVault.Store:"), "{said}");
        let settled = settle_stores(&mut settings, only_in(&["/etc/tls", DEFAULT_STORE]));
        assert_eq!((settled.changes.len(), settled.warnings.len()), (0, 0));
    }
}
