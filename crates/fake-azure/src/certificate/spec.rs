//! What a certificate in the vault is to look like.

use serde::{Deserialize, Serialize};

/// A certificate to be made and put into a vault. The default is what a vault's own issuer
/// would hand out today: P-256, three certificates, PKCS#12, valid for 90 days.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct CertificateSpec {
    /// The leaf's key.
    pub key: KeyKind,
    /// How many certificates the vault holds for it: 1 is a self-signed leaf, 2 leaf and root,
    /// 3 leaf, intermediate and root, and so on, at most 8.
    pub chain: usize,
    /// Whether the root is among what the vault hands out. `chain` counts it either way.
    pub with_root: bool,
    /// In which order the certificates stand in the secret.
    pub order: ChainOrder,
    /// How the secret is encoded.
    pub format: Format,
    /// The subject's common name; the certificate's name in the vault if `None`.
    pub common_name: Option<String>,
    /// The subject's DNS names; the common name alone if empty.
    pub dns_names: Vec<String>,
    /// When validity begins, in seconds from the moment of issue; negative is the past.
    pub starts_in: i64,
    /// When validity ends, in seconds from the moment of issue; negative is the past.
    pub ends_in: i64,
    /// Whether the private key is part of the secret, as the certificate's policy decides.
    pub exportable: bool,
}

impl Default for CertificateSpec {
    fn default() -> Self {
        Self {
            key: KeyKind::EcP256,
            chain: 3,
            with_root: true,
            order: ChainOrder::AsMade,
            format: Format::Pkcs12,
            common_name: None,
            dns_names: Vec::new(),
            starts_in: -300,
            ends_in: 90 * 24 * 3600,
            exportable: true,
        }
    }
}

/// Kinds of keys.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyKind {
    /// RSA, 2048 bits; from a pool, made by openssl.
    Rsa2048,
    /// RSA, 4096 bits; from a pool, made by openssl (seconds each).
    Rsa4096,
    /// NIST P-256.
    EcP256,
    /// NIST P-384.
    EcP384,
    /// NIST P-521; made by openssl, and always issued by another key.
    EcP521,
    /// Ed25519. Key Vault has none; imported files may.
    Ed25519,
}

impl KeyKind {
    pub(crate) fn is_rsa(self) -> bool {
        matches!(self, Self::Rsa2048 | Self::Rsa4096)
    }
}

/// Orders of the certificates in a secret.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChainOrder {
    /// What Key Vault does with certificates made in it: PKCS#12 from the root to the leaf, PEM
    /// from the leaf to the root (<https://github.com/Azure/notation-azure-kv/issues/136>).
    AsMade,
    /// The leaf first, then each one's issuer.
    LeafFirst,
    /// The root first, the leaf last.
    RootFirst,
    /// An issuer first, the leaf somewhere in the middle: what people import.
    Mixed,
}

/// Encodings of a certificate's secret.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// PKCS#12 as Key Vault writes it: no password at all, triple DES, SHA-1.
    Pkcs12,
    /// PKCS#12 as openssl 3 writes it: the empty password, PBES2 with AES, SHA-256.
    Pkcs12Pbes2,
    /// PEM as Key Vault writes it: the PKCS#8 key first, then the certificates.
    Pem,
}

impl Format {
    /// The secret's content type.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Pkcs12 | Self::Pkcs12Pbes2 => "application/x-pkcs12",
            Self::Pem => "application/x-pem-file",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_object_is_the_default() {
        let spec: CertificateSpec = serde_json::from_str("{}").unwrap();
        assert_eq!(spec, CertificateSpec::default());
    }

    #[test]
    fn a_misspelt_member_is_refused() {
        assert!(serde_json::from_str::<CertificateSpec>(r#"{"chian": 2}"#).is_err());
    }

    #[test]
    fn names_in_documents_are_kebab_case() {
        let spec: CertificateSpec =
            serde_json::from_str(r#"{"key": "rsa2048", "format": "pkcs12-pbes2"}"#).unwrap();
        assert_eq!((spec.key, spec.format), (KeyKind::Rsa2048, Format::Pkcs12Pbes2));
    }
}
