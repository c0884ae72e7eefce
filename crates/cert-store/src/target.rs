//! What is to stand where, and who may read it.

use std::path::{Path, PathBuf};

use object_id::ObjectId;

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

/// One way to lay a certificate out in files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Output {
    /// One file: leaf, issuers, private key; and a link to it.
    Combined,
    /// A file with the chain, a file with the key, a link to each, and a metadata file that is
    /// replaced last.
    Split,
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
    pub outputs: Vec<Output>,
    /// Who may read it besides root.
    pub grants: Vec<Grant>,
    /// How many versions stay.
    pub retain: Retain,
}

impl Target {
    /// The link's name where the settings do not choose one: `VAULT.CERTIFICATE`.
    #[must_use]
    pub fn default_link_name(id: &ObjectId) -> String {
        format!("{}.{}", id.vault().name(), id.name())
    }
}
