//! The combined layout: installing, rotating, repairing, taking over.

#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "tests damage files")]

mod bed;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use bed::{Bed, certificate, key, mode, version};
use cert_store::{
    CertificateStore, Change, Drift, Layout, ReadBefore, Standing, StoreError, StoreLocation,
};

const LINK: &str = "exampleVault.myCertificate";

fn file(number: u32) -> String {
    format!("{LINK}.{}", version(number))
}

#[test]
fn the_first_version_makes_a_file_and_a_relative_link() {
    let mut bed = Bed::new(&[Layout::Combined]);
    let content = certificate("web");
    assert_eq!(bed.standing(), Standing::Absent);
    let installed = bed.install(1, &content).unwrap();
    assert_eq!(installed.change, Change::New);
    assert_eq!(installed.paths, [bed.file(LINK)]);
    assert_eq!(installed.file, bed.file(&file(1)));
    assert_eq!(bed.link(LINK), Path::new(&file(1)));
    assert_eq!(fs::read(bed.file(LINK)).unwrap(), *key(&content).to_pem());
    assert_eq!((mode(&bed.file(LINK)), mode(&bed.path())), (0o600, 0o700));
    assert_eq!(bed.standing(), Standing::Intact);
}

#[test]
fn unchanged_means_not_a_single_write() {
    let mut bed = Bed::new(&[Layout::Combined, Layout::Split]);
    let content = certificate("web");
    bed.install(1, &content).unwrap();
    let (before, ledger) = (bed.snapshot(), bed.ledger.clone());
    let installed = bed.install(1, &content).unwrap();
    assert_eq!(installed.change, Change::Same);
    assert_eq!((bed.snapshot(), &bed.ledger), (before, &ledger));
}

#[test]
fn a_rotated_certificate_moves_the_link_and_keeps_the_previous_version() {
    let mut bed = Bed::new(&[Layout::Combined]);
    bed.install(1, &certificate("web")).unwrap();
    let installed = bed.install(2, &certificate("web")).unwrap();
    assert_eq!(installed.change, Change::Rotated);
    assert_eq!(bed.link(LINK), Path::new(&file(2)));
    assert_eq!(bed.names(), [LINK.to_owned(), file(1), file(2)]);
    assert_eq!(installed.ledger.previous.unwrap().version, version(1));
    assert_eq!(bed.retire(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn nothing_is_visible_between_the_halves_and_nothing_is_left_of_a_discarded_one() {
    let mut bed = Bed::new(&[Layout::Combined, Layout::Split]);
    bed.install(1, &certificate("web")).unwrap();
    let names = bed.names();
    let content = certificate("web");
    let version = version(2);
    let wanted = cert_store::Wanted { version: &version, content: &content };
    let (target, ledger) = (&bed.target, &bed.ledger);
    let prepared = bed.store.prepare(target, wanted, ledger, &mut |_| (), bed.now).unwrap();
    assert_eq!(bed.names().len(), names.len() + 3);
    assert_eq!(bed.standing(), Standing::Intact);
    bed.store.discard(prepared).unwrap();
    assert_eq!(bed.names(), names);
}

#[test]
fn a_generation_is_recalled_and_installed_again() {
    let mut bed = Bed::new(&[Layout::Combined]);
    let first = certificate("web");
    bed.install(1, &first).unwrap();
    bed.install(2, &certificate("web")).unwrap();
    let previous = bed.ledger.previous.clone().unwrap();
    let recalled = bed.store.recall(&bed.target, &previous, &bed.ledger).unwrap().unwrap();
    assert!(recalled == first);
    bed.install(1, &recalled).unwrap();
    assert_eq!(bed.link(LINK), Path::new(&file(1)));
    assert_eq!(bed.standing(), Standing::Intact);
}

/// Damages an installation, checks what is found, and that one pass puts it right.
fn repair(damage: impl Fn(&Bed), expected: impl Fn(&Bed) -> Drift) {
    let mut bed = Bed::new(&[Layout::Combined]);
    let content = certificate("web");
    bed.install(1, &content).unwrap();
    let before = ReadBefore::default();
    assert_eq!(bed.standing_since(&before), Standing::Intact);
    damage(&bed);
    assert_eq!(bed.standing_since(&before), Standing::Drifted(vec![expected(&bed)]));
    let installed = bed.install(1, &content).unwrap();
    assert_eq!(installed.change, Change::Repaired);
    assert_eq!(bed.standing_since(&before), Standing::Intact);
    assert_eq!(fs::read(bed.file(LINK)).unwrap(), *key(&content).to_pem());
    assert_eq!(bed.names(), [LINK.to_owned(), file(1)]);
}

#[test]
fn drift_is_named_and_repaired() {
    let path = |bed: &Bed| bed.file(&file(1));
    repair(|bed| fs::remove_file(path(bed)).unwrap(), |bed| Drift::FileMissing(path(bed)));
    repair(|bed| fs::write(path(bed), "x").unwrap(), |bed| Drift::FileChanged(path(bed)));
    let open = |bed: &Bed| fs::set_permissions(path(bed), PermissionsExt::from_mode(0o644));
    repair(|bed| open(bed).unwrap(), |bed| Drift::FileAccess(path(bed)));
    repair(
        |bed| fs::remove_file(bed.file(LINK)).unwrap(),
        |bed| Drift::LinkMissing(bed.file(LINK)),
    );
    let elsewhere = |bed: &Bed| {
        fs::remove_file(bed.file(LINK)).unwrap();
        symlink("/etc/passwd", bed.file(LINK)).unwrap();
    };
    let to = || "/etc/passwd".into();
    repair(elsewhere, |bed| Drift::LinkMoved { link: bed.file(LINK), to: to() });
    let planted = |bed: &Bed| {
        fs::remove_file(path(bed)).unwrap();
        symlink("/etc/passwd", path(bed)).unwrap();
    };
    repair(planted, |bed| Drift::FileMissing(path(bed)));
    let store = |bed: &Bed| fs::remove_dir_all(bed.path()).unwrap();
    repair(store, |bed| Drift::StoreMissing(bed.path()));
}

#[test]
fn what_is_not_ours_under_the_links_name_is_an_error_and_stays() {
    for directory in [false, true] {
        let mut bed = Bed::new(&[Layout::Combined]);
        fs::create_dir(bed.path()).unwrap();
        if directory {
            fs::create_dir(bed.file(LINK)).unwrap();
        } else {
            fs::write(bed.file(LINK), "precious").unwrap();
        }
        let error = bed.install(1, &certificate("web")).unwrap_err();
        assert!(matches!(error, StoreError::Taken { .. }) && error.is_customer());
        assert!(error.to_string().contains("customSymbolicLinkName"), "{error}");
        assert_eq!(bed.names(), [LINK]);
    }
}

#[test]
fn what_stands_in_the_way_is_foreseen_as_it_will_be_met() {
    let link = |ending| format!("{LINK}{ending}");
    for (layout, name, is_directory) in [
        (Layout::Combined, link(""), true),
        (Layout::Combined, link(""), false),
        (Layout::Split, link(".pem"), false),
        (Layout::Split, link(".keyid"), true),
        (Layout::Split, link(".luma"), true),
    ] {
        let mut bed = Bed::new(&[layout]);
        assert!(bed.store.way_in(&bed.target).is_ok(), "no store yet");
        fs::write(bed.path(), "a file").unwrap();
        assert!(bed.store.way_in(&bed.target).is_err());
        fs::remove_file(bed.path()).unwrap();
        fs::create_dir(bed.path()).unwrap();
        assert!(bed.store.way_in(&bed.target).is_ok());
        if is_directory {
            fs::create_dir(bed.file(&name)).unwrap();
        } else {
            fs::write(bed.file(&name), "precious").unwrap();
        }
        let foreseen = bed.store.way_in(&bed.target).unwrap_err();
        let met = bed.install(1, &certificate("web")).unwrap_err();
        assert_eq!(foreseen.to_string(), met.to_string());
    }
}

#[test]
fn an_existing_directory_keeps_its_mode_and_the_default_store_does_not() {
    let mut bed = Bed::new(&[Layout::Combined]);
    fs::create_dir(bed.path()).unwrap();
    fs::set_permissions(bed.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let content = certificate("web");
    bed.install(1, &content).unwrap();
    assert_eq!(mode(&bed.path()), 0o755);
    bed.target.location = StoreLocation::Directory { path: bed.path(), is_default: true };
    assert_eq!(bed.standing(), Standing::Drifted(vec![Drift::DirectoryAccess(bed.path())]));
    assert_eq!(bed.install(1, &content).unwrap().change, Change::Repaired);
    assert_eq!(mode(&bed.path()), 0o700);
    assert_eq!(bed.standing(), Standing::Intact);
}

#[test]
fn a_link_that_is_given_to_another_certificate_moves_to_it() {
    let mut bed = Bed::new(&[Layout::Combined]);
    bed.target.link_name = "web".into();
    bed.install(1, &certificate("web")).unwrap();
    bed.target.id = bed::object_id("another");
    assert_eq!(bed.standing(), Standing::Absent);
    assert_eq!(bed.install(2, &certificate("web")).unwrap().change, Change::Rotated);
    assert_eq!(bed.link("web"), Path::new(&format!("exampleVault.another.{}", version(2))));
    assert_eq!(bed.standing(), Standing::Intact);
    for number in 3..5 {
        bed.install(number, &certificate("web")).unwrap();
    }
    assert_eq!(bed.retire().len(), 2);
    assert!(!bed.file(&file(1)).exists(), "the first one's file is in the ledger too");
}
