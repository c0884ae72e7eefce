//! How a value may be written.

#![allow(clippy::unwrap_used, reason = "a test may stop at once")]

mod pki;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use certified_key::{Certificate, CertifiedKey, Content, DecodeError, MAX_VALUE, decode};
use pki::{Leaf, authority, block, der};
use zeroize::Zeroizing;

const PFX: &[u8] = include_bytes!("fixtures/key-vault-2021-07-ec-p256-exportable.pfx");

fn pair() -> Leaf {
    authority("top").leaf("leaf")
}

fn refusal(value: &str) -> DecodeError {
    decode(None, value).unwrap_err()
}

/// Both blocks in their usual shape, with lines of 64 bytes.
fn usual(leaf: &Leaf) -> String {
    let text = decode(None, &(leaf.certificate.clone() + &leaf.key)).unwrap().key.to_pem();
    String::from_utf8(text.to_vec()).unwrap()
}

#[test]
fn pem_may_be_written_in_many_ways() {
    let leaf = pair();
    let text = usual(&leaf);
    let expected = decode(None, &text).unwrap().key;
    let (certificate, key) = (&leaf.certificate, &leaf.key);
    let ways = [
        text.replace('\n', "\r\n"),
        text.replace('\n', " "),
        text.replace('\n', "\\n"),
        text.replace('\n', "\\r\\n"),
        format!("{:?}", text),
        text.replace('\n', "\n\n"),
        text.lines().map(|line| format!("   {line}  \n")).collect(),
        format!("\u{feff}{text}"),
        format!("\n\n{key}\n{certificate}\n\n"),
        format!("Bag Attributes\n    friendlyName: ü\n{key}subject=CN = leaf\n{certificate}end"),
        text.trim_end().to_owned(),
        certificate.replace("CERTIFICATE", "X509 CERTIFICATE") + key,
        certificate.replace("CERTIFICATE", " CERTIFICATE ") + key,
        block("TRUSTED CERTIFICATE", &[der(certificate), vec![0x30, 0x00]].concat()) + key,
        block("EC PARAMETERS", &[5, 0]) + &text + &block("DH PARAMETERS", &[]),
        STANDARD.encode(&text),
    ];
    for way in ways {
        let decoded = decode(Some("application/x-pem-file"), &way).unwrap();
        assert_eq!((decoded.key == expected, decoded.notes.len()), (true, 0), "{way}");
    }
}

#[test]
fn pem_that_is_damaged_is_refused_and_the_damage_named() {
    let leaf = pair();
    let text = usual(&leaf);
    let ways = [
        (text[..text.len() - 30].to_owned(), "the last block is cut off"),
        (text[..text.len() - 3].to_owned(), "a BEGIN or END line is cut off"),
        (format!("{text}-----BEGIN CERTIFICATE-----\nMIIB"), "the last block is cut off"),
        (format!("{text}-----BEGIN CERTIF"), "a BEGIN or END line is cut off"),
        (text.replacen("-----END CERTIFICATE-----", "", 1), "a block is cut off"),
        (text.replacen("END CERTIFICATE", "END CERT", 1), "a BEGIN line and its END line differ"),
        (text.replacen("-----BEGIN PRIVATE KEY-----", "", 1), "an END line has no BEGIN line"),
        (text.replacen("-----BEGIN C", "----BEGIN C", 1), "an END line has no BEGIN line"),
        (text.replacen('M', "*", 1), "a block is not base64"),
        (text.replacen('M', "\\t", 1), "a block is not base64"),
    ];
    for (way, damage) in ways {
        let refused = refusal(&way);
        assert!(
            matches!(refused, DecodeError::MalformedPem(named) if named == damage),
            "{refused}"
        );
    }
}

#[test]
fn encrypted_keys_in_pem_are_refused_by_name() {
    let leaf = pair();
    let new = leaf.certificate.clone() + &block("ENCRYPTED PRIVATE KEY", &[0x30, 0]);
    assert_eq!(refusal(&new), DecodeError::EncryptedKey);
    let old = block("RSA PRIVATE KEY", &[0x30, 0]).replacen(
        '\n',
        "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n",
        1,
    );
    assert_eq!(refusal(&(leaf.certificate.clone() + &old)), DecodeError::EncryptedKey);
    let other = pair().key;
    assert_eq!(refusal(&(new.clone() + &other)), DecodeError::EncryptedKey, "it may be the one");
    // One that is not needed does no harm.
    assert!(decode(None, &(new + &leaf.key)).is_ok());
}

#[test]
fn a_key_of_openssh_is_refused_with_the_way_to_turn_it() {
    let text = pair().certificate + &block("OPENSSH PRIVATE KEY", b"openssh-key-v1\0");
    let said = refusal(&text).to_string();
    assert!(
        said.contains("form of OpenSSH; store it as PKCS#8; `ssh-keygen -p -m PKCS8"),
        "{said}"
    );
}

#[test]
fn a_key_in_a_form_that_nobody_knows_is_refused_by_its_name() {
    let said = refusal(&(pair().certificate + &block("ANY PRIVATE KEY", &[0x30, 0]))).to_string();
    assert!(said.contains("in the form \"ANY PRIVATE KEY\", which is not supported"), "{said}");
}

#[test]
fn certificates_in_pkcs7_are_named_only_where_certificates_are_what_is_missing() {
    let leaf = pair();
    for label in ["PKCS7", "CMS", "PKCS #7 SIGNED DATA"] {
        let message = block(label, &[0x30, 0]);
        assert_eq!(refusal(&(leaf.key.clone() + &message)), DecodeError::Pkcs7);
        assert_eq!(refusal(&message), DecodeError::Pkcs7);
        let said = refusal(&(leaf.certificate.clone() + &message));
        assert!(matches!(said, DecodeError::NoPrivateKey { .. }), "{said}");
        assert!(decode(None, &(usual(&leaf) + &message)).is_ok());
    }
}

#[test]
fn unknown_blocks_and_unreadable_extra_certificates_are_noted() {
    let leaf = pair();
    let text = block("PUBLIC KEY", &[]) + &usual(&leaf) + &block("CERTIFICATE", &[0x30, 0]);
    let notes = decode(None, &text).unwrap().notes;
    assert_eq!(notes.len(), 2);
    assert_eq!(notes[0], "left out a PEM block \"PUBLIC KEY\"");
    assert!(notes[1].contains("not readable X.509"), "{}", notes[1]);
    let odd = block(&format!("\u{1b}[2J{}", "X".repeat(100)), &[]) + &usual(&leaf);
    let note = &decode(None, &odd).unwrap().notes[0];
    assert_eq!(*note, format!("left out a PEM block \"[2J{}\"", "X".repeat(57)));
    let unreadable = leaf.key + &block("CERTIFICATE", &[0x30, 0]);
    assert_eq!(refusal(&unreadable), DecodeError::UnreadableCertificate);
}

#[test]
fn base64_may_be_written_in_many_ways() {
    let expected = decode(None, &STANDARD.encode(PFX)).unwrap().key;
    let plain = STANDARD.encode(PFX);
    let lines: String = plain
        .as_bytes()
        .chunks(76)
        .flat_map(|line| [line, b"\r\n"].concat())
        .map(char::from)
        .collect();
    let ways = [
        lines.replace("\r\n", "\\n"),
        lines.replace("\r\n", "\\r\\n"),
        lines,
        format!("\u{feff} {plain}\n"),
        URL_SAFE.encode(PFX),
        STANDARD_NO_PAD.encode(PFX),
    ];
    for way in ways {
        for content_type in [None, Some("APPLICATION/X-PKCS12"), Some("text/plain; charset=utf-8")]
        {
            assert!(decode(content_type, &way).unwrap().key == expected);
        }
    }
}

#[test]
fn pkcs12_may_be_wrapped_in_one_block_as_certtool_and_windows_do() {
    let expected = decode(None, &STANDARD.encode(PFX)).unwrap().key;
    for label in ["PKCS12", "CERTIFICATE"] {
        let text = format!("Some text of certtool's\n{}", block(label, PFX));
        for way in [text.clone(), STANDARD.encode(&text)] {
            assert!(decode(None, &way).unwrap().key == expected, "{label}");
        }
        assert!(CertifiedKey::parse_pem(text.as_bytes()).is_err(), "not as an installed file");
    }
    let cut = block("PKCS12", &PFX[..PFX.len() - 5]);
    assert_eq!(refusal(&cut), DecodeError::MalformedPkcs12("it is cut off"));
    assert_eq!(refusal(&block("CERTIFICATE", &[0x30, 0])), DecodeError::UnreadableCertificate);
    let beside = usual(&pair()) + &block("PKCS12", PFX);
    assert_eq!(decode(None, &beside).unwrap().notes, ["left out a PEM block \"PKCS12\""]);
}

#[test]
fn what_is_no_certificate_is_refused_and_the_value_not_repeated() {
    for value in ["correct horse battery staple", "{\"a\": 1}", "hunter2", "aHVudGVyMg==", "MA==!"]
    {
        let refused = decode(Some("text/plain\n\u{7}"), value).unwrap_err();
        let expected = DecodeError::NotACertificate { content_type: Some("text/plain".to_owned()) };
        assert_eq!(refused, expected);
        assert!(!format!("{refused} {refused:?}").contains(value));
    }
    assert_eq!(refusal(" \r\n\u{feff}"), DecodeError::NotACertificate { content_type: None });
    assert_eq!(refusal(" \r\n"), DecodeError::Empty);
    let refused = decode(Some(&"x".repeat(100)), "hunter2").unwrap_err();
    assert_eq!(refused, DecodeError::NotACertificate { content_type: Some("x".repeat(60)) });
    assert_eq!(refusal(&"A".repeat(MAX_VALUE + 1)), DecodeError::TooLarge { limit: MAX_VALUE });
    let largest = "A".repeat(MAX_VALUE);
    assert_eq!(refusal(&largest), DecodeError::NotACertificate { content_type: None });
    let refused = CertifiedKey::parse_pem(largest.as_bytes()).unwrap_err();
    assert_eq!(refused, DecodeError::NothingFound);
    let large = vec![b' '; MAX_VALUE + 1];
    assert_eq!(
        CertifiedKey::parse_pem(&large).unwrap_err(),
        DecodeError::TooLarge { limit: MAX_VALUE }
    );
    let certificate = STANDARD.encode(der(&pair().certificate));
    assert!(matches!(refusal(&certificate), DecodeError::NoPrivateKey { .. }));
    let neither = STANDARD.encode([0x30, 3, 2, 1, 1]);
    assert_eq!(refusal(&neither), DecodeError::MalformedPkcs12("it is not PKCS#12"));
}

#[test]
fn what_is_written_is_leaf_then_issuers_then_key() {
    let (top, low) = (authority("top"), authority("low"));
    let leaf = low.leaf("leaf");
    let all = [&*leaf.key, &top.root(), &top.certify(&low), &leaf.certificate].concat();
    let key = decode(None, &all).unwrap().key;
    let text = String::from_utf8(key.to_pem().to_vec()).unwrap();
    let labels: Vec<&str> = text.lines().filter(|line| line.starts_with("-----BEGIN")).collect();
    let certificate = "-----BEGIN CERTIFICATE-----";
    assert_eq!(labels, [certificate, certificate, certificate, "-----BEGIN PRIVATE KEY-----"]);
    assert!(text.lines().all(|line| line.len() <= 64) && !text.contains('\r'));
    let chain = String::from_utf8(key.to_chain_pem()).unwrap();
    let private = String::from_utf8(key.to_key_pem().to_vec()).unwrap();
    assert_eq!(chain + &private, text);
    let subjects: Vec<&str> = key.issuers().iter().map(Certificate::subject).collect();
    assert_eq!((key.leaf().subject(), subjects), ("CN=leaf", vec!["CN=low", "CN=top"]));
}

#[test]
fn nothing_secret_is_in_debug_output() {
    let key = decode(None, &STANDARD.encode(PFX)).unwrap().key;
    let pem = String::from_utf8(key.to_key_pem().to_vec()).unwrap();
    let text = format!("{:?}", Content::Certificate(key));
    assert!(text.starts_with("Certificate(CertifiedKey { leaf: Certificate(CN=default"), "{text}");
    assert!(!text.contains(pem.lines().nth(1).unwrap()));
    let plain = Content::Opaque(Zeroizing::new(b"hunter2".to_vec()));
    assert_eq!(format!("{plain:?}"), "Opaque(7 bytes)");
}

#[test]
fn contents_are_equal_if_all_of_them_is() {
    let opaque = |text: &str| Content::Opaque(Zeroizing::new(text.into()));
    let certificate = |value: &str| Content::Certificate(decode(None, value).unwrap().key);
    assert_eq!(opaque("a"), opaque("a"));
    assert_ne!(opaque("a"), opaque("b"));
    assert_ne!(opaque("a"), opaque("aa"));
    let (one, two) = (pair(), pair());
    let (one, two) = (usual(&one), usual(&two));
    assert_eq!(certificate(&one), certificate(&one));
    assert_ne!(certificate(&one), certificate(&two));
    assert_ne!(certificate(&one), opaque(&one));
    let top = authority("top");
    let leaf = top.leaf("leaf");
    let alone = leaf.certificate + &leaf.key;
    assert_ne!(certificate(&alone), certificate(&(top.root() + &alone)));
}
