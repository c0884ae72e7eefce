//! Private keys: where they come from and how they sign.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use rcgen::{KeyPair, PublicKeyData, SignatureAlgorithm};

use super::error::IssueError;
use super::spec::KeyKind;
use crate::lock::locked;
use crate::openssl;

/// Keys on demand: elliptic ones are made anew each time; RSA keys, which take openssl a tenth of
/// a second and more, come from a pool that grows to its size and then goes round.
pub(crate) struct KeySource {
    pool_size: usize,
    pools: Mutex<HashMap<KeyKind, Pool>>,
}

#[derive(Default)]
struct Pool {
    keys: Vec<Arc<Key>>,
    next: usize,
}

impl KeySource {
    /// `pool_size` RSA keys of each length at most, at least two so that a rotation can always
    /// change the key.
    pub(crate) fn new(pool_size: usize) -> Self {
        Self { pool_size: pool_size.max(2), pools: Mutex::default() }
    }

    /// A key that differs from `last`, the one that the certificate had before.
    pub(crate) fn key(&self, kind: KeyKind, last: Option<&Key>) -> Result<Arc<Key>, IssueError> {
        if !kind.is_rsa() {
            return Key::generate(kind).map(Arc::new);
        }
        let mut pools = locked(&self.pools);
        let pool = pools.entry(kind).or_default();
        if pool.keys.len() < self.pool_size {
            let made = Arc::new(Key::generate(kind)?);
            pool.keys.push(Arc::clone(&made));
            return Ok(made);
        }
        if last.is_some_and(|last| last.pkcs8 == pool.keys[pool.next].pkcs8) {
            pool.next = (pool.next + 1) % pool.keys.len();
        }
        let key = Arc::clone(&pool.keys[pool.next]);
        pool.next = (pool.next + 1) % pool.keys.len();
        Ok(key)
    }
}

/// A private key: PKCS#8, and its public half.
pub(crate) struct Key {
    pkcs8: Vec<u8>,
    public: Public,
}

/// The public half, and with it the power to sign, if rcgen's backend knows the curve.
enum Public {
    Signer(Box<KeyPair>),
    /// A SubjectPublicKeyInfo made by openssl; such a key only stands in a leaf.
    Info(Vec<u8>),
}

impl Key {
    pub(crate) fn generate(kind: KeyKind) -> Result<Self, IssueError> {
        match kind {
            KeyKind::Rsa2048 => Self::openssl(&["RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
            KeyKind::Rsa4096 => Self::openssl(&["RSA", "-pkeyopt", "rsa_keygen_bits:4096"]),
            KeyKind::EcP256 => Self::own(&rcgen::PKCS_ECDSA_P256_SHA256),
            KeyKind::EcP384 => Self::own(&rcgen::PKCS_ECDSA_P384_SHA384),
            // ring would add the public key, which openssl 3.0 does not read.
            KeyKind::Ed25519 => Self::openssl(&["ED25519"]),
            KeyKind::EcP521 => Self::p521(),
        }
    }

    fn own(algorithm: &'static SignatureAlgorithm) -> Result<Self, IssueError> {
        let pair = KeyPair::generate_for(algorithm)?;
        Ok(Self { pkcs8: pair.serialize_der(), public: Public::Signer(Box::new(pair)) })
    }

    fn openssl(algorithm: &[&str]) -> Result<Self, IssueError> {
        let pkcs8 = genpkey(algorithm)?;
        let pair = KeyPair::try_from(pkcs8.as_slice())?;
        Ok(Self { pkcs8, public: Public::Signer(Box::new(pair)) })
    }

    fn p521() -> Result<Self, IssueError> {
        let pkcs8 = genpkey(&["EC", "-pkeyopt", "ec_paramgen_curve:P-521"])?;
        let public = ["pkey", "-inform", "DER", "-pubout", "-outform", "DER"];
        let info = openssl::run(&public, &pkcs8)?;
        Ok(Self { pkcs8, public: Public::Info(info) })
    }

    /// The key in PKCS#8 DER.
    pub(crate) fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The key as a signer; `None` for P-521.
    pub(crate) fn signer(&self) -> Option<&KeyPair> {
        match &self.public {
            Public::Signer(pair) => Some(pair),
            Public::Info(_) => None,
        }
    }
}

/// A key in PKCS#8 from openssl, by way of PEM: asked for DER, version 3.0 writes other forms.
fn genpkey(algorithm: &[&str]) -> Result<Vec<u8>, IssueError> {
    let pem = openssl::run(&[&["genpkey", "-algorithm"], algorithm].concat(), &[])?;
    match pem::parse(&pem) {
        Ok(block) if block.tag() == "PRIVATE KEY" => Ok(block.into_contents()),
        _ => Err(IssueError::Spec("openssl genpkey wrote no PRIVATE KEY block".to_owned())),
    }
}

impl PublicKeyData for Key {
    fn subject_public_key_info(&self) -> Vec<u8> {
        match &self.public {
            Public::Signer(pair) => pair.subject_public_key_info(),
            Public::Info(info) => info.clone(),
        }
    }

    fn der_bytes(&self) -> &[u8] {
        match &self.public {
            Public::Signer(pair) => pair.der_bytes(),
            Public::Info(info) => info,
        }
    }

    /// rcgen cannot name P-521 without another backend; a certificate in which this stands is
    /// made right by who asked for it.
    fn algorithm(&self) -> &'static SignatureAlgorithm {
        match &self.public {
            Public::Signer(pair) => pair.algorithm(),
            Public::Info(_) => &rcgen::PKCS_ECDSA_P384_SHA384,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_pool_goes_round_and_never_repeats_the_last_key() {
        let source = KeySource::new(2);
        let first = source.key(KeyKind::Rsa2048, None).unwrap();
        let second = source.key(KeyKind::Rsa2048, Some(&first)).unwrap();
        for last in [&first, &second, &second, &first] {
            let next = source.key(KeyKind::Rsa2048, Some(last)).unwrap();
            assert_ne!(next.pkcs8(), last.pkcs8());
        }
    }

    #[test]
    fn elliptic_keys_are_always_new() {
        let source = KeySource::new(2);
        let keys: Vec<_> =
            (0..8).map(|_| source.key(KeyKind::EcP256, None).unwrap().pkcs8().to_vec()).collect();
        assert!((1..8).all(|i| !keys[..i].contains(&keys[i])));
    }
}
