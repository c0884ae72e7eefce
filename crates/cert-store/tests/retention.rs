//! Which old versions go, and what keeps them.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests play somebody else")]

mod bed;

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use bed::{Bed, certificate, object_id, target, version};
use cert_store::{CertificateStore, DirectoryStore, Layout, Ledger, Retain, Target, Wanted};
use certified_key::Content;

const LINK: &str = "exampleVault.myCertificate";

fn file(number: u32) -> String {
    format!("{LINK}.{}", version(number))
}

/// A store in which versions 1 to `newest` were installed.
fn rotated(newest: u32, retain: Retain) -> Bed {
    let mut bed = Bed::new(&[Layout::Combined]);
    bed.target.retain = retain;
    for number in 1..=newest {
        bed.install(number, &certificate("web")).unwrap();
    }
    bed
}

fn left(bed: &Bed) -> Vec<u32> {
    (0..20).filter(|&number| bed.file(&file(number)).exists()).collect()
}

#[test]
fn the_current_and_the_previous_version_stay_unless_more_are_asked_for() {
    for (retain, expected) in [
        (Retain::Versions(2), vec![4, 5]),
        (Retain::Versions(0), vec![4, 5]),
        (Retain::Versions(4), vec![2, 3, 4, 5]),
        (Retain::All, vec![1, 2, 3, 4, 5]),
    ] {
        let mut bed = rotated(5, retain);
        assert_eq!(bed.retire().len(), 5 - expected.len());
        assert_eq!(left(&bed), expected);
        assert_eq!(bed.ledger.files.len(), expected.len());
        assert!(bed.retire().is_empty());
    }
}

#[test]
fn the_files_of_the_split_layout_go_together() {
    let mut bed = Bed::new(&[Layout::Split, Layout::Combined]);
    for number in 1..=4 {
        bed.install(number, &certificate("web")).unwrap();
    }
    assert_eq!(bed.retire().len(), 6);
    assert_eq!(bed.names().len(), 4 + 2 * 3);
}

#[test]
fn nothing_goes_within_a_minute() {
    let mut bed = Bed::new(&[Layout::Combined]);
    for number in 1..=3 {
        bed.install(number, &certificate("web")).unwrap();
        bed.now -= Duration::from_secs(600); // all within one moment
    }
    let mut retire = |seconds: u64| {
        let now = bed.now + Duration::from_secs(600 + seconds);
        bed.store.retire(&mut [(&bed.target, &mut bed.ledger)], now).removed.len()
    };
    assert_eq!([retire(0), retire(59), retire(60)], [0, 0, 1]);
}

#[test]
fn a_link_keeps_its_file_whoever_made_it_and_however_it_leads_there() {
    let mut bed = rotated(1, Retain::Versions(2));
    symlink(file(1), bed.file("relative")).unwrap();
    bed.install(2, &certificate("web")).unwrap();
    symlink(bed.file(&file(2)), bed.file("absolute")).unwrap();
    bed.install(3, &certificate("web")).unwrap();
    symlink(format!("../store/./{}", file(3)), bed.file("roundabout")).unwrap();
    symlink("roundabout", bed.file("chained")).unwrap();
    for number in 4..=7 {
        bed.install(number, &certificate("web")).unwrap();
    }
    bed.retire();
    assert_eq!(left(&bed), [1, 2, 3, 6, 7]);
    fs::remove_file(bed.file("absolute")).unwrap();
    bed.retire();
    assert_eq!(left(&bed), [1, 3, 6, 7]);
}

#[test]
fn what_the_ledger_does_not_know_stays() {
    let mut bed = rotated(4, Retain::Versions(2));
    fs::write(bed.file(&file(9)), "another's").unwrap();
    bed.ledger.files.retain(|entry| entry.version != version(1));
    bed.retire();
    assert_eq!(left(&bed), [1, 3, 4, 9]);
}

/// Installs a version for a second target in the bed's store.
fn install(bed: &Bed, target: &Target, number: u32, content: &Content, ledger: &mut Ledger) {
    let version = version(number);
    let wanted = Wanted { version: &version, content };
    let prepared = bed.store.prepare(target, wanted, ledger, &mut |_| (), bed.now).unwrap();
    *ledger = bed.store.switch(prepared).unwrap().ledger;
}

#[test]
fn a_pinned_entry_keeps_its_version() {
    let mut bed = rotated(4, Retain::Versions(2));
    let mut pinned = target(&bed.path(), "MYCERTIFICATE", &[Layout::Combined]);
    pinned.id = object_id("MYCERTIFICATE").at_version(&version(1)).unwrap();
    pinned.link_name = "pinned".into();
    let now = bed.now + Duration::from_secs(600);
    let mut nothing = Ledger::default();
    let mut targets = [(&bed.target, &mut bed.ledger), (&pinned, &mut nothing)];
    let removed = bed.store.retire(&mut targets, now).removed;
    assert_eq!(removed, [bed.file(&file(2))]);
}

#[test]
fn what_one_of_two_targets_needs_is_kept_for_both() {
    let mut bed = rotated(1, Retain::Versions(2));
    let mut other = bed.target.clone();
    other.link_name = "other".into();
    let mut ledger = Ledger::default();
    install(&bed, &other, 1, &certificate("web"), &mut ledger);
    for number in 2..=4 {
        bed.install(number, &certificate("web")).unwrap();
    }
    fs::remove_file(bed.file("other")).unwrap();
    let retire = |bed: &mut Bed, ledger: &mut Ledger| {
        bed.now += Duration::from_secs(600);
        let mut targets = [(&bed.target, &mut bed.ledger), (&other, ledger)];
        bed.store.retire(&mut targets, bed.now);
    };
    retire(&mut bed, &mut ledger);
    assert_eq!(left(&bed), [1, 3, 4], "version 1 is the other's active one");
    install(&bed, &other, 3, &certificate("web"), &mut ledger);
    install(&bed, &other, 4, &certificate("web"), &mut ledger);
    retire(&mut bed, &mut ledger);
    assert_eq!(left(&bed), [3, 4]);
    assert!(ledger.files.iter().all(|entry| entry.version != version(1)));
}

#[test]
fn a_file_that_one_of_two_targets_wrote_and_the_other_found_goes_like_any_other() {
    let mut bed = Bed::new(&[Layout::Combined]);
    let mut other = bed.target.clone();
    other.link_name = "other".into();
    let mut ledger = Ledger::default();
    for number in 1..=4 {
        let content = certificate("web");
        bed.install(number, &content).unwrap();
        install(&bed, &other, number, &content, &mut ledger);
    }
    bed.now += Duration::from_secs(600);
    let mut targets = [(&bed.target, &mut bed.ledger), (&other, &mut ledger)];
    bed.store.retire(&mut targets, bed.now);
    assert_eq!(left(&bed), [3, 4]);
}

#[test]
fn a_clock_that_was_wrong_only_delays() {
    let mut bed = rotated(4, Retain::Versions(2));
    let years_ago = bed.now - Duration::from_secs(100_000_000);
    let mut retire = |seconds: u64| {
        let now = years_ago + Duration::from_secs(seconds);
        bed.store.retire(&mut [(&bed.target, &mut bed.ledger)], now).removed.len()
    };
    assert_eq!([retire(0), retire(59), retire(60)], [0, 0, 2]);
}

#[test]
fn a_file_that_is_gone_already_leaves_the_ledger() {
    let mut bed = rotated(4, Retain::Versions(2));
    fs::remove_file(bed.file(&file(1))).unwrap();
    assert_eq!(bed.retire(), [bed.file(&file(2))]);
    assert_eq!(bed.ledger.files.len(), 2);
}

#[test]
fn a_store_that_cannot_be_read_is_a_problem_and_the_ledger_stays() {
    let mut bed = rotated(4, Retain::Versions(2));
    let aside = bed.folder.path().join("aside");
    fs::rename(bed.path(), &aside).unwrap();
    assert!(bed.retire().is_empty());
    fs::write(bed.path(), "a file").unwrap();
    bed.now += Duration::from_secs(600);
    let mut targets = [(&bed.target, &mut bed.ledger)];
    let retirement = DirectoryStore::new().retire(&mut targets, bed.now);
    assert_eq!(retirement.problems.len(), 1);
    assert_eq!(bed.ledger.files.len(), 4);
}
