//! What is told of a certificate.

#![allow(clippy::unwrap_used, reason = "a test may stop at once")]

mod pki;

use std::time::{Duration, SystemTime};

use certified_key::{Certificate, CertifiedKey, decode};
use pki::block;
use rcgen::{CertificateParams, DnType, DnValue, KeyPair, SerialNumber, date_time_ymd};

fn certificate(change: impl FnOnce(&mut CertificateParams)) -> Certificate {
    let key = KeyPair::generate().unwrap();
    let mut params =
        CertificateParams::new(["www.contoso.com".to_owned(), "10.0.0.1".to_owned()]).unwrap();
    change(&mut params);
    let made = params.self_signed(&key).unwrap();
    let text = block("CERTIFICATE", made.der()) + &block("PRIVATE KEY", key.serialized_der());
    let decoded: CertifiedKey = decode(None, &text).unwrap().key;
    decoded.leaf().clone()
}

fn seconds(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

#[test]
fn names_are_in_one_line_whatever_they_hold() {
    let made = certificate(|params| {
        params.distinguished_name.push(DnType::OrganizationName, "Contoso\nLtd\u{1b}[2J");
    });
    assert!(made.subject().ends_with("O=ContosoLtd[2J"), "{}", made.subject());
    let made =
        certificate(|params| params.distinguished_name.push(DnType::CommonName, "é".repeat(1000)));
    assert_eq!(made.subject().chars().count(), 400);
    let nameless = certificate(|params| {
        params.distinguished_name.remove(DnType::CommonName);
    });
    assert_eq!((nameless.subject(), nameless.issuer()), ("(no name)", "(no name)"));
}

#[test]
fn a_name_in_the_alphabet_of_old_authorities_is_told() {
    let plain = certificate(|params| {
        let name = DnValue::TeletexString("Behorde".try_into().unwrap());
        params.distinguished_name.push(DnType::CommonName, name);
    });
    // One byte for each letter, here of Latin-1; the signature does not matter.
    let mut der = plain.der().to_vec();
    let places: Vec<usize> =
        (0..der.len()).filter(|place| der[*place..].starts_with(b"Behorde")).collect();
    places.iter().for_each(|place| der[place + 3] = 0xf6);
    let read = Certificate::read(&der).unwrap();
    assert_eq!((places.len(), read.subject()), (2, "CN=Behörde"));
    assert_eq!(read.issuer(), "CN=Behörde");
}

#[test]
fn a_certificate_that_comes_alone_is_told_the_same() {
    let made = certificate(|_| {});
    assert_eq!(Certificate::read(made.der()).as_ref(), Some(&made));
    for nothing in [&b""[..], b"x", &made.der()[..made.der().len() - 1]] {
        assert!(Certificate::read(nothing).is_none());
    }
}

#[test]
fn dns_names_are_told_and_addresses_are_not() {
    assert_eq!(certificate(|_| {}).dns_names(), ["www.contoso.com"]);
}

#[test]
fn serial_numbers_look_as_openssl_prints_them() {
    for (bytes, text) in
        [(&[0x80, 0x0a][..], "800A"), (&[0x00, 0x80, 0x0a], "800A"), (&[0x05], "05"), (&[0], "00")]
    {
        let made =
            certificate(|params| params.serial_number = Some(SerialNumber::from_slice(bytes)));
        assert_eq!(made.serial(), text);
    }
}

#[test]
fn negative_serial_numbers_have_their_sign() {
    let plain =
        certificate(|params| params.serial_number = Some(SerialNumber::from_slice(&[0x7a, 0x11])));
    for (bytes, text) in [
        ([0xff, 0x7f], "-81"),
        ([0xff, 0xff], "-01"),
        ([0x80, 0x00], "-8000"),
        ([0xff, 0x00], "-0100"),
    ] {
        let mut der = plain.der().to_vec();
        let place = der.windows(4).position(|found| found == [2, 2, 0x7a, 0x11]).unwrap();
        der[place + 2..place + 4].copy_from_slice(&bytes);
        assert_eq!(Certificate::read(&der).unwrap().serial(), text);
    }
}

#[test]
fn times_before_1970_and_after_2049_are_right() {
    let made = certificate(|params| {
        params.not_before = date_time_ymd(1969, 12, 31);
        params.not_after = date_time_ymd(9999, 12, 31);
    });
    assert_eq!(made.not_before(), SystemTime::UNIX_EPOCH - Duration::from_secs(86_400));
    assert_eq!(made.not_after(), seconds(253_402_214_400));
    let made = certificate(|params| params.not_after = date_time_ymd(2050, 1, 1));
    assert_eq!(made.not_after(), seconds(2_524_608_000));
}
