//! What is left behind by grants that are gone, by a name service that is away, and by passes that
//! were killed before their switch.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests read as others")]

mod bed;
#[path = "bed/people.rs"]
mod people;

use std::ffi::OsStr;
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use atomic_file::{Call, Gate};
use bed::{Bed, certificate, target, version};
use cert_store::{
    Announcement, CertificateStore, Change, DirectoryStore, Drift, Layout, Ledger, Retain,
    Standing, Target, Wanted,
};
use certified_key::Content;
use people::{ALICE, STRANGER, WWW, check_readable, group, list, reachable, user};

const LINK: &str = "exampleVault.myCertificate";

#[test]
fn search_permission_goes_with_the_grant() {
    let (mut bed, _) =
        reachable(&[Layout::Combined], &[user("alice"), user("61004"), group("www")]);
    let content = certificate("web");
    bed.install(1, &content).unwrap();
    assert_eq!(list(&bed.path()), "u::7 u:61001:1 u:61004:1 g::0 g:61003:1 m::1 o::0");
    bed.target.grants = vec![user("alice")];
    bed.install(1, &content).unwrap();
    bed.retire();
    assert_eq!(list(&bed.path()), "u::7 u:61001:1 g::0 m::1 o::0");
    check_readable(&bed.file(LINK), ALICE, ALICE, true);
    check_readable(&bed.file(LINK), STRANGER, WWW, false);
    bed.target.grants.clear();
    bed.install(1, &content).unwrap();
    bed.retire();
    assert_eq!((list(&bed.path()).as_str(), bed.standing()), ("700", Standing::Intact));
    assert_eq!(bed.ledger.grantees, []);
    let after = bed.snapshot();
    assert_eq!(bed.install(1, &content).unwrap().change, Change::Same);
    bed.retire();
    assert_eq!(bed.snapshot(), after);
}

#[test]
fn read_access_to_older_versions_goes_with_the_grant() {
    let layouts = [Layout::Combined, Layout::Split];
    let (mut bed, _) = reachable(&layouts, &[user("alice"), group("www")]);
    let content = certificate("web");
    bed.install(1, &certificate("web")).unwrap();
    bed.install(2, &content).unwrap();
    bed.target.grants = vec![group("www")];
    bed.install(2, &content).unwrap();
    bed.retire();
    let older = bed.ledger.files.iter().filter(|file| file.superseded.is_some());
    let older: Vec<_> = older.map(|file| bed.file(&file.name)).collect();
    assert_eq!(older.len(), 3);
    for file in older {
        assert_eq!(list(&file), "u::6 g::0 g:61003:4 m::4 o::0", "{file:?}");
        check_readable(&file, ALICE, ALICE, false);
    }
    assert_eq!((bed.ledger.grantees.len(), bed.standing()), (1, Standing::Intact));
    let after = bed.snapshot();
    bed.retire();
    assert_eq!(bed.snapshot(), after);
}

#[test]
fn search_permission_stays_while_another_target_grants_it_or_gave_more() {
    let (mut bed, _) = reachable(&[Layout::Combined], &[user("alice"), user("61004")]);
    let content = certificate("web");
    bed.install(1, &content).unwrap();
    let mut other = target(&bed.path().join("below"), "other", &[Layout::Combined]);
    other.grants = vec![user("alice")];
    let mut ledger = install(&bed, &other, &content);
    // The administrator lets one of them list the store.
    setfacl("u:61004:rx", &bed);
    bed.target.grants.clear();
    bed.install(1, &content).unwrap();
    let mut targets = [(&bed.target, &mut bed.ledger), (&other, &mut ledger)];
    let retirement = bed.store.retire(&mut targets, bed.now);
    assert!(retirement.problems.is_empty(), "{:?}", retirement.problems);
    assert_eq!(list(&bed.path()), "u::7 u:61001:1 u:61004:5 g::0 m::5 o::0");
    assert_eq!(bed.ledger.grantees, []);
}

#[test]
fn a_permission_that_could_not_be_taken_back_is_taken_back_by_the_next_pass() {
    let (mut bed, people) = reachable(&[Layout::Combined], &[user("alice")]);
    let content = certificate("web");
    bed.install(1, &content).unwrap();
    bed.target.grants.clear();
    bed.install(1, &content).unwrap();
    let failing = DirectoryStore::new().with_accounts(people).through(Arc::new(NoLists));
    let healthy = std::mem::replace(&mut bed.store, failing);
    let retirement = bed.store.retire(&mut [(&bed.target, &mut bed.ledger)], bed.now);
    assert_eq!(retirement.problems.len(), 1, "{:?}", retirement.problems);
    assert_eq!(list(&bed.path()), "u::7 u:61001:1 g::0 m::1 o::0");
    bed.store = healthy;
    bed.retire();
    assert_eq!((list(&bed.path()).as_str(), bed.ledger.grantees.len()), ("700", 0));
}

/// Sets no access-control list.
struct NoLists;

impl Gate for NoLists {
    fn enter(&self, call: Call, _: &OsStr) -> io::Result<()> {
        if call == Call::SetAcl { Err(io::Error::other("not now")) } else { Ok(()) }
    }
}

#[test]
fn files_of_the_certificate_that_a_link_led_to_before_keep_their_access() {
    let (mut bed, _) = reachable(&[Layout::Combined], &[user("alice")]);
    let former = bed.install(1, &certificate("web")).unwrap().file;
    let expected = list(&former);
    let link_name = bed.target.link_name.clone();
    bed.target = Target { link_name, ..target(&bed.path(), "another", &[Layout::Combined]) };
    bed.install(2, &certificate("web")).unwrap();
    assert!(bed.ledger.files.iter().any(|file| file.superseded.is_some()));
    bed.retire();
    assert_eq!(list(&former), expected, "it may be in use by its own link");
}

#[test]
fn a_directory_that_was_there_before_keeps_its_list() {
    let (mut bed, _) = reachable(&[Layout::Combined], &[user("alice")]);
    fs::create_dir(bed.path()).unwrap();
    setfacl("u:61001:x", &bed);
    let before = list(&bed.path());
    let content = certificate("web");
    bed.install(1, &content).unwrap();
    bed.target.grants.clear();
    bed.install(1, &content).unwrap();
    bed.retire();
    assert_eq!(list(&bed.path()), before);
}

#[test]
fn a_name_service_that_is_away_takes_no_key_from_anybody() {
    let (mut bed, people) = reachable(&[Layout::Combined], &[user("alice"), group("www")]);
    let contents = [certificate("web"), certificate("web")];
    let file = bed.install(1, &contents[0]).unwrap().file;
    let expected = list(&file);
    people.leave("alice");
    assert_eq!((list(&file), bed.standing()), (expected.clone(), Standing::Intact));
    let warnings = bed.store.grant_warnings(&bed.target, &bed.ledger);
    let warning = &warnings[0];
    assert!(warning.contains("the grant for user \"alice\" stays as it was"), "{warning}");
    let rotated = bed.install(2, &contents[1]).unwrap();
    assert_eq!(list(&rotated.file), expected);
    assert_eq!(rotated.warnings.len(), 1);
    check_readable(&bed.file(LINK), ALICE, ALICE, true);
    // Back, with another id: the old one has access no more.
    people.arrive("alice", STRANGER);
    assert_eq!(
        bed.standing(),
        Standing::Drifted(vec![
            Drift::DirectoryAccess(bed.path()),
            Drift::FileAccess(rotated.file.clone()),
        ])
    );
    bed.install(2, &contents[1]).unwrap();
    bed.retire();
    assert_eq!(list(&rotated.file), "u::6 u:61004:4 g::0 g:61003:4 m::4 o::0");
    assert_eq!(list(&bed.path()), "u::7 u:61004:1 g::0 g:61003:1 m::1 o::0");
    assert!(bed.store.grant_warnings(&bed.target, &bed.ledger).is_empty());
}

#[test]
fn a_file_of_a_pass_that_was_killed_before_the_switch_goes_if_it_is_never_installed() {
    for retain in [Retain::Versions(2), Retain::Versions(9), Retain::All] {
        let mut bed = Bed::new(&[Layout::Combined, Layout::Split]);
        bed.target.retain = retain;
        let contents = [certificate("web"), certificate("web"), certificate("web")];
        bed.install(1, &contents[0]).unwrap();
        let before = bed.names();
        killed_before_the_switch(&mut bed, 2, &contents[1]);
        assert_eq!((bed.names().len(), bed.standing()), (before.len() + 3, Standing::Intact));
        // Less than a minute later it could still be wanted.
        bed.store.retire(&mut [(&bed.target, &mut bed.ledger)], bed.now + Duration::from_secs(59));
        assert_eq!(bed.names().len(), before.len() + 3);
        assert_eq!(bed.retire().len(), 3);
        assert_eq!((bed.names(), bed.standing()), (before, Standing::Intact));
        let after = bed.snapshot();
        assert_eq!(bed.install(1, &contents[0]).unwrap().change, Change::Same);
        assert_eq!(bed.snapshot(), after);
        bed.install(3, &contents[2]).unwrap();
        assert_eq!(bed.ledger.previous.as_ref().unwrap().version, version(1));
    }
}

#[test]
fn a_file_of_a_pass_that_was_killed_before_the_switch_is_used_if_it_is_installed_after_all() {
    let mut bed = Bed::new(&[Layout::Combined, Layout::Split]);
    let content = certificate("web");
    killed_before_the_switch(&mut bed, 1, &content);
    let names = bed.names();
    assert_eq!(bed.standing(), Standing::Absent);
    let installed = bed.install(1, &content).unwrap();
    assert_eq!(installed.change, Change::New, "it was ours, so nothing was taken over");
    assert_eq!(bed.names().len(), names.len() + 4);
    assert!(bed.ledger.files.iter().all(|file| !file.prepared && !file.adopted));
    assert!(bed.retire().is_empty());
    assert_eq!(bed.install(1, &content).unwrap().change, Change::Same);
    assert!(bed.announced.is_none(), "nothing was about to be made");
}

#[test]
fn what_was_about_to_be_made_and_is_somebody_elses_stays() {
    let mut bed = Bed::new(&[Layout::Combined]);
    let contents = [certificate("web"), certificate("web")];
    bed.install(1, &contents[0]).unwrap();
    killed_before_the_switch(&mut bed, 2, &contents[1]);
    let file = format!("{LINK}.{}", version(2));
    std::os::unix::fs::symlink(&file, bed.file("an administrator's link")).unwrap();
    assert!(bed.retire().is_empty());
    fs::remove_file(bed.file("an administrator's link")).unwrap();
    assert_eq!(bed.retire(), [bed.file(&file)]);
}

/// The first half of an installation; what is known of it afterwards is what was announced.
fn killed_before_the_switch(bed: &mut Bed, number: u32, content: &Content) {
    let version = version(number);
    let wanted = Wanted { version: &version, content };
    let mut announced = None;
    let mut announce = |told: &Announcement<'_>| announced = Some(told.ahead.clone());
    let (target, ledger) = (&bed.target, &bed.ledger);
    bed.store.prepare(target, wanted, ledger, &mut announce, bed.now).unwrap();
    bed.ledger = announced.unwrap();
}

fn install(bed: &Bed, target: &cert_store::Target, content: &Content) -> Ledger {
    let version = version(1);
    let wanted = Wanted { version: &version, content };
    let nothing = Ledger::default();
    let store: &DirectoryStore = &bed.store;
    let prepared = store.prepare(target, wanted, &nothing, &mut |_| (), bed.now).unwrap();
    store.switch(prepared).unwrap().ledger
}

fn setfacl(entry: &str, bed: &Bed) {
    let mut setfacl = std::process::Command::new("setfacl");
    assert!(setfacl.args(["-m", entry]).arg(bed.path()).status().unwrap().success());
}
