//! Damaged and made-up input: never a panic, never half a result.

#![allow(clippy::unwrap_used, reason = "a test may stop at once")]

mod invariants;
#[path = "../pki/mod.rs"]
mod pki;

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use certified_key::{CertifiedKey, decode};
use p12::{CertBag, ContentInfo, EncryptedData, MacData, OtherBag, PFX, SafeBag, SafeBagKind};
use proptest::prelude::*;
use yasna::models::ObjectIdentifier;

const KEY_VAULT: &[u8] = include_bytes!("../fixtures/key-vault-2021-07-ec-p256-exportable.pfx");

/// Well-formed files, which the tests damage.
struct Samples {
    pem: String,
    /// One as Key Vault returns it, one encrypted, one where everything can be reached.
    pkcs12: [Vec<u8>; 3],
}

fn samples() -> &'static Samples {
    static SAMPLES: OnceLock<Samples> = OnceLock::new();
    SAMPLES.get_or_init(|| {
        let (top, low) = (pki::authority("top"), pki::authority("low"));
        let leaf = low.leaf("leaf");
        let blocks = [leaf.certificate, top.certify(&low), top.root()];
        let bags = bags(&blocks.each_ref().map(|block| pki::der(block)), &pki::der(&leaf.key));
        let encrypted = EncryptedData::from_safe_bags(&bags, &[]).unwrap();
        let plain = yasna::construct_der(|writer| {
            writer.write_sequence_of(|writer| bags.iter().for_each(|bag| bag.write(writer.next())));
        });
        let encrypted = file(ContentInfo::EncryptedData(encrypted), true);
        let plain = file(ContentInfo::Data(plain), false);
        let pkcs12 = [KEY_VAULT.to_vec(), encrypted, plain];
        Samples { pem: blocks.concat() + &leaf.key, pkcs12 }
    })
}

fn bags(certificates: &[Vec<u8>], key: &[u8]) -> Vec<SafeBag> {
    let key_bag = ObjectIdentifier::from_slice(&[1, 2, 840, 113_549, 1, 12, 10, 1, 1]);
    let key = SafeBagKind::OtherBagKind(OtherBag { bag_id: key_bag, bag_value: key.to_vec() });
    let certificates =
        certificates.iter().map(|der| SafeBagKind::CertBag(CertBag::X509(der.clone())));
    std::iter::once(key)
        .chain(certificates)
        .map(|bag| SafeBag { bag, attributes: Vec::new() })
        .collect()
}

fn file(safe: ContentInfo, with_mac: bool) -> Vec<u8> {
    let content = yasna::construct_der(|writer| {
        writer.write_sequence_of(|writer| safe.write(writer.next()));
    });
    let mac_data = with_mac.then(|| MacData::new(&content, &[]));
    PFX { version: 3, auth_safe: ContentInfo::Data(content), mac_data }.to_der()
}

/// One way of damaging bytes; places are taken modulo the length.
#[derive(Debug, Clone)]
enum Damage {
    Flip(usize, u8),
    Set(usize, u8),
    Cut(usize),
    Remove(usize, usize),
    Insert(usize, Vec<u8>),
    Repeat(usize, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    let place = any::<usize>();
    // Bytes that mean something in DER: tags, lengths, the indefinite one.
    let byte = prop_oneof![
        any::<u8>(),
        prop::sample::select(&[0x00, 0x02, 0x03, 0x04, 0x24, 0x30, 0x80, 0x84, 0xa0, 0xff][..]),
    ];
    prop_oneof![
        (place, 0..8_u8).prop_map(|(place, bit)| Damage::Flip(place, 1 << bit)),
        (place, byte).prop_map(|(place, byte)| Damage::Set(place, byte)),
        place.prop_map(Damage::Cut),
        (place, 1..40_usize).prop_map(|(place, length)| Damage::Remove(place, length)),
        (place, prop::collection::vec(any::<u8>(), 1..20))
            .prop_map(|(place, bytes)| Damage::Insert(place, bytes)),
        (place, 1..400_usize).prop_map(|(place, length)| Damage::Repeat(place, length)),
    ]
}

fn damaged(mut bytes: Vec<u8>, damages: &[Damage]) -> Vec<u8> {
    damages.iter().for_each(|damage| apply(damage, &mut bytes));
    bytes
}

fn apply(damage: &Damage, bytes: &mut Vec<u8>) {
    // Earlier damage may have cut everything off.
    let Some(last) = bytes.len().checked_sub(1) else { return };
    let at = |place: usize| place % (last + 1);
    let piece = |place: usize, more: usize| at(place)..(at(place) + more).min(last + 1);
    match damage {
        Damage::Flip(place, bit) => bytes[at(*place)] ^= bit,
        Damage::Set(place, byte) => bytes[at(*place)] = *byte,
        Damage::Cut(place) => bytes.truncate(at(*place)),
        Damage::Remove(place, more) => {
            bytes.drain(piece(*place, *more));
        }
        Damage::Insert(place, new) => {
            bytes.splice(at(*place)..at(*place), new.iter().copied());
        }
        Damage::Repeat(place, more) => {
            let again = bytes[piece(*place, *more)].to_vec();
            bytes.splice(at(*place)..at(*place), again);
        }
    }
}

#[test]
fn the_samples_themselves_are_decoded() {
    for sample in &samples().pkcs12 {
        assert!(decode(None, &STANDARD.encode(sample)).unwrap().notes.is_empty());
    }
    assert_eq!(decode(None, &samples().pem).unwrap().key.issuers().len(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn damaged_pkcs12_never_panics(
        which in 0..3_usize,
        damages in prop::collection::vec(damage(), 1..4),
    ) {
        let bytes = damaged(samples().pkcs12[which].clone(), &damages);
        invariants::hold(decode(None, &STANDARD.encode(bytes)));
    }

    #[test]
    fn damaged_pem_never_panics(damages in prop::collection::vec(damage(), 1..6)) {
        let bytes = damaged(samples().pem.clone().into_bytes(), &damages);
        let _ = CertifiedKey::parse_pem(&bytes);
        invariants::hold(decode(None, &String::from_utf8_lossy(&bytes)));
    }

    #[test]
    fn damaged_blocks_never_panic(
        which in 0..4_usize,
        label in prop::sample::select(
            &["CERTIFICATE", "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"][..]
        ),
        damages in prop::collection::vec(damage(), 1..4),
    ) {
        let blocks: Vec<&str> = samples().pem.split_inclusive("-----\n").collect();
        let body = format!("{}{}", blocks[which * 2], blocks[which * 2 + 1]);
        let block = pki::block(label, &damaged(pki::der(&body), &damages));
        invariants::hold(decode(None, &(block + &samples().pem)));
    }

    #[test]
    fn made_up_text_never_panics(
        content_type in any::<Option<String>>(),
        value in any::<String>(),
    ) {
        invariants::hold(decode(content_type.as_deref(), &value));
    }

    #[test]
    fn made_up_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let sequence = [vec![0x30, 0x80], bytes].concat();
        invariants::hold(decode(None, &STANDARD.encode(sequence)));
    }
}
