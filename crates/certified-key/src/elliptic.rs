//! The curves that a certificate's key can be on, and the arithmetic needed of them.

use der::asn1::ObjectIdentifier;
use ecdsa::elliptic_curve::sec1::ToSec1Point as _;
use ecdsa::signature::hazmat::PrehashVerifier as _;
use x509_parser::x509::AlgorithmIdentifier;
use zeroize::Zeroizing;

/// A named curve.
///
/// P-256K (secp256k1) is carried although few TLS programs take it: Key Vault issues certificates
/// on it, and who asked for one shall find it on the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
    P521,
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

    pub(crate) fn named(oid: ObjectIdentifier) -> Option<Self> {
        Self::ALL.into_iter().find(|curve| curve.oid() == oid)
    }

    /// The curve that a certificate's public key says it is on.
    pub(crate) fn of_certificate(algorithm: &AlgorithmIdentifier<'_>) -> Option<Self> {
        let oid = algorithm.parameters.as_ref()?.as_oid().ok()?;
        Self::named(ObjectIdentifier::from_bytes(oid.as_bytes()).ok()?)
    }

    pub(crate) const fn oid(self) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap(match self {
            Self::P256 => "1.2.840.10045.3.1.7",
            Self::P384 => "1.3.132.0.34",
            Self::P521 => "1.3.132.0.35",
            Self::P256K => "1.3.132.0.10",
        })
    }

    /// Key Vault's name of the curve.
    pub(crate) const fn name(self) -> &'static str {
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
    pub(crate) fn scalar(self, octets: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let zeros = octets.iter().take_while(|octet| **octet == 0).count();
        let padding = self.scalar_len().checked_sub(octets.len() - zeros)?;
        let mut scalar = Zeroizing::new(vec![0; self.scalar_len()]);
        scalar[padding..].copy_from_slice(&octets[zeros..]);
        Some(scalar)
    }

    /// The uncompressed public point of a private key; `None` for zero or beyond the order.
    pub(crate) fn public_point(self, scalar: &[u8]) -> Option<Vec<u8>> {
        on_curve!(self, library => {
            let secret = library::SecretKey::from_slice(scalar).ok()?;
            Some(secret.public_key().to_sec1_point(false).as_bytes().to_vec())
        })
    }

    /// Is the signature (DER of r and s) by this key? `None` if key or signature are unreadable.
    pub(crate) fn verify(self, point: &[u8], digest: &[u8], signature: &[u8]) -> Option<bool> {
        on_curve!(self, library => {
            let key = library::ecdsa::VerifyingKey::from_sec1_bytes(point).ok()?;
            // Only P-256K's library insists on a low s, which X.509 does not ask for.
            let signature = library::ecdsa::Signature::from_der(signature).ok()?.normalize_s();
            Some(key.verify_prehash(digest, &signature).is_ok())
        })
    }
}
