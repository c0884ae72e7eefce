//! What a file of an output holds.

use std::path::PathBuf;

use crate::field::word_for;
use crate::nested::{Nested, read_path};
use crate::remark::Remarks;

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// Certificate, issuers and private key, as PEM.
    Combined,
    /// Certificate and issuers, as PEM.
    FullChain,
    /// The certificate alone, as PEM.
    Leaf,
    /// The issuers alone, as PEM.
    Issuers,
    /// The private key alone, as PEM (PKCS#8).
    PrivateKey,
    /// All of it as PKCS#12.
    Pkcs12 {
        /// The file whose first line is the password, absolute and normalised; the password is
        /// empty without one.
        password_file: Option<PathBuf>,
        /// How it is encrypted.
        encryption: Encryption,
    },
    /// The secret's value as the vault has it, whether it is a certificate or not.
    Raw,
}

/// How PKCS#12 is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// AES-256, PBKDF2 and SHA-256: what OpenSSL 3 and Java 17 write.
    Modern,
    /// Triple DES and SHA-1, for readers that know nothing else (Java 8 before 8u301, Windows
    /// Server 2016).
    Legacy,
}

/// The forms by their names.
const FORMS: [(&str, Word); 7] = [
    ("combined", Word::Combined),
    ("fullChain", Word::FullChain),
    ("leaf", Word::Leaf),
    ("issuers", Word::Issuers),
    ("privateKey", Word::PrivateKey),
    ("pkcs12", Word::Pkcs12),
    ("raw", Word::Raw),
];

const ENCRYPTIONS: [(&str, Encryption); 2] =
    [("modern", Encryption::Modern), ("legacy", Encryption::Legacy)];

impl Encryption {
    /// The word for it in the settings.
    pub(crate) fn name(self) -> &'static str {
        word_for(&ENCRYPTIONS, &self)
    }
}

/// A form as it is written, without its options.
#[derive(Clone, Copy)]
enum Word {
    Combined,
    FullChain,
    Leaf,
    Issuers,
    PrivateKey,
    Pkcs12,
    Raw,
}

impl Form {
    /// Whether whoever can read the file has the private key, or a secret.
    #[must_use]
    pub fn holds_secret(&self) -> bool {
        match self {
            Self::Combined | Self::PrivateKey | Self::Pkcs12 { .. } | Self::Raw => true,
            Self::FullChain | Self::Leaf | Self::Issuers => false,
        }
    }

    /// The word for it in the settings.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Combined => "combined",
            Self::FullChain => "fullChain",
            Self::Leaf => "leaf",
            Self::Issuers => "issuers",
            Self::PrivateKey => "privateKey",
            Self::Pkcs12 { .. } => "pkcs12",
            Self::Raw => "raw",
        }
    }

    /// Reads `form` and what goes with it. `None` comes with a problem.
    pub(super) fn read(keys: &mut Nested, remarks: &mut Remarks) -> Option<Self> {
        let names: Vec<&str> = FORMS.iter().map(|(name, _)| *name).collect();
        let form = keys.required("form", &format!("one of {}", names.join(", ")), remarks);
        let word = form.and_then(|form| form.word(&FORMS, remarks));
        let password = keys.take("passwordFile");
        let encryption = keys.take("encryption");
        let form = match word? {
            Word::Combined => Self::Combined,
            Word::FullChain => Self::FullChain,
            Word::Leaf => Self::Leaf,
            Word::Issuers => Self::Issuers,
            Word::PrivateKey => Self::PrivateKey,
            Word::Raw => Self::Raw,
            Word::Pkcs12 => {
                let example = "/etc/tomcat/keystore.password";
                let password_file = password.and_then(|field| read_path(&field, example, remarks));
                let encryption = encryption.and_then(|field| field.word(&ENCRYPTIONS, remarks));
                let encryption = encryption.unwrap_or(Encryption::Modern);
                return Some(Self::Pkcs12 { password_file, encryption });
            }
        };
        let strays: Vec<_> = password.into_iter().chain(encryption).collect();
        for stray in &strays {
            remarks.problem(&stray.path, "goes with the form pkcs12 only: remove it");
        }
        strays.is_empty().then_some(form)
    }
}
