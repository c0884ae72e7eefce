//! The split layout: chain and key in two files, a metadata file that comes last.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests damage files"
)]

mod bed;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use bed::{Bed, certificate, key, mode, version};
use cert_store::{CertificateStore, Change, Drift, Layout, Standing, StoreError};
use certified_key::Content;
use serde_json::Value;
use zeroize::Zeroizing;

const LINK: &str = "exampleVault.myCertificate";

fn luma(bed: &Bed) -> Value {
    serde_json::from_slice(&fs::read(bed.file(&format!("{LINK}.luma"))).unwrap()).unwrap()
}

fn linked(bed: &Bed, ending: &str) -> String {
    bed.link(&format!("{LINK}{ending}")).to_str().unwrap().to_owned()
}

#[test]
fn the_files_are_named_as_the_official_extension_names_them() {
    let mut bed = Bed::new(&[Layout::Split]);
    let content = certificate("web");
    let installed = bed.install(1, &content).unwrap();
    let chain = format!("{LINK}.{}.pem.1700000600", version(1));
    let private = format!("{LINK}.{}.keyid.1700000600", version(1));
    assert_eq!((linked(&bed, ".pem"), linked(&bed, ".keyid")), (chain.clone(), private.clone()));
    assert_eq!(fs::read(bed.file(&chain)).unwrap(), key(&content).to_chain_pem());
    assert_eq!(fs::read(bed.file(&private)).unwrap(), *key(&content).to_key_pem());
    let paths = [".pem", ".keyid", ".luma"].map(|ending| bed.file(&format!("{LINK}{ending}")));
    assert_eq!(installed.paths, paths);
    assert_eq!(paths.each_ref().map(|path| mode(path)), [0o600, 0o600, 0o644]);
    assert_eq!(bed.standing(), Standing::Intact);
}

#[test]
fn the_metadata_file_keeps_to_its_schema_and_says_what_belongs_together() {
    let mut bed = Bed::new(&[Layout::Split]);
    let schema: Value = serde_json::from_str(include_str!("../schema/luma.schema.json")).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    for number in [1, 2] {
        let content = certificate("web.example.org");
        bed.install(number, &content).unwrap();
        let luma = luma(&bed);
        let errors: Vec<_> = schema.iter_errors(&luma).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?} in {luma:#}");
        assert_eq!(luma["version"], version(number));
        assert_eq!(luma["certificate"]["name"], linked(&bed, ".pem"));
        assert_eq!(luma["key"]["name"], linked(&bed, ".keyid"));
        assert_eq!(luma["leaf"]["dnsNames"][0], "web.example.org");
    }
}

#[test]
fn each_of_the_three_is_repaired() {
    let damages: [fn(&Bed); 4] = [
        |bed| fs::remove_file(bed.file(&format!("{LINK}.luma"))).unwrap(),
        |bed| fs::write(bed.file(&format!("{LINK}.luma")), "{}").unwrap(),
        |bed| fs::remove_file(bed.file(&linked(bed, ".keyid"))).unwrap(),
        |bed| {
            fs::remove_file(bed.file(&format!("{LINK}.pem"))).unwrap();
            symlink("elsewhere", bed.file(&format!("{LINK}.pem"))).unwrap();
        },
    ];
    for damage in damages {
        let mut bed = Bed::new(&[Layout::Split]);
        let content = certificate("web");
        bed.install(1, &content).unwrap();
        let names = bed.names();
        damage(&bed);
        assert!(matches!(bed.standing(), Standing::Drifted(drifts) if drifts.len() == 1));
        assert_eq!(bed.install(1, &content).unwrap().change, Change::Repaired);
        assert_eq!((bed.standing(), bed.names()), (Standing::Intact, names));
    }
}

#[test]
fn another_layout_is_added_and_the_first_one_stays() {
    let mut bed = Bed::new(&[Layout::Combined]);
    let content = certificate("web");
    bed.install(1, &content).unwrap();
    bed.target.layouts = vec![Layout::Combined, Layout::Split];
    let Standing::Drifted(drifts) = bed.standing() else { panic!("a layout is missing") };
    assert_eq!(drifts[0], Drift::LayoutMissing(Layout::Split));
    bed.install(1, &content).unwrap();
    assert_eq!((bed.standing(), bed.names().len()), (Standing::Intact, 7));
    bed.target.layouts = vec![Layout::Combined];
    bed.install(2, &certificate("web")).unwrap();
    bed.install(3, &certificate("web")).unwrap();
    bed.install(4, &certificate("web")).unwrap();
    bed.retire();
    for ending in ["", ".pem", ".keyid", ".luma"] {
        let path = bed.file(&format!("{LINK}{ending}"));
        assert!(fs::metadata(&path).is_ok(), "{path:?} leads nowhere");
    }
}

#[test]
fn the_layouts_that_are_there_are_found() {
    let mut bed = Bed::new(&[Layout::Split]);
    let found = |bed: &Bed| bed.store.layouts_found(&bed.target.location, LINK).unwrap();
    assert!(found(&bed).is_empty());
    bed.install(1, &certificate("web")).unwrap();
    assert_eq!(found(&bed), [Layout::Split]);
    bed.target.layouts.push(Layout::Combined);
    bed.install(1, &certificate("web")).unwrap();
    assert_eq!(found(&bed), [Layout::Combined, Layout::Split]);
}

#[test]
fn a_plain_secret_is_one_file_and_cannot_be_split() {
    let mut bed = Bed::new(&[Layout::Combined]);
    let content = Content::Opaque(Zeroizing::new(b"password".to_vec()));
    bed.install(1, &content).unwrap();
    assert_eq!(fs::read(bed.file(LINK)).unwrap(), b"password");
    let active = bed.ledger.active.clone().unwrap();
    let recalled = bed.store.recall(&bed.target, &active, &bed.ledger).unwrap().unwrap();
    assert!(recalled == content);
    bed.target.layouts = vec![Layout::Split];
    let error = bed.install(2, &content).unwrap_err();
    assert!(matches!(error, StoreError::NotSplittable { .. }), "{error}");
}

#[test]
fn a_recalled_pair_is_one_certificate_again() {
    let mut bed = Bed::new(&[Layout::Split]);
    let content = certificate("web");
    bed.install(1, &content).unwrap();
    let active = bed.ledger.active.clone().unwrap();
    assert!(bed.store.recall(&bed.target, &active, &bed.ledger).unwrap().unwrap() == content);
    fs::write(bed.file(Path::new(&linked(&bed, ".keyid")).to_str().unwrap()), "x").unwrap();
    assert!(bed.store.recall(&bed.target, &active, &bed.ledger).unwrap().is_none());
}
