//! A file that a real Key Vault returned.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use certified_key::{CertifiedKey, decode};

const PFX: &[u8] = include_bytes!("fixtures/key-vault-2021-07-ec-p256-exportable.pfx");

#[test]
fn a_real_key_vault_file_is_decoded() {
    let value = STANDARD.encode(PFX);
    let decoded = decode(Some("application/x-pkcs12"), &value).unwrap();
    assert_eq!(decoded.notes, [""; 0]);
    let key = decoded.key;
    assert_eq!(key.leaf().subject(), "CN=default");
    assert_eq!(key.leaf().issuer(), "CN=default");
    assert_eq!(key.leaf().serial(), "365B2F15562847AC9B9B904B9574AF4F");
    assert_eq!(key.key_algorithm(), "P-256");
    assert!(key.leaf().is_self_signed() && key.issuers().is_empty());
    assert_eq!(key.leaf().dns_names(), [""; 0]);
    let text = key.to_pem();
    assert!(text.starts_with(b"-----BEGIN CERTIFICATE-----\nMIIBnTCCAUSgAwIBAgIQNls"));
    assert!(text.ends_with(b"\n-----END PRIVATE KEY-----\n"));
    assert_eq!([key.to_chain_pem().as_slice(), &key.to_key_pem()].concat(), *text);
    assert_eq!(CertifiedKey::parse_pem(&text).unwrap(), key);
}
