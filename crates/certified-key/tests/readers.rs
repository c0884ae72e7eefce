//! What is encoded here is read by other people's tools, and holds the same.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at once")]
#![allow(clippy::disallowed_methods, reason = "tests call other people's tools")]

mod pki;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use certified_key::{CertifiedKey, Encryption, decode, pkcs12_opens_with};
use pki::authority;

const BOTH: [Encryption; 2] = [Encryption::Modern, Encryption::Legacy];

/// One that a person would choose, one outside ASCII and 16 bits.
const PASSWORDS: [&str; 3] = ["", "correct horse", "Zürich 🔑 \"'\\ $x"];

fn key() -> CertifiedKey {
    let (root, middle) = (authority("Root"), authority("Middle"));
    let leaf = middle.leaf("www.contoso.com");
    let text = [leaf.certificate, leaf.key, root.certify(&middle), root.root()].concat();
    CertifiedKey::parse_pem(text.as_bytes()).unwrap()
}

fn run(tool: &Path, arguments: &[&str], folder: &Path) -> String {
    let done = Command::new(tool)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{tool:?} does not run: {error}; install it"));
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{tool:?} {arguments:?}: {said}");
    String::from_utf8(done.stdout).unwrap()
}

/// Writes the password and the file, and returns the folder.
fn written(key: &CertifiedKey, password: &str, encryption: Encryption) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("password"), format!("{password}\n")).unwrap();
    let bytes = key.to_pkcs12(password, encryption).unwrap();
    fs::write(folder.path().join("site.p12"), bytes.as_slice()).unwrap();
    folder
}

fn without_attributes(text: &str) -> String {
    let mut inside = false;
    let kept = text.lines().filter(|line| {
        inside |= line.starts_with("-----BEGIN");
        let keep = inside;
        inside &= !line.starts_with("-----END");
        keep
    });
    kept.flat_map(|line| [line, "\n"]).collect()
}

#[test]
fn the_pem_forms_are_the_parts_of_the_whole() {
    let key = key();
    let [leaf, issuers, chain] = [key.to_leaf_pem(), key.to_issuers_pem(), key.to_chain_pem()];
    assert_eq!([leaf.clone(), issuers].concat(), chain);
    assert_eq!(String::from_utf8(leaf).unwrap().matches("BEGIN CERTIFICATE").count(), 1);
    let alone = authority("Root").leaf("alone");
    let text = [alone.certificate, alone.key].concat();
    let alone = CertifiedKey::parse_pem(text.as_bytes()).unwrap();
    assert!(alone.to_issuers_pem().is_empty());
}

#[test]
fn our_own_reader_finds_the_same() {
    let key = key();
    for encryption in BOTH {
        let file = key.to_pkcs12("", encryption).unwrap();
        let decoded = decode(None, &STANDARD.encode(&file)).unwrap();
        assert_eq!(decoded.key, key);
        assert_eq!(decoded.notes, Vec::<String>::new());
        let guarded = key.to_pkcs12("secret", encryption).unwrap();
        let refused = decode(None, &STANDARD.encode(&guarded)).unwrap_err().to_string();
        assert!(refused.contains("password"), "{refused}");
    }
}

#[test]
fn a_file_opens_with_its_own_password_only() {
    let key = key();
    for (encryption, password) in BOTH.into_iter().flat_map(|e| PASSWORDS.map(|p| (e, p))) {
        let file = key.to_pkcs12(password, encryption).unwrap();
        for tried in PASSWORDS {
            assert_eq!(pkcs12_opens_with(&file, tried), tried == password);
        }
        assert!(!pkcs12_opens_with(&file[1..], password));
    }
}

#[test]
fn no_two_files_are_equal() {
    let key = key();
    assert_ne!(
        key.to_pkcs12("a", Encryption::Modern).unwrap(),
        key.to_pkcs12("a", Encryption::Modern).unwrap()
    );
}

#[test]
fn openssl_reads_key_and_chain() {
    let key = key();
    let openssl = Path::new("openssl");
    for (encryption, password) in BOTH.into_iter().flat_map(|e| PASSWORDS.map(|p| (e, p))) {
        let folder = written(&key, password, encryption);
        let read = |more: &[&str]| {
            let first = ["pkcs12", "-in", "site.p12", "-passin", "file:password", "-nodes"];
            run(openssl, &[&first, more].concat(), folder.path())
        };
        assert_eq!(without_attributes(&read(&["-nocerts"])).as_bytes(), *key.to_key_pem());
        let leaf = read(&["-nokeys", "-clcerts"]);
        assert_eq!(without_attributes(&leaf).as_bytes(), key.to_leaf_pem());
        assert!(leaf.contains("friendlyName: www.contoso.com"), "{leaf}");
        assert!(leaf.contains("localKeyID: "), "{leaf}");
        let issuers = read(&["-nokeys", "-cacerts"]);
        assert_eq!(without_attributes(&issuers).as_bytes(), key.to_issuers_pem());
    }
}

#[test]
fn the_friendly_name_is_the_first_of_dns_name_common_name_and_subject() {
    use rcgen::DnType::{CommonName, OrganizationName};
    for (dns, kind, value, expected) in [
        ("www.contoso.com", CommonName, "Contoso", "www.contoso.com"),
        ("", CommonName, "Contoso, Ltd.", "Contoso, Ltd."),
        ("", CommonName, "Contoso\u{1f511} Ltd.", "Contoso Ltd."),
        ("", OrganizationName, "Contoso", "O=Contoso"),
    ] {
        let pair = rcgen::KeyPair::generate().unwrap();
        let names = (!dns.is_empty()).then(|| dns.to_owned());
        let mut params =
            rcgen::CertificateParams::new(names.into_iter().collect::<Vec<_>>()).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(kind, value);
        let certificate = params.self_signed(&pair).unwrap();
        let text = certificate.pem() + &pair.serialize_pem();
        let key = CertifiedKey::parse_pem(text.as_bytes()).unwrap();
        let folder = written(&key, "x", Encryption::Modern);
        let command = ["pkcs12", "-in", "site.p12", "-passin", "file:password", "-nokeys"];
        let read = run(Path::new("openssl"), &command, folder.path());
        assert!(read.contains(&format!("friendlyName: {expected}\n")), "{expected}: {read}");
    }
}

#[test]
fn openssl_finds_the_algorithms_that_were_asked_for() {
    let key = key();
    for (encryption, expected) in [
        (
            Encryption::Modern,
            [
                "PBES2, PBKDF2, AES-256-CBC, Iteration 2048, PRF hmacWithSHA256",
                "MAC: sha256, Iteration 2048",
            ],
        ),
        (
            Encryption::Legacy,
            ["pbeWithSHA1And3-KeyTripleDES-CBC, Iteration 2048", "MAC: sha1, Iteration 2048"],
        ),
    ] {
        let folder = written(&key, "a", encryption);
        let done = Command::new("openssl")
            .args(["pkcs12", "-in", "site.p12", "-passin", "file:password", "-info", "-noout"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(said.matches(expected[0]).count(), 2, "{said}");
        assert!(said.contains(expected[1]), "{said}");
    }
}

#[test]
fn java_reads_key_and_chain() {
    let key = key();
    let keytool = Path::new("keytool");
    for encryption in BOTH {
        let folder = written(&key, "correct horse", encryption);
        let import = [
            "-importkeystore",
            "-noprompt",
            "-srckeystore",
            "site.p12",
            "-srcstoretype",
            "PKCS12",
            "-srcstorepass:file",
            "password",
            "-destkeystore",
            "copy.p12",
            "-deststoretype",
            "PKCS12",
            "-deststorepass:file",
            "password",
        ];
        run(keytool, &import, folder.path());
        let openssl = |more: &[&str]| {
            let first = ["pkcs12", "-in", "copy.p12", "-passin", "file:password", "-nodes"];
            without_attributes(&run(Path::new("openssl"), &[&first, more].concat(), folder.path()))
        };
        assert_eq!(openssl(&["-nocerts"]).as_bytes(), *key.to_key_pem());
        assert_eq!(openssl(&["-nokeys"]).as_bytes(), key.to_chain_pem());
        let list = ["-list", "-keystore", "site.p12", "-storepass:file", "password"];
        let said = run(keytool, &list, folder.path());
        assert!(said.contains("www.contoso.com") && said.contains("PrivateKeyEntry"), "{said}");
    }
}

#[test]
fn python_cryptography_reads_key_and_chain() {
    const SCRIPT: &str = "
import sys
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.serialization import pkcs12
password = open('password', encoding='utf-8').read()[:-1].encode()
read = pkcs12.load_pkcs12(open('site.p12', 'rb').read(), password)
assert read.cert.friendly_name == b'www.contoso.com', read.cert.friendly_name
certificates = [read.cert.certificate] + [one.certificate for one in read.additional_certs]
for one in certificates:
    sys.stdout.write(one.public_bytes(s.Encoding.PEM).decode())
sys.stdout.write(read.key.private_bytes(
    s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()).decode())
";
    let key = key();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python: PathBuf = root.join("target/python-env/bin/python");
    assert!(python.exists(), "run scripts/python-env.sh and try again");
    for (encryption, password) in BOTH.into_iter().flat_map(|e| PASSWORDS.map(|p| (e, p))) {
        let folder = written(&key, password, encryption);
        let read = run(&python, &["-c", SCRIPT], folder.path());
        assert_eq!(read.as_bytes(), *key.to_pem(), "{encryption:?} {password}");
    }
}
