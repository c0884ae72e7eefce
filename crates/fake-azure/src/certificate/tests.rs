#![allow(clippy::disallowed_methods, reason = "openssl verifies files")]

use std::time::Duration;

use p12::PFX;

use super::*;

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_900_000_000)
}

fn make(spec: &CertificateSpec) -> Made {
    Workshop::new(2).make("web", spec, None, now()).unwrap()
}

fn decoded(made: &Made) -> Vec<u8> {
    STANDARD.decode(&made.value).unwrap()
}

/// Reads a file of ours with another implementation, without any password.
fn read_with_p12(pfx: &[u8]) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let pfx = PFX::parse(pfx).unwrap();
    let safes = pfx.auth_safe.data(b"").unwrap();
    assert!(pfx.mac_data.unwrap().verify_mac(&safes, b""), "the MAC is without a password");
    let safes = safes_in(&safes);
    let bags: Vec<_> = safes.iter().flat_map(|safe| bags(&safe.data(b"").unwrap())).collect();
    let keys = bags.iter().filter_map(|bag| bag.bag.get_key(b"")).collect();
    let certificates = bags.iter().filter_map(|bag| bag.bag.get_x509_cert()).collect();
    (keys, certificates)
}

fn safes_in(safes: &[u8]) -> Vec<p12::ContentInfo> {
    yasna_of_p12::parse_der(safes, |r| r.collect_sequence_of(p12::ContentInfo::parse)).unwrap()
}

fn bags(safe: &[u8]) -> Vec<p12::SafeBag> {
    yasna_of_p12::parse_der(safe, |r| r.collect_sequence_of(p12::SafeBag::parse)).unwrap()
}

#[test]
fn another_reader_finds_the_key_and_the_chain_from_the_root() {
    let made = make(&CertificateSpec::default());
    let (keys, certificates) = read_with_p12(&decoded(&made));
    assert_eq!(keys, [pkcs8::as_exported(made.pkcs8())]);
    let from_root: Vec<_> = made.chain.iter().rev().cloned().collect();
    assert_eq!(certificates, from_root);
}

#[test]
fn the_key_safe_stands_first_and_the_certificates_are_encrypted() {
    let made = make(&CertificateSpec::default());
    let pfx = PFX::parse(&decoded(&made)).unwrap();
    let safes = safes_in(&pfx.auth_safe.data(b"").unwrap());
    assert!(matches!(safes[0], p12::ContentInfo::Data(_)));
    assert!(matches!(safes[1], p12::ContentInfo::EncryptedData(_)));
    assert_eq!(safes.len(), 2);
}

/// What openssl, which tries no password as well as the empty one, gets out of a file.
fn read_with_openssl(made: &Made) -> String {
    let arguments = ["pkcs12", "-passin", "pass:", "-nodes"];
    String::from_utf8(openssl::run(&arguments, &decoded(made)).unwrap()).unwrap()
}

#[test]
fn openssl_reads_every_kind_of_key_in_both_forms_of_pkcs12() {
    use KeyKind::{EcP256, EcP384, EcP521, Ed25519, Rsa2048};
    for key in [Rsa2048, EcP256, EcP384, EcP521, Ed25519] {
        for format in [Format::Pkcs12, Format::Pkcs12Pbes2] {
            let made = make(&CertificateSpec { key, format, ..CertificateSpec::default() });
            let read = read_with_openssl(&made);
            assert_eq!(read.matches("BEGIN PRIVATE KEY").count(), 1, "{key:?} {format:?}");
            assert_eq!(read.matches("BEGIN CERTIFICATE").count(), 3, "{key:?} {format:?}");
        }
    }
}

#[test]
fn the_outline_is_the_one_of_a_recorded_answer() {
    let made = make(&CertificateSpec::default());
    let arguments = ["pkcs12", "-passin", "pass:", "-info", "-noout"];
    openssl::run(&arguments, &decoded(&made)).unwrap();
    let read = read_with_openssl(&made);
    assert!(read.contains("localKeyID: 01 00 00 00"));
    assert!(read.contains("Microsoft CSP Name: Microsoft Software Key Storage Provider"));
    assert!(read.contains("X509v3 Key Usage: 80"));
}

#[test]
fn pem_has_the_key_first_and_then_the_leaf() {
    let spec = CertificateSpec { format: Format::Pem, chain: 4, ..CertificateSpec::default() };
    let made = make(&spec);
    assert!(made.value.starts_with("-----BEGIN PRIVATE KEY-----\n"));
    assert!(made.value.ends_with("-----END CERTIFICATE-----\n"));
    let blocks = pem::parse_many(&made.value).unwrap();
    let contents: Vec<_> = blocks.iter().skip(1).map(|block| block.contents().to_vec()).collect();
    assert_eq!(contents, made.chain);
    assert_eq!(made.chain.len(), 4);
}

#[test]
fn openssl_verifies_the_chain() {
    let directory = tempfile::tempdir().unwrap();
    let workshop = Workshop::new(2);
    for key in [KeyKind::Rsa2048, KeyKind::EcP521, KeyKind::EcP256, KeyKind::Ed25519] {
        let spec = CertificateSpec { key, chain: 4, ..CertificateSpec::default() };
        let made = workshop.make("web", &spec, None, crate::clock::now()).unwrap();
        let file = |name: &str, certificates: &[Vec<u8>]| {
            let certificates: Vec<_> = certificates.iter().map(Vec::as_slice).collect();
            let path = directory.path().join(name);
            std::fs::write(&path, pem_of(&certificates, None)).unwrap();
            path.display().to_string()
        };
        let root = file("root", &made.chain[3..]);
        let between = file("between", &made.chain[1..3]);
        let leaf = file("leaf", &made.chain[..1]);
        let verify = ["verify", "-x509_strict", "-CAfile", &root, "-untrusted", &between, &leaf];
        openssl::run(&verify, &[]).unwrap();
    }
}

#[test]
fn a_key_that_must_not_leave_the_vault_is_not_in_the_secret() {
    for format in [Format::Pkcs12, Format::Pkcs12Pbes2] {
        let made = make(&CertificateSpec { exportable: false, format, ..Default::default() });
        assert!(!read_with_openssl(&made).contains("PRIVATE KEY"));
    }
    let spec = CertificateSpec { exportable: false, format: Format::Pem, ..Default::default() };
    assert!(!make(&spec).value.contains("PRIVATE KEY"));
}

#[test]
fn a_rotation_changes_serial_number_and_key() {
    let workshop = Workshop::new(2);
    for key in [KeyKind::Rsa2048, KeyKind::EcP256] {
        let spec = CertificateSpec { key, ..CertificateSpec::default() };
        let first = workshop.make("web", &spec, None, now()).unwrap();
        let second = workshop.make("web", &spec, Some(&first), now()).unwrap();
        assert_ne!(first.serial, second.serial);
        assert_ne!(first.pkcs8(), second.pkcs8());
        assert_eq!(first.chain[1..], second.chain[1..]);
    }
}

#[test]
fn a_chain_of_one_is_self_signed_and_the_root_can_be_left_out() {
    assert_eq!(make(&CertificateSpec { chain: 1, ..Default::default() }).chain.len(), 1);
    assert_eq!(make(&CertificateSpec { with_root: false, ..Default::default() }).chain.len(), 2);
}

#[test]
fn what_cannot_be_is_refused_with_a_sentence() {
    let refused = |spec: CertificateSpec| {
        Workshop::new(2).make("web", &spec, None, now()).unwrap_err().to_string()
    };
    let empty = refused(CertificateSpec { chain: 0, ..Default::default() });
    assert!(empty.starts_with("chain: 0 certificates"), "{empty}");
    let backwards = refused(CertificateSpec { ends_in: -301, ..Default::default() });
    assert!(backwards.starts_with("ends_in:"), "{backwards}");
    let signer = refused(CertificateSpec { chain: 1, key: KeyKind::EcP521, ..Default::default() });
    assert!(signer.contains("P-521"), "{signer}");
}

#[test]
fn nothing_secret_is_in_what_is_printed() {
    let made = make(&CertificateSpec::default());
    assert_eq!(format!("{made:?}"), format!("Made {{ serial: {:?}, .. }}", made.serial));
}
