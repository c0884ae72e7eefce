//! The digests of PKCS#12, and what is made from them.

use der::asn1::ObjectIdentifier;
use hmac::{Hmac, KeyInit as _, Mac as _};
use pbkdf2::pbkdf2_hmac;
use sha2::Digest as _;
use zeroize::Zeroizing;

use super::budget::Budget;
use crate::error::DecodeError;

/// A digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hash {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

/// Evaluates an expression with the type of the digest.
macro_rules! with_digest {
    ($hash:expr, $digest:ident => $work:expr) => {
        match $hash {
            Hash::Sha1 => {
                type $digest = sha1::Sha1;
                $work
            }
            Hash::Sha224 => {
                type $digest = sha2::Sha224;
                $work
            }
            Hash::Sha256 => {
                type $digest = sha2::Sha256;
                $work
            }
            Hash::Sha384 => {
                type $digest = sha2::Sha384;
                $work
            }
            Hash::Sha512 => {
                type $digest = sha2::Sha512;
                $work
            }
        }
    };
}

impl Hash {
    /// By the object identifier of the digest itself.
    pub(super) fn of_digest(oid: ObjectIdentifier) -> Option<Self> {
        const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
        const SHA224: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.4");
        const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
        const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
        const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
        Some(match oid {
            SHA1 => Self::Sha1,
            SHA224 => Self::Sha224,
            SHA256 => Self::Sha256,
            SHA384 => Self::Sha384,
            SHA512 => Self::Sha512,
            _ => return None,
        })
    }

    /// By the object identifier of HMAC with the digest (RFC 8018 appendix B.1.2).
    pub(super) fn of_hmac(oid: ObjectIdentifier) -> Option<Self> {
        const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.7");
        const SHA224: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.8");
        const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.9");
        const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.10");
        const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.11");
        Some(match oid {
            SHA1 => Self::Sha1,
            SHA224 => Self::Sha224,
            SHA256 => Self::Sha256,
            SHA384 => Self::Sha384,
            SHA512 => Self::Sha512,
            _ => return None,
        })
    }

    /// Size of the digest in bytes.
    pub(super) const fn size(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha224 => 28,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// Size in bytes of the blocks that the digest works on.
    pub(super) const fn block(self) -> usize {
        match self {
            Self::Sha1 | Self::Sha224 | Self::Sha256 => 64,
            Self::Sha384 | Self::Sha512 => 128,
        }
    }

    /// Is this the HMAC of the message? In constant time.
    pub(super) fn hmac_matches(self, key: &[u8], message: &[u8], expected: &[u8]) -> bool {
        with_digest!(self, Digest => {
            Hmac::<Digest>::new_from_slice(key)
                .is_ok_and(|mac| mac.chain_update(message).verify_slice(expected).is_ok())
        })
    }

    /// The HMAC of the message; `None` for a key that the digest does not take.
    pub(super) fn hmac(self, key: &[u8], message: &[u8]) -> Option<Vec<u8>> {
        with_digest!(self, Digest => {
            let mac = Hmac::<Digest>::new_from_slice(key).ok()?;
            Some(mac.chain_update(message).finalize().into_bytes().to_vec())
        })
    }

    /// PBKDF2 with HMAC (RFC 8018 §5.2); the password in UTF-8.
    pub(super) fn pbkdf2(
        self,
        password: &[u8],
        salt: &[u8],
        iterations: u32,
        length: usize,
        budget: &mut Budget,
    ) -> Result<Zeroizing<Vec<u8>>, DecodeError> {
        // An HMAC costs two runs of the digest.
        budget.pay(iterations, 2 * length.div_ceil(self.size()))?;
        let mut output = Zeroizing::new(vec![0; length]);
        with_digest!(self, Digest => {
            pbkdf2_hmac::<Digest>(password, salt, iterations, &mut output);
        });
        Ok(output)
    }

    /// The digest of two pieces.
    pub(super) fn digest(self, first: &[u8], second: &[u8]) -> Zeroizing<Vec<u8>> {
        with_digest!(self, Digest => {
            let digest = Digest::new().chain_update(first).chain_update(second).finalize();
            Zeroizing::new(digest.to_vec())
        })
    }

    /// Digests a digest, and that again, so many times.
    pub(super) fn iterate(self, digest: &mut [u8], times: u64) {
        with_digest!(self, Digest => {
            for _ in 0..times {
                let next = Digest::digest(&*digest);
                digest.copy_from_slice(&next);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|n| u8::from_str_radix(&text[n..n + 2], 16).unwrap())
            .collect()
    }

    #[test]
    fn pbkdf2_agrees_with_rfc_6070() {
        let expected = hex("4b007901b765489abead49d926f721d065a429c1");
        let derived = Hash::Sha1.pbkdf2(b"password", b"salt", 4096, 20, &mut Budget::default());
        assert_eq!(*derived.unwrap(), expected);
    }

    #[test]
    fn a_derivation_that_costs_too_much_does_not_begin() {
        let derived = Hash::Sha512.pbkdf2(b"", b"salt", u32::MAX, 32, &mut Budget::default());
        assert_eq!(derived.unwrap_err(), DecodeError::TooManyIterations);
    }
}
