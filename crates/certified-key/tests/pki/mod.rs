//! Authorities and certificates for tests.

#![allow(clippy::unwrap_used, reason = "a test may stop at once")]
#![allow(dead_code, reason = "each test uses its own part")]

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, DnValue, IsCa, Issuer,
    KeyIdMethod, KeyPair, date_time_ymd,
};

/// A name and a key that can certify.
pub(crate) struct Authority {
    pub(crate) name: DnValue,
    pub(crate) key: KeyPair,
    /// Are key identifiers written?
    pub(crate) identified: bool,
    /// The key identifier, where it is not made from the key.
    pub(crate) identifier: Option<Vec<u8>>,
}

/// A certificate with its key, as PEM blocks.
pub(crate) struct Leaf {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

pub(crate) fn authority(name: &str) -> Authority {
    Authority {
        name: DnValue::Utf8String(name.to_owned()),
        key: KeyPair::generate().unwrap(),
        identified: true,
        identifier: None,
    }
}

impl Authority {
    /// A self-signed certificate.
    pub(crate) fn root(&self) -> String {
        self.certify_until(self, 2050)
    }

    /// An authority's certificate by this one.
    pub(crate) fn certify(&self, subject: &Self) -> String {
        self.certify_until(subject, 2040)
    }

    pub(crate) fn certify_until(&self, subject: &Self, year: i32) -> String {
        let mut wanted = params(&subject.name, self.identified);
        wanted.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        wanted.not_after = date_time_ymd(year, 1, 1);
        identify(&mut wanted, subject);
        self.sign(&wanted, &subject.key)
    }

    /// An end entity's certificate by this one, with a new key.
    pub(crate) fn leaf(&self, name: &str) -> Leaf {
        self.leaf_with_key(name, &KeyPair::generate().unwrap(), 2030)
    }

    pub(crate) fn leaf_with_key(&self, name: &str, key: &KeyPair, issued: i32) -> Leaf {
        let mut wanted = params(&DnValue::Utf8String(name.to_owned()), self.identified);
        wanted.not_before = date_time_ymd(issued, 1, 1);
        wanted.not_after = date_time_ymd(issued + 1, 1, 1);
        Leaf { certificate: self.sign(&wanted, key), key: key.serialize_pem_block() }
    }

    pub(crate) fn sign(&self, wanted: &CertificateParams, key: &KeyPair) -> String {
        let mut own = params(&self.name, self.identified);
        identify(&mut own, self);
        let issuer = Issuer::from_params(&own, &self.key);
        block("CERTIFICATE", wanted.signed_by(key, &issuer).unwrap().der())
    }
}

fn identify(params: &mut CertificateParams, authority: &Authority) {
    if let Some(identifier) = &authority.identifier {
        params.key_identifier_method = KeyIdMethod::PreSpecified(identifier.clone());
    }
}

pub(crate) fn params(name: &DnValue, identified: bool) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name.clone());
    params.not_before = date_time_ymd(2020, 1, 1);
    params.use_authority_key_identifier_extension = identified;
    params
}

trait PemBlock {
    fn serialize_pem_block(&self) -> String;
}

impl PemBlock for KeyPair {
    fn serialize_pem_block(&self) -> String {
        block("PRIVATE KEY", self.serialized_der())
    }
}

pub(crate) fn block(label: &str, der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

/// The DER inside a block.
pub(crate) fn der(block: &str) -> Vec<u8> {
    use base64::Engine as _;
    let text = block.lines().nth(1).unwrap();
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}
