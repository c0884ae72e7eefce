//! The MAC that tells which password a file has.

use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use der::{Decode as _, Reader as _, SliceReader};
use pkcs8::AlgorithmIdentifierRef;

use super::derivation::{Purpose, Wanted};
use super::deriver::Deriver;
use super::encryption::Pbkdf2;
use super::hash::Hash;
use super::password::Password;
use super::structure::{malformed, number};
use crate::algorithm;
use crate::error::DecodeError;

/// PBMAC1 (RFC 9579).
const PBMAC1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.14");

/// No digest takes in more at once.
const LONGEST_KEY: usize = 128;

/// `MacData` of RFC 7292 §4.
pub(super) struct Mac<'a> {
    algorithm: AlgorithmIdentifierRef<'a>,
    expected: &'a [u8],
    salt: &'a [u8],
    iterations: u32,
}

impl<'a> Mac<'a> {
    pub(super) fn parse(reader: &mut SliceReader<'a>) -> der::Result<Self> {
        reader.sequence(|reader| {
            let (algorithm, expected) = reader.sequence(|reader| {
                let algorithm = AlgorithmIdentifierRef::decode(reader)?;
                Ok::<_, der::Error>((algorithm, <&OctetStringRef>::decode(reader)?.as_bytes()))
            })?;
            let salt = <&OctetStringRef>::decode(reader)?.as_bytes();
            // Old writers leave out what is one.
            let iterations = match reader.is_finished() {
                true => 1,
                false => number(AnyRef::decode(reader)?)?,
            };
            Ok(Self { algorithm, expected, salt, iterations })
        })
    }

    /// Is this the MAC of the content under this password?
    pub(super) fn matches(
        &self,
        content: &[u8],
        password: Password,
        deriver: &mut Deriver,
    ) -> Result<bool, DecodeError> {
        if self.algorithm.oid == PBMAC1 {
            return self.matches_pbmac1(content, password, deriver);
        }
        self.matches_pkcs12(content, password.utf16(), deriver)
    }

    /// The same with PKCS#12's own derivation only; the password in UTF-16 with a final zero.
    pub(super) fn matches_pkcs12(
        &self,
        content: &[u8],
        password: &[u8],
        deriver: &mut Deriver,
    ) -> Result<bool, DecodeError> {
        let hash =
            Hash::of_digest(self.algorithm.oid).ok_or_else(|| unsupported(self.algorithm.oid))?;
        let (salt, iterations) = (self.salt.to_vec(), self.iterations);
        let wanted = Wanted { purpose: Purpose::MacKey, salt, iterations, length: hash.size() };
        let [key] = deriver.derive(hash, password, [wanted])?;
        Ok(hash.hmac_matches(&key, content, self.expected))
    }

    fn matches_pbmac1(
        &self,
        content: &[u8],
        password: Password,
        deriver: &mut Deriver,
    ) -> Result<bool, DecodeError> {
        let damaged = malformed("its MAC parameters");
        let parameters = self.algorithm.parameters.ok_or(damaged.clone())?;
        let (derivation, scheme) = parameters
            .sequence(|reader| {
                let derivation = AlgorithmIdentifierRef::decode(reader)?;
                Ok::<_, der::Error>((derivation, AlgorithmIdentifierRef::decode(reader)?))
            })
            .map_err(|_| damaged)?;
        let hash = Hash::of_hmac(scheme.oid).ok_or_else(|| unsupported(scheme.oid))?;
        let derivation = Pbkdf2::parse(derivation)?;
        // RFC 9579 §4 wants the length to be told, and has it longer or shorter than the digest.
        let length = derivation.length.unwrap_or(hash.size());
        if length > LONGEST_KEY {
            return Err(malformed("its MAC key is too long"));
        }
        let key = derivation.derive(password, length, &mut deriver.budget)?;
        Ok(hash.hmac_matches(&key, content, self.expected))
    }
}

fn unsupported(oid: ObjectIdentifier) -> DecodeError {
    DecodeError::UnsupportedPkcs12 { what: "MAC", name: algorithm::name(oid) }
}
