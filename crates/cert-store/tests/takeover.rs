//! Stores that the official extension has filled, and ledgers that were lost.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests play somebody else")]

mod bed;

use std::fs;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

use bed::{Bed, certificate, key, version};
use cert_store::{Change, Layout, Ledger, Standing};
use certified_key::Content;

const LINK: &str = "exampleVault.myCertificate";

/// A file as the official extension leaves it: root's and for root only.
fn theirs(path: &Path, content: &[u8]) {
    use std::io::Write;
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path).unwrap();
    file.write_all(content).unwrap();
}

/// The same certificates and key, spelled as another program would: key first, other line ends.
fn spelled_differently(content: &Content) -> Vec<u8> {
    let key = key(content);
    let text = [key.to_key_pem().as_slice(), &key.to_chain_pem()].concat();
    String::from_utf8(text).unwrap().replace('\n', "\r\n").into_bytes()
}

fn bed_with_store(layouts: &[Layout]) -> Bed {
    let bed = Bed::new(layouts);
    fs::create_dir(bed.path()).unwrap();
    bed
}

fn identity(path: &Path) -> (u64, i64) {
    let metadata = fs::symlink_metadata(path).unwrap();
    (metadata.ino(), metadata.ctime_nsec())
}

#[test]
fn a_file_and_link_of_3x_with_the_same_content_are_taken_over_untouched() {
    let mut bed = bed_with_store(&[Layout::Combined]);
    let content = certificate("web");
    let file = bed.file(&format!("{LINK}.{}", version(1)));
    theirs(&file, &spelled_differently(&content));
    symlink(file.file_name().unwrap(), bed.file(LINK)).unwrap();
    let before = bed.snapshot();
    let installed = bed.install(1, &content).unwrap();
    assert_eq!((installed.change, installed.warnings), (Change::Adopted, Vec::new()));
    assert_eq!((bed.snapshot(), bed.standing()), (before, Standing::Intact));
    assert_eq!(bed.install(1, &content).unwrap().change, Change::Same);
    for number in 2..5 {
        bed.install(number, &certificate("web")).unwrap();
    }
    bed.retire();
    assert!(file.exists(), "what was not written is not removed");
}

#[test]
fn a_file_with_the_right_key_and_other_certificates_stays_until_the_next_version() {
    let mut bed = bed_with_store(&[Layout::Combined]);
    let content = certificate("web");
    let file = bed.file(&format!("{LINK}.{}", version(1)));
    let mut chain = key(&content).to_pem().to_vec();
    let key_pair =
        rcgen::KeyPair::from_pem(std::str::from_utf8(&key(&content).to_key_pem()).unwrap());
    let mut params = rcgen::CertificateParams::new(vec!["other".to_owned()]).unwrap();
    params.serial_number = Some(7.into());
    let other = params.self_signed(&key_pair.unwrap()).unwrap().pem();
    chain.splice(..key(&content).to_chain_pem().len(), other.into_bytes());
    theirs(&file, &chain);
    symlink(file.file_name().unwrap(), bed.file(LINK)).unwrap();
    let installed = bed.install(1, &content).unwrap();
    assert_eq!(installed.change, Change::Adopted);
    let differs = |bed: &Bed| bed.ledger.files.iter().any(|file| file.differs);
    assert!(differs(&bed));
    assert_eq!(fs::read(&file).unwrap(), chain);
    assert_eq!(bed.standing(), Standing::Intact);
    fs::remove_file(bed.file(LINK)).unwrap();
    assert_eq!(bed.install(1, &content).unwrap().change, Change::Repaired);
    assert!(differs(&bed), "putting the link right changes nothing of the file");
    fs::remove_file(&file).unwrap();
    bed.install(1, &content).unwrap();
    assert_eq!((differs(&bed), fs::read(&file).unwrap()), (false, key(&content).to_pem().to_vec()));
    bed.install(2, &certificate("web")).unwrap();
    assert_eq!(bed.link(LINK), PathBuf::from(format!("{LINK}.{}", version(2))));
}

#[test]
fn a_file_that_is_there_under_a_link_that_is_not_is_new_to_those_who_open_the_link() {
    let mut bed = bed_with_store(&[Layout::Combined]);
    let content = certificate("web");
    theirs(&bed.file(&format!("{LINK}.{}", version(1))), &key(&content).to_pem());
    symlink("an older version", bed.file(LINK)).unwrap();
    assert_eq!(bed.install(1, &content).unwrap().change, Change::New);
    bed.target.link_name = "another".into();
    bed.ledger = Ledger::default();
    assert_eq!(bed.install(1, &content).unwrap().change, Change::New);
}

#[test]
fn a_file_with_another_key_is_replaced() {
    for foreign in [key(&certificate("web")).to_pem().to_vec(), b"rubbish".to_vec(), Vec::new()] {
        let mut bed = bed_with_store(&[Layout::Combined]);
        let content = certificate("web");
        let file = bed.file(&format!("{LINK}.{}", version(1)));
        theirs(&file, &foreign);
        symlink(file.file_name().unwrap(), bed.file(LINK)).unwrap();
        assert_eq!(bed.install(1, &content).unwrap().change, Change::New);
        assert_eq!(fs::read(&file).unwrap(), *key(&content).to_pem());
    }
}

#[test]
fn an_absolute_link_of_2x_is_pointed_at_the_new_file_and_the_old_one_stays() {
    let mut bed = bed_with_store(&[Layout::Combined]);
    let content = certificate("web");
    let old = bed.file(&format!("{LINK}.{}.1600000000.1700000000.PEM", version(1)));
    theirs(&old, &key(&content).to_pem());
    symlink(&old, bed.file(LINK)).unwrap();
    bed.install(1, &content).unwrap();
    assert_eq!(bed.link(LINK), PathBuf::from(format!("{LINK}.{}", version(1))));
    for number in 2..5 {
        bed.install(number, &certificate("web")).unwrap();
    }
    bed.retire();
    assert!(old.exists());
}

#[test]
fn the_files_of_4x_are_taken_over_and_its_metadata_is_replaced() {
    let mut bed = bed_with_store(&[Layout::Combined, Layout::Split]);
    let content = certificate("web");
    let names = ["pem", "keyid"].map(|ending| {
        let name = format!("{LINK}.{}.{ending}.20260824T101112Z", version(1));
        symlink(&name, bed.file(&format!("{LINK}.{ending}"))).unwrap();
        name
    });
    theirs(&bed.file(&names[0]), &key(&content).to_chain_pem());
    theirs(&bed.file(&names[1]), &key(&content).to_key_pem());
    theirs(&bed.file(&format!("{LINK}.luma")), b"theirs");
    let before = names.each_ref().map(|name| identity(&bed.file(name)));
    bed.install(1, &content).unwrap();
    assert_eq!(names.each_ref().map(|name| identity(&bed.file(name))), before);
    assert_eq!(bed.link(&format!("{LINK}.keyid")), Path::new(&names[1]));
    assert!(fs::read(bed.file(&format!("{LINK}.luma"))).unwrap().starts_with(b"{"));
    assert_eq!(bed.standing(), Standing::Intact);
    assert_eq!(fs::read(bed.file(LINK)).unwrap(), *key(&content).to_pem());
}

#[test]
fn of_several_files_of_one_version_the_linked_one_is_taken_over() {
    let mut bed = bed_with_store(&[Layout::Split]);
    let content = certificate("web");
    for (timestamp, linked) in [(1, false), (2, true), (3, false)] {
        for (ending, text) in
            [("pem", key(&content).to_chain_pem()), ("keyid", key(&content).to_key_pem().to_vec())]
        {
            let name = format!("{LINK}.{}.{ending}.{timestamp}", version(1));
            theirs(&bed.file(&name), &text);
            if linked {
                symlink(&name, bed.file(&format!("{LINK}.{ending}"))).unwrap();
            }
        }
    }
    assert_eq!(bed.install(1, &content).unwrap().change, Change::Adopted);
    assert!(bed.link(&format!("{LINK}.pem")).to_str().unwrap().ends_with(".pem.2"));
}

#[test]
fn with_a_lost_ledger_nothing_is_written_twice_and_nothing_is_removed() {
    let mut bed = Bed::new(&[Layout::Combined, Layout::Split]);
    bed.install(1, &certificate("web")).unwrap();
    let content = certificate("web");
    bed.install(2, &content).unwrap();
    let names = bed.names();
    bed.ledger = Ledger::default();
    assert_eq!(bed.install(2, &content).unwrap().change, Change::Adopted);
    assert_eq!((bed.names(), bed.standing()), (names.clone(), Standing::Intact));
    for number in 3..7 {
        bed.install(number, &certificate("web")).unwrap();
    }
    bed.retire();
    bed.retire();
    for name in names {
        assert!(fs::metadata(bed.file(&name)).is_ok(), "{name} is gone");
    }
}
