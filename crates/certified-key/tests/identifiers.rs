//! What key identifiers decide where names and signatures do not (RFC 5280 §4.2.1.1).

#![allow(clippy::unwrap_used, reason = "a test may stop at once")]

mod pki;

use certified_key::{Certificate, decode};
use pki::{Authority, Leaf, authority, block, der, params};
use rcgen::{CustomExtension, DnValue, KeyPair};

/// The certificate with a way of signing that nobody knows, in both places where it stands.
fn by_unknown_means(certificate: &str) -> String {
    const ECDSA_WITH_SHA256: [u8; 10] =
        [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
    let mut der = der(certificate);
    let places: Vec<usize> =
        (0..der.len()).filter(|place| der[*place..].starts_with(&ECDSA_WITH_SHA256)).collect();
    assert_eq!(places.len(), 2);
    places.iter().for_each(|place| der[place + 9] = 9);
    block("CERTIFICATE", &der)
}

/// The issuers of a leaf among these certificates, as PEM blocks.
fn issuers(leaf: &Leaf, others: &[&String]) -> Vec<String> {
    let others: String = others.iter().map(|other| other.as_str()).collect();
    let decoded = decode(None, &[&*leaf.certificate, &leaf.key, &others].concat()).unwrap();
    let block = |certificate: &Certificate| block("CERTIFICATE", certificate.der());
    decoded.key.issuers().iter().map(block).collect()
}

#[test]
fn of_two_certificates_of_an_authority_the_one_that_is_meant_is_taken() {
    let (above, low) = (authority("above"), authority("low"));
    let key = KeyPair::try_from(low.key.serialized_der()).unwrap();
    let renamed = Authority { key, identifier: Some(vec![7; 20]), ..authority("low") };
    let (meant, longer) = (above.certify_until(&low, 2035), above.certify_until(&renamed, 2045));
    let leaf = low.leaf("leaf");
    assert_eq!(issuers(&leaf, &[&longer, &meant]), [meant]);
    assert_eq!(issuers(&leaf, &[&longer]), [longer], "genuine all the same");
}

#[test]
fn a_signature_that_cannot_be_checked_counts_only_where_the_identifiers_agree() {
    for identified in [true, false] {
        let mut top = authority("same");
        let mut other = authority("same");
        (top.identified, other.identified) = (identified, identified);
        let (root, other) = (top.root(), other.root());
        let mut leaf = top.leaf("leaf");
        leaf.certificate = by_unknown_means(&leaf.certificate);
        let expected = if identified { vec![root.clone()] } else { vec![] };
        assert_eq!(issuers(&leaf, &[&other, &root]), expected);
    }
}

#[test]
fn an_authority_may_be_meant_by_its_serial_number() {
    let top = authority("top");
    let root = top.root();
    let bytes = der(&root);
    let serial = x509_parser::parse_x509_certificate(&bytes).unwrap().1.raw_serial().to_vec();
    for (serial, is_meant) in [(serial, true), (vec![1], false)] {
        let identifier = [&[0x82, serial.len() as u8], &*serial].concat();
        let identifier = [&[0x30, identifier.len() as u8], &*identifier].concat();
        let mut wanted = params(&DnValue::Utf8String("leaf".to_owned()), false);
        wanted.custom_extensions =
            vec![CustomExtension::from_oid_content(&[2, 5, 29, 35], identifier)];
        let key = KeyPair::generate().unwrap();
        let certificate = by_unknown_means(&top.sign(&wanted, &key));
        let leaf = Leaf { certificate, key: block("PRIVATE KEY", key.serialized_der()) };
        assert_eq!(issuers(&leaf, &[&root]).len(), usize::from(is_meant));
    }
}

#[test]
fn where_a_signature_cannot_be_checked_names_and_identifiers_tell_a_root() {
    let is_root = |certificate: &str| {
        Certificate::read(&der(&by_unknown_means(certificate))).unwrap().is_self_signed()
    };
    let (top, low, renewed) = (authority("top"), authority("low"), authority("top"));
    assert!(is_root(&top.root()));
    assert!(is_root(&Authority { identified: false, ..authority("top") }.root()));
    assert!(!is_root(&top.certify(&low)));
    assert!(!is_root(&top.certify(&renewed)), "by the authority's former key");
}
