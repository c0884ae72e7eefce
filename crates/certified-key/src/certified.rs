//! The two things a secret can hold.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::Certificate;
use crate::private_key::PrivateKey;

/// What is to stand on a machine: a certificate with its key, or bytes that mean nothing here.
#[expect(clippy::large_enum_variant, reason = "nearly every content is a certificate")]
pub enum Content {
    /// A certificate with its issuers and its private key.
    Certificate(CertifiedKey),
    /// A plain secret; wiped when dropped.
    Opaque(Zeroizing<Vec<u8>>),
}

impl PartialEq for Content {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Certificate(one), Self::Certificate(two)) => one == two,
            (Self::Opaque(one), Self::Opaque(two)) => one.ct_eq(two).into(),
            _ => false,
        }
    }
}

impl Eq for Content {}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(key) => f.debug_tuple("Certificate").field(key).finish(),
            Self::Opaque(bytes) => write!(f, "Opaque({} bytes)", bytes.len()),
        }
    }
}

/// A leaf certificate, its issuers, and the private key that belongs to the leaf.
///
/// The private key's public half is the leaf's, each certificate is certified by the next, and
/// all of it encodes to exactly one PEM text. It cannot be cloned, and `Debug` shows no key.
pub struct CertifiedKey {
    pub(crate) leaf: Certificate,
    pub(crate) issuers: Vec<Certificate>,
    pub(crate) key: PrivateKey,
}

impl CertifiedKey {
    /// The certificate that the private key belongs to.
    pub fn leaf(&self) -> &Certificate {
        &self.leaf
    }

    /// Who certified the leaf, who certified that one, and so on (RFC 5246 §7.4.2); ends with a
    /// self-signed root where there is one.
    pub fn issuers(&self) -> &[Certificate] {
        &self.issuers
    }

    /// The private key's algorithm as people call it: "RSA 2048", "P-256", "Ed25519".
    pub fn key_algorithm(&self) -> String {
        self.key.public().to_string()
    }
}

impl PartialEq for CertifiedKey {
    fn eq(&self, other: &Self) -> bool {
        self.leaf == other.leaf && self.issuers == other.issuers && self.key == other.key
    }
}

impl Eq for CertifiedKey {}

impl fmt::Debug for CertifiedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertifiedKey")
            .field("leaf", &self.leaf)
            .field("issuers", &self.issuers)
            .finish_non_exhaustive()
    }
}
