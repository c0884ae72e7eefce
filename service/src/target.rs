//! What is to be brought where, with which identity: the settings, as the worker works on them.

use std::path::PathBuf;

use cert_store::{Grant, Layout, ReadBefore, Retain, StoreLocation};
use extension_settings::{FileLayout, Identity, ObservedCertificate, Settings};
use object_id::ObjectId;
use reaction::Permission;

use crate::delivery::{Delivery, wanted};

/// One observed certificate on its way from the vault to the store.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// What to ask the vault for.
    pub(crate) id: ObjectId,
    /// Who asks.
    pub(crate) identity: Identity,
    /// Where it goes.
    pub(crate) place: cert_store::Target,
    /// What goes beyond the store.
    pub(crate) delivery: Delivery,
    /// What its files contained when they were last read.
    pub(crate) read_before: ReadBefore,
}

impl Target {
    /// The store's directory.
    pub(crate) fn store(&self) -> PathBuf {
        let StoreLocation::Directory { path, .. } = &self.place.location;
        path.clone()
    }

    /// The link's name: what people call this certificate.
    pub(crate) fn name(&self) -> &str {
        &self.place.link_name
    }

    /// Everything that consumers open: links and outputs.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        let links = self.place.link_names().into_iter().map(|name| self.store().join(name));
        links.chain(self.delivery.outputs.iter().map(|output| output.path().to_owned())).collect()
    }

    /// The link that consumers open; of the split layout, the certificate's.
    pub(crate) fn link(&self) -> PathBuf {
        match self.place.layouts.first() {
            Some(Layout::Split) => self.store().join(format!("{}.pem", self.name())),
            _ => self.store().join(self.name()),
        }
    }
}

/// The targets of the settings, in their order, and what of them is left out because the
/// administrator does not permit it.
pub(crate) fn targets(settings: &Settings, permission: Permission) -> (Vec<Target>, Vec<String>) {
    let mut warnings = Vec::new();
    let targets = settings.certificates.iter().map(|observed| {
        let (delivery, left_out) = wanted::delivery(observed, &settings.on_renewal, permission);
        warnings.extend(left_out);
        Target { delivery, ..target(settings, observed) }
    });
    (targets.collect(), warnings)
}

fn target(settings: &Settings, observed: &ObservedCertificate) -> Target {
    let extension_settings::StoreLocation::Directory { path, is_default } = &observed.store;
    let grants = if settings.acl_enabled { grants(observed) } else { Vec::new() };
    let place = cert_store::Target {
        location: StoreLocation::Directory { path: path.clone(), is_default: *is_default },
        id: observed.id.clone(),
        link_name: observed.link_name.clone(),
        layouts: layouts(observed.layout),
        grants,
        retain: match settings.retain_versions {
            extension_settings::Retain::All => Retain::All,
            extension_settings::Retain::Versions(versions) => {
                Retain::Versions(usize::try_from(versions).unwrap_or(usize::MAX))
            }
        },
    };
    Target {
        id: observed.id.clone(),
        identity: observed.identity.clone(),
        place,
        delivery: Delivery::default(),
        read_before: ReadBefore::default(),
    }
}

fn grants(observed: &ObservedCertificate) -> Vec<Grant> {
    let grant =
        |acl: &extension_settings::Acl| Grant { user: acl.user.clone(), group: acl.group.clone() };
    observed.acls.iter().map(grant).collect()
}

fn layouts(layout: FileLayout) -> Vec<Layout> {
    match layout {
        FileLayout::Unstated | FileLayout::Combined => vec![Layout::Combined],
        FileLayout::Split => vec![Layout::Split],
        FileLayout::Both => vec![Layout::Combined, Layout::Split],
    }
}
