//! Read access for users and groups.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests read as others")]
#![allow(clippy::panic, reason = "tests")]

mod bed;
#[path = "bed/people.rs"]
mod people;

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use atomic_file::{Call, Gate};
use bed::{certificate, mode};
use cert_store::{
    CertificateStore, Change, DirectoryStore, Drift, Layout, Standing, StoreLocation,
};
use people::{ALICE, BOB, STRANGER, WWW, check_readable, group, list, reachable, user};
use rustix::io::Errno;

const LINK: &str = "exampleVault.myCertificate";
#[test]
fn those_who_are_granted_access_can_read_and_nobody_else() {
    let grants = [user("alice"), user("61002"), group("www")];
    let (mut bed, _) = reachable(&[Layout::Combined, Layout::Split], &grants);
    let installed = bed.install(1, &certificate("web")).unwrap();
    assert_eq!(installed.warnings, Vec::<String>::new());
    let expected = "u::6 u:61001:4 u:61002:4 g::0 g:61003:4 m::4 o::0";
    for name in ["", ".pem", ".keyid"].map(|ending| format!("{LINK}{ending}")) {
        assert_eq!(list(&bed.path().join(bed.link(&name))), expected);
        for (id, group, may) in [(ALICE, ALICE, true), (BOB, BOB, true), (STRANGER, WWW, true)] {
            check_readable(&bed.file(&name), id, group, may);
        }
        check_readable(&bed.file(&name), STRANGER, STRANGER, false);
    }
    assert_eq!(list(&bed.path()), "u::7 u:61001:1 u:61002:1 g::0 g:61003:1 m::1 o::0");
    assert_eq!(mode(&bed.file(&format!("{LINK}.luma"))), 0o644);
    let before = bed.snapshot();
    assert_eq!(bed.standing(), Standing::Intact);
    let content = bed.store.recall(&bed.target, &bed.ledger.active.clone().unwrap(), &bed.ledger);
    assert_eq!(bed.install(1, &content.unwrap().unwrap()).unwrap().change, Change::Same);
    assert_eq!(bed.snapshot(), before);
}

#[test]
fn a_changed_list_is_repaired_as_a_whole() {
    let (mut bed, _) = reachable(&[Layout::Combined], &[user("alice")]);
    let content = certificate("web");
    let file = bed.install(1, &content).unwrap().file;
    let expected = list(&file);
    // The group's bits are the mask: this takes alice's access away.
    fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    assert_eq!(bed.standing(), Standing::Drifted(vec![Drift::FileAccess(file.clone())]));
    bed.install(1, &content).unwrap();
    assert_eq!(list(&file), expected);
    bed.target.grants = vec![user("61002")];
    assert_eq!(bed.install(1, &content).unwrap().change, Change::Repaired);
    assert_eq!(list(&file), "u::6 u:61002:4 g::0 m::4 o::0");
    bed.target.grants.clear();
    assert_eq!(bed.install(1, &content).unwrap().change, Change::Repaired);
    assert_eq!((list(&file).as_str(), bed.standing()), ("600", Standing::Intact));
}

#[test]
fn an_unknown_user_holds_nothing_back_and_gets_access_once_known() {
    let (mut bed, people) = reachable(&[Layout::Combined], &[user("alice"), user("carol")]);
    let content = certificate("web");
    let installed = bed.install(1, &content).unwrap();
    assert_eq!(list(&installed.file), "u::6 u:61001:4 g::0 m::4 o::0");
    assert_eq!(installed.warnings, bed.store.grant_warnings(&bed.target, &bed.ledger));
    assert!(installed.warnings[0].contains("user \"carol\""), "{:?}", installed.warnings);
    assert_eq!(bed.standing(), Standing::Intact);
    people.arrive("carol", STRANGER);
    let Standing::Drifted(_) = bed.standing() else { panic!("carol has no access yet") };
    let installed = bed.install(1, &content).unwrap();
    assert_eq!(list(&installed.file), "u::6 u:61001:4 u:61004:4 g::0 m::4 o::0");
    assert!(installed.warnings.is_empty());
    check_readable(&bed.file(LINK), STRANGER, STRANGER, true);
}

#[test]
fn a_directory_that_nobody_can_pass_is_named() {
    let (mut bed, _) = reachable(&[Layout::Combined], &[user("alice"), group("www")]);
    fs::set_permissions(bed.folder.path(), PermissionsExt::from_mode(0o700)).unwrap();
    let installed = bed.install(1, &certificate("web")).unwrap();
    assert_eq!(installed.warnings.len(), 1);
    let warning = &installed.warnings[0];
    for part in
        ["group \"www\", user \"alice\"", "AKVVM_GRANT_ANCESTORS", "certificateStoreLocation"]
    {
        assert!(warning.contains(part), "{warning}");
    }
    assert!(warning.contains(&format!("{:?};", bed.folder.path())), "{warning}");
    assert_eq!(mode(bed.folder.path()), 0o700, "not ours to change");
    check_readable(&bed.file(LINK), ALICE, ALICE, false);
    assert_eq!(bed.standing(), Standing::Intact);
}

#[test]
fn the_administrator_may_have_all_directories_opened() {
    let (mut bed, people) = reachable(&[Layout::Combined], &[user("alice")]);
    fs::set_permissions(bed.folder.path(), PermissionsExt::from_mode(0o700)).unwrap();
    let content = certificate("web");
    bed.install(1, &content).unwrap();
    bed.store = DirectoryStore::new().with_accounts(people).granting_ancestors(true);
    let folder = bed.folder.path().to_owned();
    assert_eq!(bed.standing(), Standing::Drifted(vec![Drift::DirectoryAccess(folder)]));
    let installed = bed.install(1, &content).unwrap();
    assert_eq!((installed.change, installed.warnings), (Change::Repaired, Vec::new()));
    assert_eq!(list(bed.folder.path()), "u::7 u:61001:1 g::0 m::1 o::0");
    assert_eq!(bed.standing(), Standing::Intact);
    check_readable(&bed.file(LINK), ALICE, ALICE, true);
    check_readable(&bed.file(LINK), STRANGER, STRANGER, false);
}

#[test]
fn a_directory_that_was_there_before_is_not_opened() {
    let (mut bed, _) = reachable(&[Layout::Combined], &[user("alice")]);
    fs::create_dir(bed.path()).unwrap();
    fs::set_permissions(bed.path(), PermissionsExt::from_mode(0o700)).unwrap();
    let installed = bed.install(1, &certificate("web")).unwrap();
    assert_eq!((installed.warnings.len(), list(&bed.path()).as_str()), (1, "700"));
    assert!(bed.ledger.directories.is_empty());
}

#[test]
fn directories_that_were_made_are_remembered_for_every_target_below_them() {
    let (mut bed, people) = reachable(&[Layout::Combined], &[]);
    let content = certificate("web");
    let path = bed.path().join("deep/store");
    bed.target.location = StoreLocation::Directory { path: path.clone(), is_default: false };
    bed.install(1, &content).unwrap();
    let made = bed.ledger.directories.clone();
    assert_eq!(
        made,
        [bed.folder.path().join("store"), path.parent().unwrap().into(), path.clone()]
    );
    let restarted = DirectoryStore::new().with_accounts(people);
    bed.store = restarted;
    bed.target.grants = vec![user("alice")];
    let installed = bed.install(1, &content).unwrap();
    assert!(installed.warnings.is_empty(), "{:?}", installed.warnings);
    assert!(made.iter().all(|path| list(path) == "u::7 u:61001:1 g::0 m::1 o::0"));
    assert_eq!(bed.ledger.directories, made);
}

#[test]
fn directories_that_were_made_behind_a_link_are_the_extensions_own() {
    let (mut bed, _) = reachable(&[Layout::Combined], &[user("alice")]);
    let folder = bed.folder.path().to_owned();
    fs::create_dir(folder.join("real")).unwrap();
    fs::set_permissions(folder.join("real"), PermissionsExt::from_mode(0o755)).unwrap();
    for (name, target) in [("relative", "../x/../real".into()), ("absolute", folder.join("real"))] {
        fs::create_dir_all(folder.join("x")).unwrap();
        let link = folder.join("x").join(name);
        std::os::unix::fs::symlink(target, &link).unwrap();
        let path = link.join(name).join("store");
        bed.target.location = StoreLocation::Directory { path: path.clone(), is_default: false };
        bed.ledger = Default::default();
        let installed = bed.install(1, &certificate("web")).unwrap();
        assert!(installed.warnings.is_empty(), "{:?}", installed.warnings);
        assert_eq!(bed.ledger.directories, [link.join(name), path.clone()]);
        check_readable(&path.join(LINK), ALICE, ALICE, true);
        assert_eq!(bed.standing(), Standing::Intact);
    }
}

#[test]
fn the_default_store_is_closed_to_everyone_else() {
    let (mut bed, _) = reachable(&[Layout::Combined], &[user("alice")]);
    fs::create_dir(bed.path()).unwrap();
    fs::set_permissions(bed.path(), PermissionsExt::from_mode(0o777)).unwrap();
    bed.target.location = StoreLocation::Directory { path: bed.path(), is_default: true };
    let content = certificate("web");
    bed.install(1, &content).unwrap();
    assert_eq!(list(&bed.path()), "u::7 u:61001:1 g::0 m::1 o::0");
    fs::set_permissions(bed.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let Standing::Drifted(_) = bed.standing() else { panic!("others may search it") };
    bed.install(1, &content).unwrap();
    assert_eq!((mode(&bed.path()) & 0o007, bed.standing()), (0, Standing::Intact));
    check_readable(&bed.file(LINK), ALICE, ALICE, true);
}

#[test]
fn a_default_list_of_the_directory_opens_no_file() {
    let (mut bed, _) = reachable(&[Layout::Combined], &[]);
    fs::create_dir(bed.path()).unwrap();
    fs::set_permissions(bed.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let everyone: [u8; 44] = [
        2, 0, 0, 0, 1, 0, 7, 0, 255, 255, 255, 255, 2, 0, 7, 0, 73, 238, 0, 0, 4, 0, 7, 0, 255,
        255, 255, 255, 16, 0, 7, 0, 255, 255, 255, 255, 32, 0, 7, 0, 255, 255, 255, 255,
    ];
    let store = fs::File::open(bed.path()).unwrap();
    let flags = rustix::fs::XattrFlags::empty();
    rustix::fs::fsetxattr(&store, "system.posix_acl_default", &everyone, flags).unwrap();
    let file = bed.install(1, &certificate("web")).unwrap().file;
    assert_eq!(list(&file), "600");
    assert_eq!(bed.standing(), Standing::Intact);
}

/// A file system without access-control lists.
struct Listless;

impl Gate for Listless {
    fn enter(&self, call: Call, name: &OsStr) -> io::Result<()> {
        let about_lists = call == Call::SetAcl || call == Call::Read && name.is_empty();
        if about_lists { Err(Errno::OPNOTSUPP.into()) } else { Ok(()) }
    }
}

#[test]
fn a_file_system_without_lists_is_said_clearly_and_nothing_is_opened_wider() {
    let (mut bed, people) = reachable(&[Layout::Combined], &[user("alice")]);
    bed.store = DirectoryStore::new().with_accounts(people).through(Arc::new(Listless));
    let content = certificate("web");
    let installed = bed.install(1, &content).unwrap();
    assert!(installed.warnings[0].contains("no access-control lists"), "{:?}", installed.warnings);
    assert_eq!((mode(&installed.file), mode(&bed.path())), (0o600, 0o700));
    let before = bed.snapshot();
    assert_eq!(bed.standing(), Standing::Intact);
    assert_eq!(bed.install(1, &content).unwrap().change, Change::Same);
    assert_eq!(bed.snapshot(), before);
}
