//! What the extension wrote, so that it can repair that, and remove nothing else.

use std::path::PathBuf;
use std::time::SystemTime;

use object_id::ObjectId;

use crate::names::Part;

/// One version of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    /// The vault's version.
    pub version: String,
    /// SHA-256 of what the vault handed out, as one PEM text, hexadecimal.
    pub digest: String,
}

/// A file in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerFile {
    /// Its name in the store.
    pub name: String,
    /// The vault's version that it holds.
    pub version: String,
    /// SHA-256 of its content, hexadecimal.
    pub digest: String,
    /// Since when it does not belong to the active generation.
    pub superseded: Option<SystemTime>,
    /// Whether it was found and taken over, not written: such a file is never removed.
    pub adopted: bool,
    /// Whether it was taken over although it holds other certificates around the same key than the
    /// vault hands out.
    pub differs: bool,
    /// Whether it was written for a switch that did not come: nobody has seen that version.
    pub prepared: bool,
}

/// A user or group that a grant meant when it was last applied.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grantee {
    /// A user, or a group?
    pub kind: GranteeKind,
    /// Name or number, as the settings say it.
    pub name: String,
    /// The id that this was.
    pub id: u32,
    /// Whether the grant is no longer there, but the search permission on the extension's own
    /// directories may be.
    pub withdrawn: bool,
}

/// Whom a grant can mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GranteeKind {
    /// One user.
    User,
    /// All members of a group.
    Group,
}

/// What the extension knows of one target. It is a plain value: whoever owns the state directory
/// keeps it there. An empty ledger (lost, or never written) removes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// What applications are meant to see; drift is measured against it.
    pub active: Option<Generation>,
    /// What they saw before.
    pub previous: Option<Generation>,
    /// Every file that stands for this target, active or superseded.
    pub files: Vec<LedgerFile>,
    /// The directories that the extension made on the way to the store: the only ones that it
    /// opens to grantees.
    pub directories: Vec<PathBuf>,
    /// Who was given access, by id: a name that the name service does not know at the moment keeps
    /// it, and a grant that is withdrawn is undone.
    pub grantees: Vec<Grantee>,
}

impl Ledger {
    /// The entry of the file `name`.
    pub(crate) fn file(&self, name: &str) -> Option<&LedgerFile> {
        self.files.iter().find(|file| file.name == name)
    }

    /// The file that a part of a version is in: the current one, else one that was left behind.
    pub(crate) fn part(&self, part: Part, id: &ObjectId, version: &str) -> Option<&LedgerFile> {
        let files = self.files.iter();
        let of_part = files.filter(|f| f.version == version && part.is_file(&f.name, id, version));
        of_part.min_by_key(|file| file.superseded.is_some())
    }

    /// The files of the active generation.
    pub(crate) fn active_files(&self) -> impl Iterator<Item = &LedgerFile> {
        let version = self.active.as_ref().map(|active| &active.version);
        let current = self.files.iter().filter(|file| file.superseded.is_none());
        current.filter(move |file| Some(&file.version) == version)
    }
}
