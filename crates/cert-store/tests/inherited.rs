//! What is said about a store that the official extension has filled, and what then happens to it.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests play somebody else")]

mod bed;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use bed::{Bed, certificate, key, start, version};
use cert_store::{Fate, Inheritance, Layout};

const LINK: &str = "exampleVault.myCertificate";

fn bed_with_store(layouts: &[Layout]) -> Bed {
    let bed = Bed::new(layouts);
    fs::create_dir(bed.path()).unwrap();
    bed
}

fn put(path: &Path, content: &[u8]) {
    fs::write(path, content).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

fn inherited(bed: &Bed) -> Inheritance {
    let before = bed.path().exists().then(|| bed.snapshot());
    let found = bed.store.inherited(&bed.target, start()).unwrap();
    assert_eq!(bed.path().exists().then(|| bed.snapshot()), before, "it only looks");
    bed.store.rest();
    found
}

fn fates(found: &Inheritance) -> Vec<(String, Fate)> {
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    found.names.iter().map(|one| (name(&one.path), one.fate.clone())).collect()
}

fn made() -> Fate {
    Fate::Made { twin: None }
}

#[test]
fn a_store_that_is_missing_or_empty_leaves_nothing() {
    let bed = Bed::new(&[Layout::Split]);
    let expected = ["pem", "keyid", "luma"].map(|ending| (format!("{LINK}.{ending}"), made()));
    assert_eq!(fates(&inherited(&bed)), expected);
    fs::create_dir(bed.path()).unwrap();
    assert_eq!(fates(&inherited(&bed)), expected);
}

#[test]
fn a_link_of_3x_is_taken_over_and_so_it_happens() {
    let mut bed = bed_with_store(&[Layout::Combined]);
    let content = certificate("web");
    for (number, text) in [(1, &b"old"[..]), (2, &key(&content).to_pem())] {
        put(&bed.file(&format!("{LINK}.{}", version(number))), text);
    }
    symlink(format!("{LINK}.{}", version(2)), bed.file(LINK)).unwrap();
    let found = inherited(&bed);
    assert_eq!(fates(&found), [(LINK.to_owned(), Fate::TakenOver)]);
    assert_eq!(found.files, [format!("{LINK}.{}", version(1))]);
    let before = bed.snapshot();
    bed.install(2, &content).unwrap();
    assert_eq!(bed.snapshot(), before);
}

#[test]
fn links_of_2x_and_links_to_nothing_are_repointed() {
    let bed = bed_with_store(&[Layout::Combined]);
    let guid = "01234567-89ab-cdef-0123-456789abcdef";
    let old = bed.file(&format!("{LINK}.{guid}.1600000000.1700000000.PEM"));
    put(&old, b"old");
    for target in [old.clone(), PathBuf::from(format!("{LINK}.{}", version(7)))] {
        symlink(&target, bed.file(LINK)).unwrap();
        let found = inherited(&bed);
        assert_eq!(fates(&found), [(LINK.to_owned(), Fate::Repointed)]);
        assert_eq!(found.names[0].leads_to.as_deref(), Some(target.as_path()));
        assert_eq!(found.files, [old.file_name().unwrap().to_str().unwrap()]);
        fs::remove_file(bed.file(LINK)).unwrap();
    }
}

#[test]
fn a_pin_takes_over_its_own_version_only() {
    let mut bed = bed_with_store(&[Layout::Combined]);
    put(&bed.file(&format!("{LINK}.{}", version(1))), b"old");
    symlink(format!("{LINK}.{}", version(1)), bed.file(LINK)).unwrap();
    for (number, fate) in [(1, Fate::TakenOver), (2, Fate::Repointed)] {
        bed.target.id = bed.target.id.at_version(&version(number)).unwrap();
        assert_eq!(fates(&inherited(&bed)), [(LINK.to_owned(), fate)]);
    }
}

#[test]
fn the_links_of_4x_are_taken_over_or_left_as_the_layout_says() {
    let mut bed = bed_with_store(&[Layout::Split]);
    for ending in ["pem", "keyid"] {
        let name = format!("{LINK}.{}.{ending}.20260824T101112Z", version(1));
        put(&bed.file(&name), b"x");
        symlink(&name, bed.file(&format!("{LINK}.{ending}"))).unwrap();
    }
    put(&bed.file(&format!("{LINK}.luma")), b"theirs");
    let named = |ending: &str, fate: &Fate| (format!("{LINK}.{ending}"), fate.clone());
    let split = |links: Fate, metadata: Fate| {
        vec![named("pem", &links), named("keyid", &links), named("luma", &metadata)]
    };
    let found = inherited(&bed);
    assert_eq!(fates(&found), split(Fate::TakenOver, Fate::Replaced));
    assert_eq!(found.files, Vec::<String>::new());
    bed.target.layouts = vec![Layout::Combined];
    let mut expected = split(Fate::Left, Fate::Left);
    expected.insert(0, (LINK.to_owned(), made()));
    let found = inherited(&bed);
    assert_eq!(fates(&found), expected);
    assert_eq!(found.files.len(), 2);
}

#[test]
fn what_is_no_link_is_in_the_way() {
    let bed = bed_with_store(&[Layout::Combined]);
    put(&bed.file(LINK), b"a copy");
    let found = inherited(&bed);
    assert_eq!(fates(&found), [(LINK.to_owned(), Fate::InTheWay("a regular file"))]);
    fs::remove_file(bed.file(LINK)).unwrap();
    fs::create_dir(bed.file(LINK)).unwrap();
    let found = inherited(&bed);
    assert_eq!(fates(&found), [(LINK.to_owned(), Fate::InTheWay("a directory"))]);
}

#[test]
fn a_name_in_another_case_is_pointed_out() {
    let bed = bed_with_store(&[Layout::Combined]);
    symlink("x", bed.file("examplevault.mycertificate")).unwrap();
    let twin = Some("examplevault.mycertificate".to_owned());
    assert_eq!(fates(&inherited(&bed)), [(LINK.to_owned(), Fate::Made { twin })]);
}
