//! The settings as the rest of the product knows them: valid and complete.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use object_id::ObjectId;

use crate::acl::Acl;
use crate::identity::Identity;
use crate::logging::Logging;
use crate::metrics::{Expiry, Metrics};
use crate::outputs::{Form, Output};
use crate::reaction::{Action, Command, Guards};
use crate::remark::Remark;
use crate::store::{FileLayout, StoreLocation};
use crate::verification::Verification;

/// How often the vault is asked where the settings do not say: 3600 s.
pub const DEFAULT_POLLING_INTERVAL: Duration = Duration::from_secs(3600);

/// The longest list of observed certificates that is read.
pub const MOST_CERTIFICATES: usize = 20_000;

/// What [`crate::parse`] makes of a document in which nothing is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// The settings.
    pub settings: Settings,
    /// What was read, but should be written otherwise.
    pub warnings: Vec<Remark>,
}

/// The settings: checked, defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Time from one poll of the vault to the next, at least 1 s.
    pub polling_interval: Duration,
    /// Whether success waits until every certificate has been installed once.
    pub require_initial_sync: bool,
    /// Whether the ACLs of the entries are to be applied. Where it is false, they are not.
    pub acl_enabled: bool,
    /// How many versions of each certificate stay on disk.
    pub retain_versions: Retain,
    /// Who asks the vault, where an entry does not say otherwise.
    pub identity: Identity,
    /// Where the log is sent besides its file.
    pub logging: Option<Logging>,
    /// What is done after any certificate has changed.
    pub on_renewal: Vec<Action>,
    /// When people are told that a certificate ends.
    pub expiry: Expiry,
    /// Where the metrics go.
    pub metrics: Metrics,
    /// What is to be installed: at least one and at most [`MOST_CERTIFICATES`], no two of them
    /// writing the same link.
    pub certificates: Vec<ObservedCertificate>,
}

impl Settings {
    /// Every directory that the worker must be able to write to for these settings, sorted, each
    /// once: the stores, the directories that outputs stand in, and that of the metrics.
    #[must_use]
    pub fn written_directories(&self) -> Vec<PathBuf> {
        let mut directories = BTreeSet::new();
        for certificate in &self.certificates {
            let StoreLocation::Directory { path, .. } = &certificate.store;
            directories.insert(path.as_path());
            directories.extend(certificate.outputs.iter().filter_map(|one| one.path().parent()));
        }
        directories.extend(self.metrics.textfile.as_deref().and_then(Path::parent));
        directories.into_iter().map(Path::to_owned).collect()
    }
}

/// How many versions of a certificate stay on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retain {
    /// Every version ever installed.
    All,
    /// This many, the current one included; at least 2.
    Versions(u32),
}

/// One certificate to be kept up to date on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedCertificate {
    /// The secret that carries the certificate and its key; with a version, it is pinned.
    pub id: ObjectId,
    /// Where it goes.
    pub store: StoreLocation,
    /// The link's name in the store, without the suffixes of the split layout: a plain file name.
    pub link_name: String,
    /// Which files are written.
    pub layout: FileLayout,
    /// Who may read the files besides their owner, without repetitions.
    pub acls: Vec<Acl>,
    /// Who asks the vault: the entry's own identity, completed by that of the settings.
    pub identity: Identity,
    /// Where it goes besides the store. No two outputs of all certificates write the same path.
    pub outputs: Vec<Output>,
    /// What must succeed with the new files before they are switched to.
    pub check: Option<Command>,
    /// What is done after it has changed, besides what the settings say for all.
    pub on_renewal: Vec<Action>,
    /// Who must serve it after that.
    pub verify: Vec<Verification>,
    /// What a new version must have in common with the one before it.
    pub guards: Guards,
    /// Whether the version before comes back where the new one makes trouble.
    pub rollback: bool,
}

impl ObservedCertificate {
    /// The link's name where an entry chooses none: `VAULT.NAME`, as all generations call it.
    #[must_use]
    pub fn default_link_name(id: &ObjectId) -> String {
        format!("{}.{}", id.vault().name(), id.name())
    }

    /// The guards that are on where the entry names none.
    pub(crate) fn usual_guards(&self) -> Guards {
        let alone = self.outputs.is_empty() && self.on_renewal.is_empty() && self.verify.is_empty();
        Guards::usual(!alone || self.check.is_some())
    }

    /// Whether the secret may be anything: all outputs, and there is one, hold its raw value.
    #[must_use]
    pub fn accepts_any_secret(&self) -> bool {
        !self.outputs.is_empty()
            && self.outputs.iter().flat_map(Output::forms).all(|form| *form == Form::Raw)
    }
}
