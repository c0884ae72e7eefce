//! A private key in any of the usual wrappings, its public half, and one canonical PKCS#8 form.

use der::asn1::UintRef;
use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use der::{Decode, Encode};
use pkcs1::RsaPrivateKey;
use pkcs8::{AlgorithmIdentifierRef, PrivateKeyInfoRef};
use ring::signature::{Ed25519KeyPair, KeyPair};
use sec1::{EcParameters, EcPrivateKey};
use subtle::ConstantTimeEq;
use x509_parser::x509::SubjectPublicKeyInfo;
use zeroize::Zeroizing;

use crate::elliptic::Curve;
use crate::error::DecodeError;
use crate::rsa;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// DER of an OCTET STRING header for 32 bytes: how RFC 8410 wraps an Ed25519 seed.
const ED25519_PREFIX: [u8; 2] = [0x04, 0x20];

/// A private key whose parts were found to agree, with the public key that follows from it.
pub(crate) struct PrivateKey {
    pkcs8: Zeroizing<Vec<u8>>,
    public: PublicKey,
}

/// The public half, in the form that certificates carry it.
#[derive(PartialEq, Eq)]
enum PublicKey {
    /// DER of an `RSAPublicKey`, and the modulus's size.
    Rsa {
        der: Vec<u8>,
        bits: usize,
    },
    /// An uncompressed point.
    Elliptic(Curve, Vec<u8>),
    Ed25519(Vec<u8>),
}

impl PrivateKey {
    /// Reads `PRIVATE KEY` (RFC 5208, RFC 5958). Attributes, which Key Vault writes, are passed over.
    pub(crate) fn from_pkcs8(bytes: &[u8]) -> Result<Self, DecodeError> {
        let unreadable = DecodeError::InvalidKey("it is not readable PKCS#8");
        let wrapped = PrivateKeyInfoRef::from_der(bytes).map_err(|_| unreadable)?;
        let inner = wrapped.private_key.as_bytes();
        match wrapped.algorithm.oid {
            RSA | RSA_PSS => Self::rsa(inner, wrapped.algorithm),
            EC => Self::elliptic(inner, Some(named_curve(wrapped.algorithm)?)),
            ED25519 => Self::ed25519(inner),
            other => Err(DecodeError::UnsupportedKey(format!("of algorithm {other}"))),
        }
    }

    /// Reads `RSA PRIVATE KEY` (RFC 8017 appendix A.1.2).
    pub(crate) fn from_pkcs1(bytes: &[u8]) -> Result<Self, DecodeError> {
        Self::rsa(bytes, AlgorithmIdentifierRef { oid: RSA, parameters: Some(AnyRef::NULL) })
    }

    /// Reads `EC PRIVATE KEY` (RFC 5915).
    pub(crate) fn from_sec1(bytes: &[u8]) -> Result<Self, DecodeError> {
        Self::elliptic(bytes, None)
    }

    /// DER of the canonical `PrivateKeyInfo`: no attributes, an EC key with its public point.
    pub(crate) fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    pub(crate) fn algorithm(&self) -> String {
        match &self.public {
            PublicKey::Rsa { bits, .. } => format!("RSA {bits}"),
            PublicKey::Elliptic(curve, _) => curve.name().to_owned(),
            PublicKey::Ed25519(_) => "Ed25519".to_owned(),
        }
    }

    /// Is this the private half of a certificate's public key?
    pub(crate) fn belongs_to(&self, public: &SubjectPublicKeyInfo<'_>) -> bool {
        let algorithm = public.algorithm.algorithm.as_bytes();
        let bits = &*public.subject_public_key.data;
        match &self.public {
            PublicKey::Rsa { der, .. } => {
                [RSA, RSA_PSS].iter().any(|rsa| rsa.as_bytes() == algorithm) && bits == der
            }
            PublicKey::Elliptic(curve, point) => {
                algorithm == EC.as_bytes()
                    && Curve::of_certificate(&public.algorithm) == Some(*curve)
                    && same_point(point, bits)
            }
            PublicKey::Ed25519(key) => algorithm == ED25519.as_bytes() && bits == key,
        }
    }

    /// Two wrappings of one key pair?
    pub(crate) fn same_pair(&self, other: &Self) -> bool {
        self.public == other.public
    }

    fn rsa(pkcs1: &[u8], algorithm: AlgorithmIdentifierRef<'_>) -> Result<Self, DecodeError> {
        let key = RsaPrivateKey::<UintRef<'_>>::from_der(pkcs1)
            .map_err(|_| DecodeError::InvalidKey("it is not a readable RSA key"))?;
        let bits = rsa::check(&key)?;
        let der = key.public_key().to_der().map_err(|_| TOO_LARGE)?;
        Self::wrap(algorithm, pkcs1, PublicKey::Rsa { der, bits })
    }

    fn elliptic(sec1: &[u8], outer: Option<Curve>) -> Result<Self, DecodeError> {
        let key = EcPrivateKey::from_der(sec1)
            .map_err(|_| DecodeError::InvalidKey("it is not a readable EC key"))?;
        let inner = match key.parameters {
            Some(EcParameters::NamedCurve(oid)) => Some(supported_curve(oid)?),
            None => None,
        };
        let curve = match (outer, inner) {
            (Some(outer), Some(inner)) if outer != inner => {
                return Err(DecodeError::InvalidKey("it names two curves"));
            }
            (Some(curve), _) | (None, Some(curve)) => curve,
            (None, None) => return Err(DecodeError::InvalidKey("it names no curve")),
        };
        let scalar = curve.scalar(key.private_key).ok_or(OUT_OF_RANGE)?;
        let point = curve.public_point(&scalar).ok_or(OUT_OF_RANGE)?;
        if key.public_key.is_some_and(|stated| !same_point(&point, stated)) {
            return Err(DecodeError::InvalidKey("its public half belongs to another key"));
        }
        let canonical =
            EcPrivateKey { private_key: &scalar, parameters: None, public_key: Some(&point) };
        let canonical = Zeroizing::new(canonical.to_der().map_err(|_| TOO_LARGE)?);
        let oid = curve.oid();
        let algorithm = AlgorithmIdentifierRef { oid: EC, parameters: Some(AnyRef::from(&oid)) };
        Self::wrap(algorithm, &canonical, PublicKey::Elliptic(curve, point))
    }

    fn ed25519(seed: &[u8]) -> Result<Self, DecodeError> {
        let unreadable = DecodeError::InvalidKey("it is not a readable Ed25519 key");
        let pair = seed
            .strip_prefix(&ED25519_PREFIX)
            .and_then(|seed| Ed25519KeyPair::from_seed_unchecked(seed).ok())
            .ok_or(unreadable)?;
        let algorithm = AlgorithmIdentifierRef { oid: ED25519, parameters: None };
        Self::wrap(algorithm, seed, PublicKey::Ed25519(pair.public_key().as_ref().to_vec()))
    }

    fn wrap(
        algorithm: AlgorithmIdentifierRef<'_>,
        key: &[u8],
        public: PublicKey,
    ) -> Result<Self, DecodeError> {
        let key = OctetStringRef::new(key).map_err(|_| TOO_LARGE)?;
        let pkcs8 = PrivateKeyInfoRef::new(algorithm, key).to_der().map_err(|_| TOO_LARGE)?;
        Ok(Self { pkcs8: Zeroizing::new(pkcs8), public })
    }
}

impl PartialEq for PrivateKey {
    fn eq(&self, other: &Self) -> bool {
        self.pkcs8.ct_eq(&other.pkcs8).into()
    }
}

const TOO_LARGE: DecodeError = DecodeError::InvalidKey("it is too large");
const OUT_OF_RANGE: DecodeError = DecodeError::InvalidKey("it is out of its curve's range");

fn named_curve(algorithm: AlgorithmIdentifierRef<'_>) -> Result<Curve, DecodeError> {
    let explicit = || DecodeError::UnsupportedKey("on a curve without a name".to_owned());
    supported_curve(algorithm.parameters_oid().map_err(|_| explicit())?)
}

fn supported_curve(oid: ObjectIdentifier) -> Result<Curve, DecodeError> {
    Curve::named(oid).ok_or_else(|| DecodeError::UnsupportedKey(format!("on the curve {oid}")))
}

/// Compares an uncompressed point with one that may be compressed (SEC 1 §2.3.3).
fn same_point(uncompressed: &[u8], stated: &[u8]) -> bool {
    match stated.split_first() {
        Some((tag @ (2 | 3), x)) => {
            let parity = uncompressed.last().is_some_and(|last| last & 1 == tag & 1);
            parity
                && uncompressed.get(1..=x.len()) == Some(x)
                && uncompressed.len() == 2 * x.len() + 1
        }
        _ => uncompressed == stated,
    }
}
