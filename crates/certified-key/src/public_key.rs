//! The public half of a private key, and whether a certificate has it.

use std::fmt;

use der::asn1::ObjectIdentifier;
use named_curve::Curve;
use x509_parser::asn1_rs::Tag;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo};

/// rsaEncryption (RFC 8017 appendix A.1).
pub(crate) const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// id-RSASSA-PSS (RFC 4055 §3.1): an RSA key for one kind of signature only.
pub(crate) const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
/// id-ecPublicKey (RFC 5480 §2.1.1).
pub(crate) const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// id-Ed25519 (RFC 8410 §3).
pub(crate) const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// A public key in the form that certificates carry it.
#[derive(PartialEq, Eq)]
pub(crate) enum PublicKey {
    /// DER of an `RSAPublicKey`, and the modulus's size.
    Rsa {
        der: Vec<u8>,
        bits: usize,
    },
    /// An uncompressed point.
    Elliptic(Curve, Vec<u8>),
    Ed25519(Vec<u8>),
}

impl PublicKey {
    /// Is this the key that a certificate is for?
    pub(crate) fn is_in(&self, certified: &SubjectPublicKeyInfo<'_>) -> bool {
        let algorithm = certified.algorithm.algorithm.as_bytes();
        let same_kind = match self {
            Self::Rsa { .. } => [RSA, RSA_PSS].iter().any(|rsa| rsa.as_bytes() == algorithm),
            Self::Elliptic(curve, _) => {
                algorithm == EC.as_bytes() && curve_of(&certified.algorithm) == Some(*curve)
            }
            Self::Ed25519(_) => algorithm == ED25519.as_bytes(),
        };
        same_kind && self.is_stated_by(&certified.subject_public_key.data)
    }

    /// Is this the key of a certificate that spells its curve out (RFC 3279 §2.3.5)?
    pub(crate) fn is_in_without_name(&self, certified: &SubjectPublicKeyInfo<'_>) -> bool {
        let parameters = certified.algorithm.parameters.as_ref();
        matches!(self, Self::Elliptic(..))
            && certified.algorithm.algorithm.as_bytes() == EC.as_bytes()
            && parameters.is_some_and(|spelt| spelt.tag() == Tag::Sequence)
            && self.is_stated_by(&certified.subject_public_key.data)
    }

    /// Are these the bits that stand for this key?
    pub(crate) fn is_stated_by(&self, bits: &[u8]) -> bool {
        match self {
            Self::Rsa { der, .. } => bits == der,
            Self::Elliptic(_, point) => same_point(point, bits),
            Self::Ed25519(key) => bits == key,
        }
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa { bits, .. } => write!(f, "RSA {bits}"),
            Self::Elliptic(curve, _) => f.write_str(curve.name()),
            Self::Ed25519(_) => f.write_str("Ed25519"),
        }
    }
}

/// The curve that a certificate's public key says it is on.
pub(crate) fn curve_of(algorithm: &AlgorithmIdentifier<'_>) -> Option<Curve> {
    let oid = algorithm.parameters.as_ref()?.as_oid().ok()?;
    Curve::named(ObjectIdentifier::from_bytes(oid.as_bytes()).ok()?)
}

/// Compares an uncompressed point with one that may be compressed (SEC 1 §2.3.3), or hybrid: whole,
/// with the parity said once more (X9.62 §4.3.6; `openssl ec -conv_form hybrid` writes it).
fn same_point(uncompressed: &[u8], stated: &[u8]) -> bool {
    let parity = |tag: u8| uncompressed.last().is_some_and(|last| last & 1 == tag & 1);
    match stated.split_first() {
        Some((tag @ (2 | 3), x)) => {
            parity(*tag)
                && uncompressed.get(1..=x.len()) == Some(x)
                && uncompressed.len() == 2 * x.len() + 1
        }
        Some((tag @ (6 | 7), both)) => parity(*tag) && uncompressed.get(1..) == Some(both),
        _ => uncompressed == stated,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compressed_point_is_the_same_point() {
        for scalar in [[3; 32], [4; 32], [5; 32], [6; 32]] {
            let point = Curve::P256.public_point(&scalar).unwrap();
            let tag = 2 + (point[64] & 1);
            let compressed = [&[tag], &point[1..33]].concat();
            assert!(same_point(&point, &compressed));
            assert!(!same_point(&point, &[&[tag ^ 1], &point[1..33]].concat()));
            assert!(!same_point(&point, &compressed[..32]));
            assert!(!same_point(&point, &[]));
        }
    }

    #[test]
    fn a_hybrid_point_is_the_same_point() {
        for scalar in [[3; 32], [4; 32], [5; 32], [6; 32]] {
            let point = Curve::P256.public_point(&scalar).unwrap();
            let tag = 6 + (point[64] & 1);
            let hybrid = [&[tag], &point[1..]].concat();
            assert!(same_point(&point, &hybrid));
            assert!(!same_point(&point, &[&[tag ^ 1], &point[1..]].concat()));
            assert!(!same_point(&point, &hybrid[..64]));
            assert!(!same_point(&point, &hybrid[..33]));
        }
    }
}
