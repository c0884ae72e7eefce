//! Certificates as a vault holds them: made, chained, encoded.

mod chain;
mod error;
mod key;
mod pkcs12;
mod pkcs8;
mod spec;

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

pub use self::error::IssueError;
pub use self::spec::{CertificateSpec, ChainOrder, Format, KeyKind};

use self::chain::Issuers;
use self::key::{Key, KeySource};
use self::pkcs12::Labelled;
use crate::openssl;

/// Makes certificates; keeps the issuers, which all certificates of one kind share.
pub(crate) struct Workshop {
    keys: KeySource,
    issuers: Issuers,
}

impl Workshop {
    pub(crate) fn new(rsa_pool: usize) -> Self {
        Self { keys: KeySource::new(rsa_pool), issuers: Issuers::default() }
    }

    /// Makes one version of the certificate `name`, with another key than `last` has.
    pub(crate) fn make(
        &self,
        name: &str,
        spec: &CertificateSpec,
        last: Option<&Made>,
        now: SystemTime,
    ) -> Result<Made, IssueError> {
        let key = self.keys.key(spec.key, last.map(|last| &*last.key))?;
        let leaf = self.issuers.leaf(name, spec, &key, now)?;
        let mut chain = vec![leaf.der];
        chain.extend(self.issuers.above(spec)?);
        let value = encode(spec, &chain, &key)?;
        Ok(Made { key, chain, serial: leaf.serial, validity: leaf.validity, value })
    }
}

/// One version of a certificate.
pub(crate) struct Made {
    key: Arc<Key>,
    /// DER, leaf first.
    pub(crate) chain: Vec<Vec<u8>>,
    /// Lower-case hexadecimal.
    pub(crate) serial: String,
    /// Seconds since 1970, first and last.
    pub(crate) validity: (u64, u64),
    /// What the vault answers as `value`.
    pub(crate) value: String,
}

impl Made {
    pub(crate) fn pkcs8(&self) -> &[u8] {
        self.key.pkcs8()
    }
}

impl fmt::Debug for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Made").field("serial", &self.serial).finish_non_exhaustive()
    }
}

fn encode(spec: &CertificateSpec, chain: &[Vec<u8>], key: &Key) -> Result<String, IssueError> {
    let ordered = ordered(spec, chain);
    match spec.format {
        Format::Pem => {
            let exported = spec.exportable.then(|| pkcs8::as_exported(key.pkcs8()));
            Ok(pem_of(&ordered, exported.as_deref()))
        }
        Format::Pkcs12 => Ok(STANDARD.encode(key_vault_pfx(spec, &ordered, key))),
        Format::Pkcs12Pbes2 => {
            let pem = pem_of(&ordered, spec.exportable.then(|| key.pkcs8()));
            let without_key = if spec.exportable { &[][..] } else { &["-nokeys"] };
            let arguments = ["pkcs12", "-export", "-passout", "pass:"];
            let pfx = openssl::run(&[&arguments, without_key].concat(), pem.as_bytes())?;
            Ok(STANDARD.encode(pfx))
        }
    }
}

fn ordered<'a>(spec: &CertificateSpec, chain: &'a [Vec<u8>]) -> Vec<&'a [u8]> {
    let mut ordered: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
    match (spec.order, spec.format) {
        (ChainOrder::LeafFirst, _) | (ChainOrder::AsMade, Format::Pem) => {}
        (ChainOrder::RootFirst | ChainOrder::AsMade, _) => ordered.reverse(),
        (ChainOrder::Mixed, _) => ordered.rotate_left(1),
    }
    ordered
}

fn key_vault_pfx(spec: &CertificateSpec, ordered: &[&[u8]], key: &Key) -> Vec<u8> {
    let leaf = match spec.order {
        ChainOrder::LeafFirst => 0,
        _ => ordered.len() - 1,
    };
    let labelled = Labelled {
        pkcs8: &pkcs8::as_exported(key.pkcs8()),
        provider: if spec.key.is_rsa() {
            "Microsoft Enhanced Cryptographic Provider v1.0"
        } else {
            "Microsoft Software Key Storage Provider"
        },
        friendly_name: spec.key.is_rsa().then(crate::identifier::braced_guid),
    };
    pkcs12::write(spec.exportable.then_some(&labelled), ordered, leaf)
}

fn pem_of(certificates: &[&[u8]], key: Option<&[u8]>) -> String {
    let blocks = key.map(|key| pem::Pem::new("PRIVATE KEY", key)).into_iter();
    let blocks = blocks.chain(certificates.iter().map(|der| pem::Pem::new("CERTIFICATE", *der)));
    let unix = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    pem::encode_many_config(&blocks.collect::<Vec<_>>(), unix)
}

/// A version of a certificate that was put into a vault: what a test compares with.
#[derive(Clone)]
pub struct Issued {
    /// The vault's host, such as `contoso.vault.azure.net`.
    pub vault: String,
    /// The certificate's name.
    pub name: String,
    /// The version: 32 hexadecimal digits.
    pub version: String,
    /// The leaf's serial number in lower-case hexadecimal, without leading zeros.
    pub serial: String,
    /// The certificates in DER, the leaf first, then each one's issuer.
    pub chain: Vec<Vec<u8>>,
    /// The private key in plain PKCS#8 DER, without what Key Vault adds.
    pub pkcs8: Vec<u8>,
    /// The secret's value as the vault answers it.
    pub value: String,
}

impl Issued {
    /// The certificates in PEM, the leaf first.
    #[must_use]
    pub fn chain_pem(&self) -> String {
        pem_of(&self.chain.iter().map(Vec::as_slice).collect::<Vec<_>>(), None)
    }

    /// The private key in PEM (PKCS#8).
    #[must_use]
    pub fn key_pem(&self) -> String {
        pem_of(&[], Some(&self.pkcs8))
    }
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued")
            .field("vault", &self.vault)
            .field("name", &self.name)
            .field("version", &self.version)
            .field("serial", &self.serial)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
