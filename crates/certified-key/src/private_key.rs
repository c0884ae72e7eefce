//! A private key in any of the usual wrappings, its public half, and one canonical PKCS#8 form.

use der::asn1::UintRef;
use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use der::{Decode, Encode, SliceReader, Tag, Tagged as _};
use named_curve::Curve;
use pkcs1::RsaPrivateKey;
use pkcs8::{AlgorithmIdentifierRef, PrivateKeyInfoRef};
use ring::signature::{Ed25519KeyPair, KeyPair};
use sec1::{EcParameters, EcPrivateKey};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::algorithm;
use crate::error::{DecodeError, NAMELESS_CURVE};
use crate::public_key::{EC, ED25519, PublicKey, RSA, RSA_PSS};
use crate::rsa;

/// DER of an OCTET STRING header for 32 bytes: how RFC 8410 wraps an Ed25519 seed.
const ED25519_PREFIX: [u8; 2] = [0x04, 0x20];

/// A private key whose parts were found to agree, with the public key that follows from it.
pub(crate) struct PrivateKey {
    pkcs8: Zeroizing<Vec<u8>>,
    public: PublicKey,
}

impl PrivateKey {
    /// Reads `PRIVATE KEY` (RFC 5208, RFC 5958). Key Vault's attributes are passed over.
    pub(crate) fn from_pkcs8(bytes: &[u8]) -> Result<Self, DecodeError> {
        let unreadable = DecodeError::InvalidKey("it is not readable PKCS#8");
        let wrapped = PrivateKeyInfoRef::from_der(bytes).map_err(|_| unreadable)?;
        let inner = wrapped.private_key.as_bytes();
        let key = match wrapped.algorithm.oid {
            RSA => Self::rsa(inner, ANY_RSA),
            RSA_PSS => Self::rsa(inner, wrapped.algorithm),
            EC => Self::elliptic(inner, Some(named_curve(wrapped.algorithm)?)),
            ED25519 => Self::ed25519(inner),
            other => {
                Err(DecodeError::UnsupportedKey(format!("of algorithm {}", algorithm::name(other))))
            }
        }?;
        key.agrees_with(wrapped.public_key.map(|stated| stated.raw_bytes()))
    }

    /// Reads `RSA PRIVATE KEY` (RFC 8017 appendix A.1.2).
    pub(crate) fn from_pkcs1(bytes: &[u8]) -> Result<Self, DecodeError> {
        Self::rsa(bytes, ANY_RSA)
    }

    /// Reads `EC PRIVATE KEY` (RFC 5915).
    pub(crate) fn from_sec1(bytes: &[u8]) -> Result<Self, DecodeError> {
        Self::elliptic(bytes, None)
    }

    /// DER of the canonical `PrivateKeyInfo`: no attributes, an EC key with its public point.
    pub(crate) fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The public half.
    pub(crate) fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The same key in the wrapping that a certificate with this algorithm wants: OpenSSL takes an
    /// RSA key for everything and one for RSASSA-PSS only for two kinds that never belong together.
    pub(crate) fn for_certificate(self, algorithm: &[u8]) -> Result<Self, DecodeError> {
        let wrapped = PrivateKeyInfoRef::from_der(&self.pkcs8).map_err(|_| TOO_LARGE)?;
        let wanted = match wrapped.algorithm.oid {
            own if own.as_bytes() == algorithm => return Ok(self),
            RSA => FOR_PSS_ONLY,
            RSA_PSS => ANY_RSA,
            _ => return Ok(self),
        };
        let inner = wrapped.private_key.as_bytes();
        Self::wrap(wanted, inner, self.public)
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
        let key =
            EcPrivateKey::from_der(sec1).map_err(|_| match has_explicit_parameters(sec1) {
                Some(true) => nameless_curve(),
                _ => DecodeError::InvalidKey("it is not a readable EC key"),
            })?;
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
        let point = match key.public_key {
            Some(stated) if curve.surely_pairs(&scalar, stated) => stated.to_vec(),
            _ => curve.public_point(&scalar).ok_or(OUT_OF_RANGE)?,
        };
        let canonical =
            EcPrivateKey { private_key: &scalar, parameters: None, public_key: Some(&point) };
        let canonical = Zeroizing::new(canonical.to_der().map_err(|_| TOO_LARGE)?);
        let oid = curve.oid();
        let algorithm = AlgorithmIdentifierRef { oid: EC, parameters: Some(AnyRef::from(&oid)) };
        let wrapped = Self::wrap(algorithm, &canonical, PublicKey::Elliptic(curve, point))?;
        wrapped.agrees_with(key.public_key)
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

    /// Some wrappings state the public half as well; a wrong one means that parts were mixed up.
    fn agrees_with(self, stated: Option<&[u8]>) -> Result<Self, DecodeError> {
        if stated.is_some_and(|stated| !self.public.is_stated_by(stated)) {
            return Err(DecodeError::InvalidKey("its public half belongs to another key"));
        }
        Ok(self)
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

/// An RSA key's algorithm as RFC 3279 §2.3.1 has it, whatever stood beside the number.
const ANY_RSA: AlgorithmIdentifierRef<'_> =
    AlgorithmIdentifierRef { oid: RSA, parameters: Some(AnyRef::NULL) };

/// For RSASSA-PSS with any digest (RFC 4055 §3.1).
const FOR_PSS_ONLY: AlgorithmIdentifierRef<'_> =
    AlgorithmIdentifierRef { oid: RSA_PSS, parameters: None };

const TOO_LARGE: DecodeError = DecodeError::InvalidKey("it is too large");
const OUT_OF_RANGE: DecodeError = DecodeError::InvalidKey("it is out of its curve's range");

fn named_curve(algorithm: AlgorithmIdentifierRef<'_>) -> Result<Curve, DecodeError> {
    supported_curve(algorithm.parameters_oid().map_err(|_| nameless_curve())?)
}

fn nameless_curve() -> DecodeError {
    DecodeError::UnsupportedKey(NAMELESS_CURVE.to_owned())
}

/// Does an `ECPrivateKey` spell its curve out (RFC 3279 §2.3.5) instead of naming it?
fn has_explicit_parameters(sec1: &[u8]) -> Option<bool> {
    let key = AnyRef::from_der(sec1).ok()?;
    let mut fields = SliceReader::new(key.value()).ok()?;
    let _version = AnyRef::decode(&mut fields).ok()?;
    let _scalar = AnyRef::decode(&mut fields).ok()?;
    let parameters = AnyRef::decode(&mut fields).ok()?;
    Some(AnyRef::from_der(parameters.value()).ok()?.tag() == Tag::Sequence)
}

fn supported_curve(oid: ObjectIdentifier) -> Result<Curve, DecodeError> {
    Curve::named(oid).ok_or_else(|| {
        DecodeError::UnsupportedKey(format!("on the curve {}", algorithm::name(oid)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use der::asn1::BitStringRef;

    /// RFC 8032 §7.1, test 1.
    const SEED: [u8; 34] = [
        0x04, 0x20, 0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92,
        0xec, 0x2c, 0xc4, 0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03,
        0x1c, 0xae, 0x7f, 0x60,
    ];

    const SCALAR: [u8; 32] = [3; 32];

    fn sec1(scalar: &[u8], curve: Option<Curve>, public_key: Option<&[u8]>) -> Vec<u8> {
        let parameters = curve.map(|curve| EcParameters::NamedCurve(curve.oid()));
        EcPrivateKey { private_key: scalar, parameters, public_key }.to_der().unwrap()
    }

    fn pkcs8(oid: ObjectIdentifier, parameters: Option<AnyRef<'_>>, key: &[u8]) -> Vec<u8> {
        let algorithm = AlgorithmIdentifierRef { oid, parameters };
        PrivateKeyInfoRef::new(algorithm, OctetStringRef::new(key).unwrap()).to_der().unwrap()
    }

    fn refusal(key: Result<PrivateKey, DecodeError>) -> DecodeError {
        key.err().unwrap()
    }

    #[test]
    fn every_wrapping_of_an_elliptic_key_becomes_the_same() {
        let point = Curve::P256.public_point(&SCALAR).unwrap();
        let (p256, oid) = (Some(Curve::P256), Curve::P256.oid());
        let outer = Some(AnyRef::from(&oid));
        let all = [
            PrivateKey::from_sec1(&sec1(&SCALAR, p256, None)).unwrap(),
            PrivateKey::from_sec1(&sec1(&SCALAR, p256, Some(&point))).unwrap(),
            PrivateKey::from_pkcs8(&pkcs8(EC, outer, &sec1(&SCALAR, None, None))).unwrap(),
            PrivateKey::from_pkcs8(&pkcs8(EC, outer, &sec1(&SCALAR, p256, Some(&point)))).unwrap(),
        ];
        let canonical = pkcs8(EC, outer, &sec1(&SCALAR, None, Some(&point)));
        for key in all {
            assert_eq!(key.pkcs8(), canonical);
            assert_eq!(key.public().to_string(), "P-256");
        }
    }

    #[test]
    fn attributes_as_key_vault_writes_them_are_passed_over() {
        // keyUsage digitalSignature, as attribute [0] at the end.
        let attributes = [
            0xa0, 0x0d, 0x30, 0x0b, 0x06, 0x03, 0x55, 0x1d, 0x0f, 0x31, 0x04, 0x03, 0x02, 0x07,
            0x80,
        ];
        let plain = pkcs8(ED25519, None, &SEED);
        let mut with = plain.clone();
        with.extend_from_slice(&attributes);
        with[1] += attributes.len() as u8;
        assert_eq!(PrivateKey::from_pkcs8(&with).unwrap().pkcs8(), plain);
    }

    #[test]
    fn an_ed25519_key_has_the_published_public_key() {
        let key = PrivateKey::from_pkcs8(&pkcs8(ED25519, None, &SEED)).unwrap();
        let PublicKey::Ed25519(public) = &key.public else { panic!("not Ed25519") };
        assert_eq!(public[..4], [0xd7, 0x5a, 0x98, 0x01]);
        assert_eq!(key.public().to_string(), "Ed25519");
        let short = pkcs8(ED25519, None, &SEED[..33]);
        assert!(matches!(refusal(PrivateKey::from_pkcs8(&short)), DecodeError::InvalidKey(_)));
    }

    #[test]
    fn a_stated_public_half_must_be_the_right_one() {
        let other = Curve::P256.public_point(&[4; 32]).unwrap();
        let key = PrivateKey::from_sec1(&sec1(&SCALAR, Some(Curve::P256), Some(&other)));
        assert_eq!(refusal(key), DecodeError::InvalidKey("its public half belongs to another key"));
    }

    #[test]
    fn what_is_not_carried_is_named() {
        let x25519 = ObjectIdentifier::new_unwrap("1.3.101.110");
        let refused = refusal(PrivateKey::from_pkcs8(&pkcs8(x25519, None, &SEED)));
        assert_eq!(refused, DecodeError::UnsupportedKey("of algorithm X25519".to_owned()));
        let brainpool = ObjectIdentifier::new_unwrap("1.3.36.3.3.2.8.1.1.7");
        let key = pkcs8(EC, Some(AnyRef::from(&brainpool)), &sec1(&SCALAR, None, None));
        let refused = refusal(PrivateKey::from_pkcs8(&key));
        assert!(refused.to_string().contains("on the curve brainpoolP256r1"), "{refused}");
        let explicit = pkcs8(EC, Some(AnyRef::NULL), &sec1(&SCALAR, None, None));
        let refused = refusal(PrivateKey::from_pkcs8(&explicit));
        assert!(refused.to_string().contains("on a curve without a name"), "{refused}");
    }

    #[test]
    fn curves_must_be_named_and_agree() {
        assert_eq!(
            refusal(PrivateKey::from_sec1(&sec1(&SCALAR, None, None))),
            DecodeError::InvalidKey("it names no curve")
        );
        let outer = Curve::P256.oid();
        let inner = sec1(&SCALAR, Some(Curve::P256K), None);
        let key = PrivateKey::from_pkcs8(&pkcs8(EC, Some(AnyRef::from(&outer)), &inner));
        assert_eq!(refusal(key), DecodeError::InvalidKey("it names two curves"));
    }

    #[test]
    fn a_public_half_beside_an_ed25519_key_must_be_the_right_one() {
        let right = PrivateKey::from_pkcs8(&pkcs8(ED25519, None, &SEED)).unwrap();
        let PublicKey::Ed25519(right) = right.public else { panic!("not Ed25519") };
        let with = |public: &[u8]| {
            let algorithm = AlgorithmIdentifierRef { oid: ED25519, parameters: None };
            let mut info = PrivateKeyInfoRef::new(algorithm, OctetStringRef::new(&SEED).unwrap());
            info.public_key = Some(BitStringRef::from_bytes(public).unwrap());
            PrivateKey::from_pkcs8(&info.to_der().unwrap())
        };
        assert_eq!(with(&right).unwrap().pkcs8(), pkcs8(ED25519, None, &SEED));
        assert!(with(&[7; 32]).is_err());
    }

    #[test]
    fn a_point_with_unused_bits_is_no_key() {
        let point = Curve::P256.public_point(&SCALAR).unwrap();
        let bits = BitStringRef::new(1, &point[..64]).unwrap().to_der().unwrap();
        let mut key = sec1(&SCALAR, Some(Curve::P256), None);
        key.extend_from_slice(&[0xa1, bits.len() as u8]);
        key.extend_from_slice(&bits);
        key[1] += 2 + bits.len() as u8;
        assert!(PrivateKey::from_sec1(&key).is_err());
    }
}
