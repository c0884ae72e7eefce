//! The digests of PKCS#12, and the three things that are made from them.

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

/// What PKCS#12's own derivation yields (RFC 7292 appendix B.3).
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Key = 1,
    InitializationVector = 2,
    MacKey = 3,
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
    const fn block(self) -> usize {
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

    /// PKCS#12's own derivation (RFC 7292 appendix B.2); the password in UTF-16 with a final zero.
    pub(super) fn pkcs12(
        self,
        purpose: Purpose,
        password: &[u8],
        salt: &[u8],
        iterations: u32,
        length: usize,
        budget: &mut Budget,
    ) -> Result<Zeroizing<Vec<u8>>, DecodeError> {
        budget.pay(iterations, length.div_ceil(self.size()))?;
        let block = self.block();
        let diversifier = [purpose as u8; 128];
        let mut input = Zeroizing::new(repeated(salt, block));
        input.extend(repeated(password, block));
        let mut output = Zeroizing::new(Vec::with_capacity(length + self.size()));
        while output.len() < length {
            let piece = self.iterated(&diversifier[..block], &input, iterations);
            output.extend_from_slice(&piece);
            add_to_each(&mut input, &piece, block);
        }
        output.truncate(length);
        Ok(output)
    }

    fn iterated(self, diversifier: &[u8], input: &[u8], iterations: u32) -> Zeroizing<Vec<u8>> {
        with_digest!(self, Digest => {
            let mut digest = Digest::new().chain_update(diversifier).chain_update(input).finalize();
            for _ in 1..iterations {
                digest = Digest::digest(digest);
            }
            Zeroizing::new(digest.to_vec())
        })
    }
}

/// Repeats the bytes until they fill whole blocks; nothing stays nothing.
fn repeated(bytes: &[u8], block: usize) -> Vec<u8> {
    let length = bytes.len().div_ceil(block) * block;
    bytes.iter().copied().cycle().take(length).collect()
}

/// Adds the piece, itself repeated to a block, and one to every block as a big number.
fn add_to_each(input: &mut [u8], piece: &[u8], block: usize) {
    for chunk in input.chunks_mut(block) {
        let mut carry = 1_u16;
        for place in (0..chunk.len()).rev() {
            let sum = u16::from(chunk[place]) + u16::from(piece[place % piece.len()]) + carry;
            let [high, low] = sum.to_be_bytes();
            chunk[place] = low;
            carry = u16::from(high);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMEG: &[u8] = &[0, b's', 0, b'm', 0, b'e', 0, b'g', 0, 0];
    const QUEEG: &[u8] = &[0, b'q', 0, b'u', 0, b'e', 0, b'e', 0, b'g', 0, 0];

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|n| u8::from_str_radix(&text[n..n + 2], 16).unwrap())
            .collect()
    }

    #[test]
    fn pkcs12_derivation_agrees_with_published_vectors() {
        // Dr. Stephen Henson's vectors, which OpenSSL's own tests use (evpkdf_pkcs12.txt).
        let vectors = [
            (
                SMEG,
                Purpose::Key,
                "0A58CF64530D823F",
                1,
                "8AAAE6297B6CB04642AB5B077851284EB7128F1A2A7FBCA3",
            ),
            (SMEG, Purpose::InitializationVector, "0A58CF64530D823F", 1, "79993DFE048D3B76"),
            (
                SMEG,
                Purpose::MacKey,
                "3D83C0E4546AC140",
                1,
                "8D967D88F6CAA9D714800AB3D48051D63F73A312",
            ),
            (
                QUEEG,
                Purpose::Key,
                "05DEC959ACFF72F7",
                1000,
                "ED2034E36328830FF09DF1E1A07DD357185DAC0D4F9EB3D4",
            ),
            (QUEEG, Purpose::InitializationVector, "05DEC959ACFF72F7", 1000, "11DEDAD7758D4860"),
            (
                QUEEG,
                Purpose::MacKey,
                "263216FCC2FAB31C",
                1000,
                "5EC4C7A80DF652294C3925B6489A7AB857C83476",
            ),
        ];
        for (password, purpose, salt, iterations, expected) in vectors {
            let expected = hex(expected);
            let derived = Hash::Sha1
                .pkcs12(
                    purpose,
                    password,
                    &hex(salt),
                    iterations,
                    expected.len(),
                    &mut Budget::default(),
                )
                .unwrap();
            assert_eq!(*derived, expected);
        }
    }

    #[test]
    fn pbkdf2_agrees_with_rfc_6070() {
        let expected = hex("4b007901b765489abead49d926f721d065a429c1");
        let derived = Hash::Sha1.pbkdf2(b"password", b"salt", 4096, 20, &mut Budget::default());
        assert_eq!(*derived.unwrap(), expected);
    }

    #[test]
    fn the_null_and_the_empty_password_are_two_passwords() {
        let derive = |hash: Hash, password| {
            hash.pkcs12(Purpose::MacKey, password, b"salt", 3, 32, &mut Budget::default()).unwrap()
        };
        for hash in [Hash::Sha1, Hash::Sha224, Hash::Sha256, Hash::Sha384, Hash::Sha512] {
            assert_ne!(derive(hash, &[]), derive(hash, &[0, 0]));
        }
    }

    #[test]
    fn a_derivation_that_costs_too_much_does_not_begin() {
        let derived = Hash::Sha512.pbkdf2(b"", b"salt", u32::MAX, 32, &mut Budget::default());
        assert_eq!(derived.unwrap_err(), DecodeError::TooManyIterations);
    }
}
