//! The curves that a certificate's key can be on, and the arithmetic needed of them.
//!
//! A crate of its own so that it can be built for size: what is generic in others' curves is
//! compiled here, for each of the four curves, and few certificates need it.

use der::asn1::ObjectIdentifier;
use ecdsa::elliptic_curve::sec1::ToSec1Point as _;
use ecdsa::signature::hazmat::PrehashVerifier as _;
use ring::rand::SystemRandom;
use ring::signature::{self as rings, EcdsaKeyPair};
use zeroize::Zeroizing;

/// A named curve.
///
/// P-256K (secp256k1) is carried although few TLS programs take it: Key Vault issues certificates
/// on it, and who asked for one shall find it on the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Curve {
    /// secp256r1.
    P256,
    /// secp384r1.
    P384,
    /// secp521r1.
    P521,
    /// secp256k1.
    P256K,
}

/// Evaluates an expression with the crate of the curve: they offer the same names.
macro_rules! on_curve {
    ($curve:expr, $library:ident => $work:expr) => {
        match $curve {
            Curve::P256 => {
                use p256 as $library;
                $work
            }
            Curve::P384 => {
                use p384 as $library;
                $work
            }
            Curve::P521 => {
                use p521 as $library;
                $work
            }
            Curve::P256K => {
                use k256 as $library;
                $work
            }
        }
    };
}

impl Curve {
    const ALL: [Self; 4] = [Self::P256, Self::P384, Self::P521, Self::P256K];

    /// The curve with this identifier, if it is one of these.
    pub fn named(oid: ObjectIdentifier) -> Option<Self> {
        Self::ALL.into_iter().find(|curve| curve.oid() == oid)
    }

    /// The curve's identifier (RFC 5480 §2.1.1.1, SEC 2 §A.2).
    pub const fn oid(self) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap(match self {
            Self::P256 => "1.2.840.10045.3.1.7",
            Self::P384 => "1.3.132.0.34",
            Self::P521 => "1.3.132.0.35",
            Self::P256K => "1.3.132.0.10",
        })
    }

    /// Key Vault's name of the curve.
    pub const fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
            Self::P256K => "P-256K",
        }
    }

    /// Size of a private key in bytes.
    const fn scalar_len(self) -> usize {
        match self {
            Self::P256 | Self::P256K => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// A private key in its full length; some writers strip or add leading zeros (RFC 5915 §3).
    pub fn scalar(self, octets: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let zeros = octets.iter().take_while(|octet| **octet == 0).count();
        let padding = self.scalar_len().checked_sub(octets.len() - zeros)?;
        let mut scalar = Zeroizing::new(vec![0; self.scalar_len()]);
        scalar[padding..].copy_from_slice(&octets[zeros..]);
        Some(scalar)
    }

    /// The uncompressed public point of a private key; `None` for zero or beyond the order.
    pub fn public_point(self, scalar: &[u8]) -> Option<Vec<u8>> {
        on_curve!(self, library => {
            let secret = library::SecretKey::from_slice(scalar).ok()?;
            Some(secret.public_key().to_sec1_point(false).as_bytes().to_vec())
        })
    }

    /// Is this the uncompressed public point of the private key? `false` also where it takes
    /// `public_point` to know: ring takes a tenth of its time, but only says whether a point is right.
    pub fn surely_pairs(self, scalar: &[u8], point: &[u8]) -> bool {
        let method = match self {
            Self::P256 => &rings::ECDSA_P256_SHA256_ASN1_SIGNING,
            Self::P384 => &rings::ECDSA_P384_SHA384_ASN1_SIGNING,
            Self::P521 | Self::P256K => return false,
        };
        let random = SystemRandom::new();
        EcdsaKeyPair::from_private_key_and_public_key(method, scalar, point, &random).is_ok()
    }

    /// Is the signature (DER of r and s) by this key? `None` if key or signature are unreadable.
    pub fn verify(self, point: &[u8], digest: &[u8], signature: &[u8]) -> Option<bool> {
        on_curve!(self, library => {
            let key = library::ecdsa::VerifyingKey::from_sec1_bytes(point).ok()?;
            // Only P-256K's library insists on a low s, which X.509 does not ask for.
            let signature = library::ecdsa::Signature::from_der(signature).ok()?.normalize_s();
            Some(key.verify_prehash(digest, &signature).is_ok())
        })
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

    /// Key pairs of RFC 6979 appendix A.2, and the generator of secp256k1 (SEC 2 §2.4.1).
    const PAIRS: [(Curve, &str, &str); 4] = [
        (
            Curve::P256,
            "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721",
            "0460FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6\
             7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299",
        ),
        (
            Curve::P384,
            "6B9D3DAD2E1B8C1C05B19875B6659F4DE23C3B667BF297BA9AA47740787137D896D5724E4C70A825F872C9EA60D2EDF5",
            "04EC3A4E415B4E19A4568618029F427FA5DA9A8BC4AE92E02E06AAE5286B300C64DEF8F0EA9055866064A254515480BC13\
             8015D9B72D7D57244EA8EF9AC0C621896708A59367F9DFB9F54CA84B3F1C9DB1288B231C3AE0D4FE7344FD2533264720",
        ),
        (
            Curve::P521,
            "FAD06DAA62BA3B25D2FB40133DA757205DE67F5BB0018FEE8C86E1B68C7E75CAA896EB32F1F47C70855836A6D16FCC1466F6D8FBEC67DB89EC0C08B0E996B83538",
            "0401894550D0785932E00EAA23B694F213F8C3121F86DC97A04E5A7167DB4E5BCD371123D46E45DB6B5D5370A7F20FB633155D38FFA16D2BD761DCAC474B9A2F5023A4\
             00493101C962CD4D2FDDF782285E64584139C2F91B47F87FF82354D6630F746A28A0DB25741B5B34A828008B22ACC23F924FAAFBD4D33F81EA66956DFEAA2BFDFCF5",
        ),
        (
            Curve::P256K,
            "01",
            "0479BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798\
             483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8",
        ),
    ];

    #[test]
    fn public_points_agree_with_published_pairs() {
        for (curve, secret, point) in PAIRS {
            let scalar = curve.scalar(&hex(secret)).unwrap();
            assert_eq!(curve.public_point(&scalar), Some(hex(point)), "{}", curve.name());
        }
    }

    #[test]
    fn a_pair_is_known_fast_where_ring_has_the_curve_and_only_if_it_is_one() {
        for (curve, secret, point) in PAIRS {
            let (scalar, point) = (curve.scalar(&hex(secret)).unwrap(), hex(point));
            let fast = matches!(curve, Curve::P256 | Curve::P384);
            assert_eq!(curve.surely_pairs(&scalar, &point), fast, "{}", curve.name());
            let compressed = [&[2 + (point[point.len() - 1] & 1)], &point[1..=scalar.len()]];
            let mut other = scalar.to_vec();
            other[scalar.len() - 1] ^= 1;
            assert!(!curve.surely_pairs(&scalar, &compressed.concat()));
            assert!(!curve.surely_pairs(&other, &point));
            assert!(!curve.surely_pairs(&vec![0; scalar.len()], &point));
        }
    }

    #[test]
    fn a_private_key_may_lack_or_have_leading_zeros() {
        let short = Curve::P256.scalar(&[7]).unwrap();
        assert_eq!(*Curve::P256.scalar(&[&[0; 40][..], &[7]].concat()).unwrap(), *short);
        assert_eq!(short.len(), 32);
        assert_eq!(Curve::P256.scalar(&[1; 33]), None);
    }

    #[test]
    fn a_private_key_out_of_range_has_no_point() {
        for curve in Curve::ALL {
            let length = curve.scalar_len();
            assert_eq!(curve.public_point(&vec![0; length]), None);
            assert_eq!(curve.public_point(&vec![0xff; length]), None);
        }
    }

    #[test]
    fn a_curve_is_found_by_its_identifier() {
        for curve in Curve::ALL {
            assert_eq!(Curve::named(curve.oid()), Some(curve));
        }
        let secp224r1 = ObjectIdentifier::new_unwrap("1.3.132.0.33");
        assert_eq!(Curve::named(secp224r1), None);
    }

    #[test]
    fn an_unreadable_point_or_signature_is_no_verdict() {
        for curve in Curve::ALL {
            assert_eq!(curve.verify(&[4, 1, 2], &[0; 32], &[0x30, 0]), None);
        }
    }
}
