//! Was a certificate signed by this key?

use std::ops::RangeInclusive;

use der::asn1::ObjectIdentifier;
use named_curve::Curve;
use ring::signature as rings;
use ring::signature::{UnparsedPublicKey, VerificationAlgorithm};
use sha2::Digest as _;
use x509_parser::certificate::X509Certificate;
use x509_parser::public_key::PublicKey;
use x509_parser::signature_algorithm::RsaSsaPssParams;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo};

use crate::public_key::curve_of;

/// First byte of an elliptic curve point with both coordinates (SEC 1 §2.3.3).
const UNCOMPRESSED: u8 = 4;

/// A way of checking, and the sizes of RSA modulus in bits that ring takes for it.
type Method = (&'static dyn VerificationAlgorithm, RangeInclusive<usize>);

const SMALL: RangeInclusive<usize> = 1024..=8192;
const USUAL: RangeInclusive<usize> = 2048..=8192;

/// The largest public exponent that ring takes: 33 bits.
const LARGEST_EXPONENT: u64 = (1 << 33) - 1;

/// What a signature says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is by this key.
    Genuine,
    /// It is not.
    Foreign,
    /// Its algorithm is not known here.
    Unknown,
}

/// Checks the signature on a certificate against a public key.
///
/// For putting certificates in order, not for trusting them: old algorithms count.
pub(crate) fn signed_by(signed: &X509Certificate<'_>, key: &SubjectPublicKeyInfo<'_>) -> Verdict {
    let message = signed.tbs_certificate.as_ref();
    let signature = &*signed.signature_value.data;
    let bits = &*key.subject_public_key.data;
    let algorithm = signed.signature_algorithm.algorithm.as_bytes();
    let Ok(algorithm) = ObjectIdentifier::from_bytes(algorithm) else { return Verdict::Unknown };
    if let Some(hash) = ecdsa_hash(algorithm) {
        return elliptic(hash, key, message, signature);
    }
    let Some((method, sizes)) = by_ring(algorithm, &signed.signature_algorithm) else {
        return Verdict::Unknown;
    };
    match key.parsed() {
        Ok(PublicKey::RSA(rsa))
            if !sizes.contains(&rsa.key_size())
                || rsa.try_exponent().map_or(true, |exponent| exponent > LARGEST_EXPONENT) =>
        {
            Verdict::Unknown
        }
        _ => verdict(UnparsedPublicKey::new(method, bits).verify(message, signature).is_ok()),
    }
}

fn verdict(genuine: bool) -> Verdict {
    if genuine { Verdict::Genuine } else { Verdict::Foreign }
}

#[derive(Debug, Clone, Copy)]
enum Hash {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

/// ECDSA's signature algorithms (RFC 5758 §3.2, RFC 3279 §2.2.3).
fn ecdsa_hash(algorithm: ObjectIdentifier) -> Option<Hash> {
    const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.1");
    const SHA224: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.1");
    const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
    const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
    const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4");
    Some(match algorithm {
        SHA1 => Hash::Sha1,
        SHA224 => Hash::Sha224,
        SHA256 => Hash::Sha256,
        SHA384 => Hash::Sha384,
        SHA512 => Hash::Sha512,
        _ => return None,
    })
}

fn elliptic(
    hash: Hash,
    key: &SubjectPublicKeyInfo<'_>,
    message: &[u8],
    signature: &[u8],
) -> Verdict {
    let Some(curve) = curve_of(&key.algorithm) else { return Verdict::Unknown };
    let point = &*key.subject_public_key.data;
    // ring is several times faster where it knows the pair.
    let fast: Option<&dyn VerificationAlgorithm> = match (curve, hash) {
        (Curve::P256, Hash::Sha256) => Some(&rings::ECDSA_P256_SHA256_ASN1),
        (Curve::P256, Hash::Sha384) => Some(&rings::ECDSA_P256_SHA384_ASN1),
        (Curve::P384, Hash::Sha256) => Some(&rings::ECDSA_P384_SHA256_ASN1),
        (Curve::P384, Hash::Sha384) => Some(&rings::ECDSA_P384_SHA384_ASN1),
        _ => None,
    };
    if let Some(method) = fast.filter(|_| point.first() == Some(&UNCOMPRESSED)) {
        return verdict(UnparsedPublicKey::new(method, point).verify(message, signature).is_ok());
    }
    let digest = match hash {
        Hash::Sha1 => sha1::Sha1::digest(message).to_vec(),
        Hash::Sha224 => sha2::Sha224::digest(message).to_vec(),
        Hash::Sha256 => sha2::Sha256::digest(message).to_vec(),
        Hash::Sha384 => sha2::Sha384::digest(message).to_vec(),
        Hash::Sha512 => sha2::Sha512::digest(message).to_vec(),
    };
    verdict(curve.verify(point, &digest, signature).unwrap_or(false))
}

/// RSA and Ed25519 (RFC 8017 appendix A.2.4, RFC 4055, RFC 8410).
fn by_ring(algorithm: ObjectIdentifier, whole: &AlgorithmIdentifier<'_>) -> Option<Method> {
    const SHA1_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.5");
    const SHA256_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
    const SHA384_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
    const SHA512_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");
    const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
    const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
    Some(match algorithm {
        SHA1_RSA => (&rings::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY, SMALL),
        SHA256_RSA => (&rings::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, SMALL),
        SHA384_RSA => (&rings::RSA_PKCS1_2048_8192_SHA384, USUAL),
        SHA512_RSA => (&rings::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY, SMALL),
        RSA_PSS => return pss(whole),
        ED25519 => (&rings::ED25519, USUAL),
        _ => return None,
    })
}

/// RSASSA-PSS with one digest everywhere and the salt as long as it, which is all that ring checks.
fn pss(algorithm: &AlgorithmIdentifier<'_>) -> Option<Method> {
    const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
    const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
    const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
    let parameters = RsaSsaPssParams::try_from(algorithm.parameters.as_ref()?).ok()?;
    let hash = parameters.hash_algorithm_oid();
    if parameters.mask_gen_algorithm().ok()?.hash != *hash {
        return None;
    }
    let hash = ObjectIdentifier::from_bytes(hash.as_bytes()).ok()?;
    Some(match (hash, parameters.salt_length()) {
        (SHA256, 32) => (&rings::RSA_PSS_2048_8192_SHA256, USUAL),
        (SHA384, 48) => (&rings::RSA_PSS_2048_8192_SHA384, USUAL),
        (SHA512, 64) => (&rings::RSA_PSS_2048_8192_SHA512, USUAL),
        _ => return None,
    })
}
