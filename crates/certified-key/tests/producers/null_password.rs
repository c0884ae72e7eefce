//! Files with the null password, by the p12 crate, which takes a password as bytes.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use certified_key::decode;
use p12::{
    CertBag, ContentInfo, EncryptedData, MacData, OtherBag, PFX, PKCS12Attribute, SafeBag,
    SafeBagKind,
};
use yasna::models::ObjectIdentifier;

use crate::files::{self, Case, Expected};

const NULL: &[u8] = &[];
const EMPTY: &[u8] = &[0, 0];

/// The parts of a file of openssl's.
fn sample() -> &'static Case {
    files::all().iter().find(|case| case.file.ends_with("openssl/rsa2048.pfx")).unwrap()
}

fn safe_bag(bag: SafeBagKind) -> SafeBag {
    SafeBag { bag, attributes: vec![PKCS12Attribute::LocalKeyId(vec![1, 0, 0, 0])] }
}

/// Encrypted with RC2-40, as Key Vault's files were until 2020.
fn pfx(chain: &[Vec<u8>], key: &[u8], content_password: &[u8], mac_password: &[u8]) -> Vec<u8> {
    let key_bag = ObjectIdentifier::from_slice(&[1, 2, 840, 113_549, 1, 12, 10, 1, 1]);
    let key = OtherBag { bag_id: key_bag, bag_value: key.to_vec() };
    let mut bags = vec![safe_bag(SafeBagKind::OtherBagKind(key))];
    bags.extend(chain.iter().map(|der| safe_bag(SafeBagKind::CertBag(CertBag::X509(der.clone())))));
    let safe = EncryptedData::from_safe_bags(&bags, content_password).unwrap();
    let content = yasna::construct_der(|writer| {
        writer.write_sequence_of(|writer| ContentInfo::EncryptedData(safe).write(writer.next()));
    });
    let mac_data = Some(MacData::new(&content, mac_password));
    PFX { version: 3, auth_safe: ContentInfo::Data(content), mac_data }.to_der()
}

#[test]
fn a_file_by_another_writer_opens_with_the_null_and_with_the_empty_password() {
    let Expected::Decoded { chain, key, .. } = &sample().expected else { panic!("no chain") };
    let expected = decode(None, &STANDARD.encode(fs::read(&sample().file).unwrap())).unwrap().key;
    for password in [NULL, EMPTY] {
        let file = pfx(chain, key, password, password);
        let decoded = decode(None, &STANDARD.encode(file)).unwrap();
        assert!(decoded.key == expected && decoded.notes.is_empty());
    }
}

#[test]
fn a_file_whose_parts_have_both_forms_of_no_password_opens() {
    let Expected::Decoded { chain, key, .. } = &sample().expected else { panic!("no chain") };
    for (content, mac) in [(EMPTY, NULL), (NULL, EMPTY)] {
        let decoded = decode(None, &STANDARD.encode(pfx(chain, key, content, mac))).unwrap();
        assert!(decoded.notes.is_empty());
    }
}
