//! The passwords that an unprotected file can have, and how a password becomes bytes.

use zeroize::Zeroizing;

/// No password, in one of its two forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Password {
    /// No bytes at all: Windows, and so Key Vault.
    Null,
    /// No characters: openssl, Java.
    Empty,
}

impl Password {
    /// In the order in which they are tried.
    pub(super) const CANDIDATES: [Self; 2] = [Self::Null, Self::Empty];

    /// The other form.
    pub(super) fn other(self) -> Self {
        match self {
            Self::Null => Self::Empty,
            Self::Empty => Self::Null,
        }
    }

    /// As PKCS#12's own derivation wants it: UTF-16, big endian, with a final zero (RFC 7292
    /// appendix B.1).
    pub(super) fn utf16(self) -> &'static [u8] {
        match self {
            Self::Null => &[],
            Self::Empty => &[0, 0],
        }
    }

    /// As PBKDF2 wants it, which cannot tell the two forms apart.
    pub(super) fn utf8(self) -> &'static [u8] {
        match self {
            Self::Null | Self::Empty => &[],
        }
    }
}

/// A password as PKCS#12's own derivation wants it.
pub(super) fn utf16(password: &str) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 * password.len() + 2));
    let units = password.encode_utf16().chain([0]);
    units.for_each(|unit| bytes.extend_from_slice(&unit.to_be_bytes()));
    bytes
}
