//! PKCS#12: random salts, passwords from files.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use cert_store::{FileAccess, Form, Output};
use certified_key::Encryption;

use crate::bed::certificate;
use crate::{Place, mode};

fn place_with_password(password: &str) -> Place {
    let mut place = Place::new();
    set_password(&place, password);
    let password_file = Some(place.folder.path().join("password"));
    let form = Form::Pkcs12 { password_file, encryption: Encryption::Modern };
    let (path, access) = (place.path("site.p12"), FileAccess::default());
    place.wanted.push(Output::File { path, form, access });
    place
}

fn set_password(place: &Place, password: &str) {
    let path = place.folder.path().join("password");
    fs::write(&path, password).unwrap();
    fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
}

fn opens(path: &Path, password: &str) -> bool {
    let mut openssl = Command::new("openssl");
    openssl.args(["pkcs12", "-noout", "-passin", &format!("pass:{password}"), "-in"]).arg(path);
    openssl.output().unwrap().status.success()
}

#[test]
fn openssl_opens_it_with_the_password_from_the_file() {
    let mut place = place_with_password("first line\r\nsecond line\n");
    place.install(1, &certificate("web")).unwrap();
    let path = place.path("site.p12");
    assert!(opens(&path, "first line") && !opens(&path, ""));
    assert_eq!(mode(&path), 0o600);
    assert!(!fs::read(&path).unwrap().windows(10).any(|bytes| bytes == b"first line"));
}

#[test]
fn one_version_is_one_file_whatever_its_salts() {
    let (mut place, contents) =
        (place_with_password("a"), [certificate("web"), certificate("web")]);
    place.install(1, &contents[0]).unwrap();
    let first = place.read("site.p12");
    assert!(!place.install(1, &contents[0]).unwrap());
    place.install(2, &contents[1]).unwrap();
    place.sweep();
    place.install(1, &contents[0]).unwrap();
    assert_eq!(place.read("site.p12"), first);
}

#[test]
fn another_password_makes_another_file_also_after_the_way_back() {
    let (mut place, contents) =
        (place_with_password("old"), [certificate("web"), certificate("web")]);
    place.install(1, &contents[0]).unwrap();
    place.install(2, &contents[1]).unwrap();
    set_password(&place, "new");
    assert!(place.standing()[0].starts_with("the password of"));
    place.install(2, &contents[1]).unwrap();
    assert!(opens(&place.path("site.p12"), "new"));
    assert_eq!(place.standing(), Vec::<String>::new());
    place.install(1, &contents[0]).unwrap();
    assert!(opens(&place.path("site.p12"), "new"));
}

#[test]
fn a_password_that_others_may_know_is_refused() {
    let content = certificate("web");
    for (mode, taken) in [(0o600, true), (0o640, true), (0o644, false), (0o660, false)] {
        let mut place = place_with_password("a");
        let file = place.folder.path().join("password");
        fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
        let said = place.install(1, &content).map_err(|error| error.to_string());
        assert_eq!(said.is_ok(), taken, "{mode:o}: {said:?}");
        assert!(taken || said.unwrap_err().contains("is open to others"));
    }
    let mut place = place_with_password("a");
    let file = place.folder.path().join("password");
    // Only root can give files away.
    if std::os::unix::fs::chown(&file, Some(61_004), None).is_ok() {
        let refused = place.install(1, &content).unwrap_err();
        assert!(refused.to_string().contains("make root its owner"), "{refused}");
    }
    fs::remove_file(file).unwrap();
    let refused = place.install(1, &content).unwrap_err();
    assert!(refused.is_customer() && refused.to_string().ends_with("does not exist"), "{refused}");
}

#[test]
fn without_a_file_the_password_is_empty() {
    for encryption in [Encryption::Modern, Encryption::Legacy] {
        let form = Form::Pkcs12 { password_file: None, encryption };
        let mut place = Place::with(&[("site.p12", form)]);
        place.install(1, &certificate("web")).unwrap();
        assert!(opens(&place.path("site.p12"), ""));
        assert_eq!(place.standing(), Vec::<String>::new());
    }
}
