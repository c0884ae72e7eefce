//! Tomcat's page, with the `keytool` of a real Java.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::page;

const SCRIPT: &str = "/usr/local/sbin/check-web-p12";

/// The page's check, with its password file in a folder of the test.
struct Tomcat {
    folder: tempfile::TempDir,
}

impl Tomcat {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("web.password"), "0123456789abcdef\n").unwrap();
        let here = folder.path().to_str().unwrap();
        let script = page::file("tomcat", SCRIPT);
        assert!(script.contains("/etc/tomcat10/tls/web.password"), "{script}");
        fs::write(folder.path().join("check"), script.replace("/etc/tomcat10/tls", here)).unwrap();
        Self { folder }
    }

    /// A certificate with its key as PKCS#12.
    fn pkcs12(&self, password: &str) -> PathBuf {
        let at = |name: &str| self.folder.path().join(name).to_str().unwrap().to_owned();
        let (key, chain, both) = (at("key"), at("chain"), at("web.p12"));
        openssl(&[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            "/CN=www.contoso.com",
            "-keyout",
            &key,
            "-out",
            &chain,
        ]);
        let password = format!("pass:{password}");
        openssl(&[
            "pkcs12", "-export", "-inkey", &key, "-in", &chain, "-out", &both, "-passout",
            &password,
        ]);
        both.into()
    }

    fn check(&self, candidate: &Path) -> Output {
        let script = self.folder.path().join("check");
        let mut check = Command::new("/bin/sh");
        check.arg(script).env("AKVVM_CANDIDATE_WEB_P12", candidate).output().unwrap()
    }
}

fn openssl(arguments: &[&str]) {
    let ran = Command::new("openssl").args(arguments).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn tomcats_user_gets_to_the_keystore_and_not_to_the_password() {
    let folder = tempfile::tempdir().unwrap();
    let tls = folder.path().join("tls");
    let commands = page::blocks("tomcat").into_iter().find(|block| block.language == "sh").unwrap();
    let commands = commands.text.replace("/etc/tomcat10/tls", tls.to_str().unwrap());
    let ran = Command::new("/bin/sh").args(["-ec", &commands]).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&tls), 0o755);
    assert_eq!(mode(&tls.join("web.password")), 0o600);
}

#[test]
fn the_check_opens_the_candidate_as_java_does() {
    let tomcat = Tomcat::new();
    let checked = tomcat.check(&tomcat.pkcs12("0123456789abcdef"));
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[test]
fn the_check_refuses_what_java_cannot_open() {
    let tomcat = Tomcat::new();
    assert!(!tomcat.check(&tomcat.pkcs12("another")).status.success());
    let broken = tomcat.folder.path().join("broken.p12");
    fs::write(&broken, "no PKCS#12").unwrap();
    assert!(!tomcat.check(&broken).status.success());
}
