//! What is to stand where, besides a store.

use std::path::{Path, PathBuf};

use certified_key::{Content, Encryption};

use crate::target::Grant;

/// One place that a certificate goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// One file.
    File {
        /// Its absolute path. The directory it stands in exists.
        path: PathBuf,
        /// What it holds.
        form: Form,
        /// Who may read it.
        access: FileAccess,
    },
    /// Files in a directory that is switched as a whole, by one link.
    Directory {
        /// The link's absolute path. The directory it stands in exists.
        link: PathBuf,
        /// The files, no two with the same name.
        files: Vec<SetFile>,
    },
}

/// A file of an [`Output::Directory`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetFile {
    /// A plain file name.
    pub name: String,
    /// What it holds.
    pub form: Form,
    /// Who may read it.
    pub access: FileAccess,
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// Leaf, issuers and private key, as PEM.
    Combined,
    /// Leaf and issuers, as PEM.
    FullChain,
    /// The leaf alone, as PEM.
    Leaf,
    /// The issuers alone, as PEM; nothing for a leaf without.
    Issuers,
    /// The private key alone, as PEM.
    PrivateKey,
    /// All of it as PKCS#12.
    Pkcs12 {
        /// The file whose first line is the password; empty without one.
        password_file: Option<PathBuf>,
        /// How it is encrypted.
        encryption: Encryption,
    },
    /// The secret's value as the vault has it.
    Raw,
}

/// Who may read a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileAccess {
    /// The owning user's name or numeric id; the calling user without one.
    pub owner: Option<String>,
    /// The owning group's name or numeric id; the calling user's without one.
    pub group: Option<String>,
    /// The nine permission bits.
    pub mode: u32,
    /// Who else may read it.
    pub grants: Vec<Grant>,
}

/// One version of what the outputs are made from.
#[derive(Clone, Copy, Debug)]
pub struct Material<'a> {
    /// The vault's version.
    pub version: &'a str,
    /// What it holds.
    pub content: &'a Content,
    /// The value as the vault handed it out, for [`Form::Raw`] of a certificate. Without it the
    /// bytes that were kept for this version have to do. A plain secret is its own value.
    pub value: Option<&'a [u8]>,
}

impl Default for FileAccess {
    fn default() -> Self {
        FileAccess { owner: None, group: None, mode: 0o600, grants: Vec::new() }
    }
}

impl Output {
    /// The path that is replaced when the certificate changes.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::File { path, .. } => path,
            Self::Directory { link, .. } => link,
        }
    }

    /// Every file by the path that consumers open.
    pub(crate) fn files(&self) -> Vec<(PathBuf, &Form, &FileAccess)> {
        match self {
            Self::File { path, form, access } => vec![(path.clone(), form, access)],
            Self::Directory { link, files } => {
                files.iter().map(|file| (link.join(&file.name), &file.form, &file.access)).collect()
            }
        }
    }
}

impl Form {
    /// What the bytes depend on besides the version, for the ledger.
    pub(crate) fn spec(&self) -> &'static str {
        match self {
            Self::Combined => "combined",
            Self::FullChain => "fullChain",
            Self::Leaf => "leaf",
            Self::Issuers => "issuers",
            Self::PrivateKey => "privateKey",
            Self::Pkcs12 { encryption: Encryption::Modern, .. } => "pkcs12",
            Self::Pkcs12 { encryption: Encryption::Legacy, .. } => "pkcs12 legacy",
            Self::Raw => "raw",
        }
    }
}
