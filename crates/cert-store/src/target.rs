//! What is to stand where, and who may read it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use object_id::ObjectId;

use crate::names::{self, Layout, Part};

/// Where certificates stand on a machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StoreLocation {
    /// A directory of files and links.
    Directory {
        /// Its absolute path.
        path: PathBuf,
        /// Whether it is the extension's own default store: that one is the extension's alone and
        /// always 0700, whoever made it.
        is_default: bool,
    },
}

impl StoreLocation {
    /// The directory, where the store is one.
    #[must_use]
    pub fn directory(&self) -> Option<&Path> {
        match self {
            Self::Directory { path, .. } => Some(path),
        }
    }
}

/// Read access for a user, a group, or both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Grant {
    /// The user's name or numeric id.
    pub user: Option<String>,
    /// The group's name or numeric id.
    pub group: Option<String>,
}

/// How many versions of a certificate stay in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retain {
    /// All of them.
    All,
    /// So many, the current one included; fewer than two mean two, because the previous version
    /// is the way back.
    Versions(usize),
}

/// One certificate in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The store.
    pub location: StoreLocation,
    /// What is installed; with a version, exactly that one.
    pub id: ObjectId,
    /// The name of the link that applications open; the split layout adds an ending to it.
    pub link_name: String,
    /// The layouts to write, at least one.
    pub layouts: Vec<Layout>,
    /// Who may read it besides root.
    pub grants: Vec<Grant>,
    /// How many versions stay.
    pub retain: Retain,
}

impl Target {
    /// Every name in the store that applications open for this target. Two targets in one store
    /// must not share any of them.
    #[must_use]
    pub fn public_names(&self) -> Vec<String> {
        let split = self.layouts.contains(&Layout::Split);
        let metadata = split.then(|| names::metadata(&self.link_name));
        self.link_names().into_iter().chain(metadata).collect()
    }

    /// Those of them that lead to certificates and keys.
    #[must_use]
    pub fn link_names(&self) -> Vec<String> {
        let parts = layouts(self).into_iter().flat_map(Part::of);
        parts.map(|part| part.link(&self.link_name)).collect()
    }

    /// The link's name where the settings do not choose one: `VAULT.CERTIFICATE`.
    #[must_use]
    pub fn default_link_name(id: &ObjectId) -> String {
        format!("{}.{}", id.vault().name(), id.name())
    }
}

/// Gives targets that lead to the same file the same grants, the union of theirs: a certificate
/// with two links in one store is one file. Called once on all targets of the settings.
pub fn unite_grants(targets: &mut [Target]) {
    let mut united: BTreeMap<(StoreLocation, ObjectId), BTreeSet<Grant>> = BTreeMap::new();
    let file = |target: &Target| (target.location.clone(), target.id.unversioned());
    for target in targets.iter() {
        united.entry(file(target)).or_default().extend(target.grants.iter().cloned());
    }
    for target in targets {
        let all = united.get(&file(target)).into_iter().flatten();
        let more: Vec<Grant> = all.filter(|g| !target.grants.contains(g)).cloned().collect();
        target.grants.extend(more);
    }
}

/// The layouts of a target, each once.
pub(crate) fn layouts(target: &Target) -> Vec<Layout> {
    let mut layouts = target.layouts.clone();
    layouts.sort();
    layouts.dedup();
    layouts
}

#[cfg(test)]
mod tests {
    use object_id::VaultSuffixes;

    use super::*;

    fn target(link_name: &str, user: Option<&str>) -> Target {
        let url = "https://contoso.vault.azure.net/secrets/web";
        let grant = |user: &str| Grant { user: Some(user.into()), group: None };
        Target {
            location: StoreLocation::Directory { path: "/store".into(), is_default: false },
            id: ObjectId::parse(url, &VaultSuffixes::known()).unwrap(),
            link_name: link_name.into(),
            layouts: vec![Layout::Split, Layout::Combined, Layout::Split],
            grants: user.map(grant).into_iter().collect(),
            retain: Retain::All,
        }
    }

    #[test]
    fn every_name_that_applications_open_is_listed_once() {
        let names = target("web", None).public_names();
        assert_eq!(names, ["web", "web.pem", "web.keyid", "web.luma"]);
    }

    #[test]
    fn two_links_to_one_file_have_the_grants_of_both() {
        let mut targets = [target("a", Some("alice")), target("b", Some("bob")), target("c", None)];
        targets[2].location = StoreLocation::Directory { path: "/other".into(), is_default: false };
        unite_grants(&mut targets);
        let users = |target: &Target| {
            target.grants.iter().filter_map(|grant| grant.user.clone()).collect::<Vec<_>>()
        };
        assert_eq!(users(&targets[0]), ["alice", "bob"]);
        assert_eq!(users(&targets[1]), ["bob", "alice"]);
        assert!(targets[2].grants.is_empty());
    }
}
