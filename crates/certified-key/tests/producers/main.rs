//! Files by other people's tools: each is decoded to exactly what is in it, or refused by name.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may stop at once"
)]
#![allow(clippy::print_stderr, reason = "the figures are for people who run this test")]

mod files;
mod null_password;
mod tool;

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use certified_key::{CertifiedKey, DecodeError, Decoded, decode};

use files::{Case, Expected};

/// What a file is as the value of a secret.
fn value(file: &Path) -> String {
    let bytes = fs::read(file).unwrap();
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("pem") => String::from_utf8(bytes).unwrap(),
        _ => STANDARD.encode(bytes),
    }
}

/// The DER of the private key.
fn pkcs8(key: &CertifiedKey) -> Vec<u8> {
    let text = String::from_utf8(key.to_key_pem().to_vec()).unwrap();
    let base64: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(base64).unwrap()
}

fn check(case: &Case, decoded: Result<Decoded, DecodeError>) -> Result<(), String> {
    match (&case.expected, decoded) {
        (Expected::Decoded { chain, key, notes }, Ok(decoded)) => {
            let found = &decoded.key;
            let certificates: Vec<&[u8]> = std::iter::once(found.leaf())
                .chain(found.issuers())
                .map(certified_key::Certificate::der)
                .collect();
            if certificates != *chain {
                Err(format!("another chain: {found:?}"))
            } else if pkcs8(found) != *key {
                Err("another key".to_owned())
            } else if decoded.notes.len() != *notes {
                Err(format!("other notes: {:?}", decoded.notes))
            } else {
                Ok(())
            }
        }
        (Expected::Refused(words), Err(error)) if error.to_string().contains(words) => Ok(()),
        (Expected::Refused(words), Err(error)) => Err(format!("not {words:?}, but {error}")),
        (Expected::Refused(_), Ok(_)) => Err("decoded".to_owned()),
        (_, Err(error)) => Err(error.to_string()),
    }
}

#[test]
fn every_file_is_decoded_exactly_or_refused_with_the_cause() {
    let cases = files::all();
    assert!(cases.len() >= 60, "only {} files", cases.len());
    let mut wrong = Vec::new();
    let mut figures: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for case in cases {
        let (decoded, refused) = figures.entry(&case.producer).or_default();
        match case.expected {
            Expected::Decoded { .. } => *decoded += 1,
            Expected::Refused(_) => *refused += 1,
        }
        if let Err(difference) = check(case, decode(None, &value(&case.file))) {
            wrong.push(format!("{}: {difference}", case.file.display()));
        }
    }
    for (producer, (decoded, refused)) in figures {
        eprintln!("{producer}: {decoded} files decoded, {refused} refused");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_written_passes_openssl_verify_and_belongs_to_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let mut seen = HashSet::new();
    for case in files::all() {
        let Expected::Decoded { chain, .. } = &case.expected else { continue };
        if !seen.insert(chain.clone()) {
            continue;
        }
        let key = decode(None, &value(&case.file)).unwrap().key;
        let (leaf, rest, root) = tool::split(&key, folder.path());
        tool::verify(&leaf, &rest, &root).unwrap_or_else(|said| panic!("{:?}: {said}", case.file));
        let combined = tool::combined(&key, folder.path());
        assert_eq!(tool::public_key_of_key(&combined), tool::public_key_of_leaf(&combined));
    }
}
