//! What was written to outputs, so that it can be repaired, reproduced and taken back.

use std::path::{Path, PathBuf};

use crate::ledger::{Grantee, GranteeKind};

/// What the extension knows of the outputs of one certificate. It is a plain value: whoever owns
/// the state directory keeps it there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutputLedger {
    /// What stands there, or will once a switch that was begun is finished.
    pub files: Vec<OutputFileRecord>,
    /// What stood there in the version before: its bytes are kept.
    pub previous: Vec<OutputFileRecord>,
    /// Files of others that stood in the way; their bytes are kept for ever.
    pub replaced: Vec<ReplacedFile>,
    /// The directories behind the links of [`Output::Directory`](super::Output::Directory).
    pub directories: Vec<OutputDirectoryRecord>,
    /// Whom the names of owners, groups and readers meant. A name service that is away for a while
    /// must not hold up a certificate, or take a key from the service that reads it.
    pub accounts: Vec<Grantee>,
}

/// A file of an output, in one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputFileRecord {
    /// The path that consumers open.
    pub path: PathBuf,
    /// The vault's version.
    pub version: String,
    /// Its form, and what else the bytes depend on.
    pub spec: String,
    /// SHA-256 of its content, hexadecimal.
    pub digest: String,
}

/// A file that somebody else had put where an output goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplacedFile {
    /// Where it stood.
    pub path: PathBuf,
    /// SHA-256 of its content, hexadecimal. See [`OutputStore::kept`](super::OutputStore::kept).
    pub digest: String,
}

/// The directories of one link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputDirectoryRecord {
    /// The link's path.
    pub link: PathBuf,
    /// The name of the directory that it leads to, beside it.
    pub current: String,
    /// The one that it led to before.
    pub previous: Option<String>,
}

impl OutputLedger {
    /// The bytes under `path` that were made for this version in this form.
    pub(crate) fn reproducible(
        &self,
        path: &Path,
        version: &str,
        spec: &str,
    ) -> Option<&OutputFileRecord> {
        let all = self.files.iter().chain(&self.previous);
        all.into_iter()
            .find(|file| file.path == path && file.version == version && file.spec == spec)
    }

    pub(crate) fn file(&self, path: &Path) -> Option<&OutputFileRecord> {
        self.files.iter().find(|file| file.path == path)
    }

    pub(crate) fn directory(&self, link: &Path) -> Option<&OutputDirectoryRecord> {
        self.directories.iter().find(|directory| directory.link == link)
    }

    /// Whom a name meant.
    pub(crate) fn account(&self, kind: GranteeKind, name: &str) -> Option<u32> {
        let mut accounts = self.accounts.iter();
        accounts.find(|known| known.kind == kind && known.name == name).map(|known| known.id)
    }

    /// What stood under `path` before `version`.
    pub(crate) fn before(&self, path: &Path, version: &str) -> Option<&OutputFileRecord> {
        match self.file(path) {
            Some(file) if file.version != version => Some(file),
            _ => self.previous.iter().find(|file| file.path == path),
        }
    }

    /// The digests of all bytes that have to be kept.
    pub(crate) fn digests(&self) -> impl Iterator<Item = &str> {
        self.files.iter().chain(&self.previous).map(|file| file.digest.as_str())
    }
}
