//! Who may read outputs, as `getfacl` prints it and as the kernel applies it.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use atomic_file::{Call, Gate};
use cert_store::{Accounts, FileAccess, Form, Grant, Output, OutputStore, SetFile};
use rustix::io::Errno;

use crate::bed::certificate;
use crate::{Place, mode};

/// Ids that no machine has names for.
const TOMCAT: u32 = 61_011;
const WEB: u32 = 61_012;
const STRANGER: u32 = 61_013;

/// A name service that may be away.
#[derive(Clone, Default)]
struct People {
    away: Arc<AtomicBool>,
}

impl Accounts for People {
    fn user(&self, name: &str) -> Option<u32> {
        (name == "tomcat" && !self.away.load(Ordering::Relaxed)).then_some(TOMCAT)
    }

    fn group(&self, name: &str) -> Option<u32> {
        (name == "web" && !self.away.load(Ordering::Relaxed)).then_some(WEB)
    }

    fn groups_of(&self, user: u32) -> Vec<u32> {
        vec![user]
    }
}

fn place(access: FileAccess) -> Place {
    let mut place = Place::new();
    place.store = OutputStore::new(place.keep()).with_accounts(People::default());
    let path = place.path("site.key");
    place.wanted.push(Output::File { path, form: Form::PrivateKey, access });
    place
}

fn run(program: &str, arguments: &[&str], path: &Path) -> Option<String> {
    let mut command = Command::new(program);
    command.env("LC_ALL", "C").args(arguments).arg(path);
    let done = command.output().unwrap_or_else(|error| panic!("{program}: {error}; install it"));
    done.status.success().then(|| String::from_utf8(done.stdout).unwrap())
}

fn reads(path: &Path, user: u32, group: u32) -> bool {
    let (user, group) = (format!("--reuid={user}"), format!("--regid={group}"));
    run("setpriv", &[&user, &group, "--clear-groups", "cat"], path).is_some()
}

fn named(name: &str) -> Option<String> {
    Some(name.into())
}

#[test]
fn owner_group_mode_and_list_are_as_asked_for() {
    if !rustix::process::geteuid().is_root() {
        return println!("only root can give files away");
    }
    let grants = vec![Grant { user: None, group: named("web") }];
    for (access, expected, readers) in [
        (
            FileAccess { owner: named("tomcat"), mode: 0o400, ..FileAccess::default() },
            (TOMCAT, 0, 0o400),
            [(TOMCAT, true), (WEB, false), (STRANGER, false)],
        ),
        (
            FileAccess { group: named("web"), mode: 0o640, ..FileAccess::default() },
            (0, WEB, 0o640),
            [(TOMCAT, false), (WEB, true), (STRANGER, false)],
        ),
        (
            FileAccess { owner: named("61011"), grants: grants.clone(), ..FileAccess::default() },
            (TOMCAT, 0, 0o640),
            [(TOMCAT, true), (WEB, true), (STRANGER, false)],
        ),
    ] {
        let mut place = place(access.clone());
        place.install(1, &certificate("web")).unwrap();
        let path = place.path("site.key");
        let found = std::fs::metadata(&path).unwrap();
        assert_eq!((found.uid(), found.gid(), mode(&path)), expected, "{access:?}");
        for (id, expected) in readers {
            assert_eq!(reads(&path, id, id), expected, "{id} with {access:?}");
        }
        assert_eq!(place.standing(), Vec::<String>::new());
        let list = run("getfacl", &["--numeric", "--omit-header", "--absolute-names"], &path);
        let lists = list.unwrap().contains(&format!("group:{WEB}:r--"));
        assert_eq!(lists, !access.grants.is_empty());
    }
}

#[test]
fn an_owner_whom_nobody_knows_is_refused_and_a_reader_is_a_warning() {
    let content = certificate("web");
    for access in [
        FileAccess { owner: named("nobody-at-all"), ..FileAccess::default() },
        FileAccess { group: named("nobody-at-all"), ..FileAccess::default() },
    ] {
        let mut place = place(access);
        let refused = place.install(1, &content).unwrap_err();
        assert!(refused.is_customer() && refused.to_string().contains("nobody-at-all"));
        assert!(place.names().is_empty());
    }
    let grants = vec![Grant { user: named("nobody-at-all"), group: None }];
    let mut place = place(FileAccess { grants, ..FileAccess::default() });
    let version = crate::bed::version(1);
    let material = crate::Material { version: &version, content: &content, value: None };
    let prepared = place.store.prepare(&place.wanted, material, &place.ledger).unwrap();
    assert!(prepared.warnings()[0].contains("user \"nobody-at-all\""), "{:?}", prepared.warnings());
    prepared.discard().unwrap();
    place.install(1, &content).unwrap();
    assert_eq!((place.standing(), mode(&place.path("site.key"))), (vec![], 0o600));
}

#[test]
fn a_name_service_that_is_away_takes_no_key() {
    if !rustix::process::geteuid().is_root() {
        return println!("only root can give files away");
    }
    let people = People::default();
    let grants = vec![Grant { user: None, group: named("web") }];
    let mut place = place(FileAccess { owner: named("tomcat"), grants, ..FileAccess::default() });
    place.store = OutputStore::new(place.keep()).with_accounts(people.clone());
    place.install(1, &certificate("web")).unwrap();
    people.away.store(true, Ordering::Relaxed);
    assert_eq!(place.standing(), Vec::<String>::new());
    place.install(2, &certificate("web")).unwrap();
    place.install(3, &certificate("web")).unwrap();
    let path = place.path("site.key");
    assert_eq!(std::fs::metadata(&path).unwrap().uid(), TOMCAT);
    assert!(reads(&path, TOMCAT, STRANGER) && reads(&path, WEB, WEB));
    assert!(!reads(&path, STRANGER, STRANGER));
}

#[test]
fn a_directory_that_a_reader_cannot_pass_is_a_warning() {
    let grants = vec![Grant { user: None, group: named("web") }];
    let wanted =
        |grants, mode| FileAccess { owner: named("tomcat"), mode, grants, ..FileAccess::default() };
    let place = place(wanted(grants, 0o600));
    assert_eq!(place.store.warnings(&place.wanted, &place.ledger), Vec::<String>::new());
    let closed = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(place.path(""), closed).unwrap();
    let warnings = place.store.warnings(&place.wanted, &place.ledger);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].starts_with("group \"web\", user \"tomcat\" cannot get to"),
        "{warnings:?}"
    );
    let [Output::File { access, .. }] = &place.wanted[..] else { panic!() };
    let mut write_only = place.wanted.clone();
    let Output::File { access: changed, .. } = &mut write_only[0] else { panic!() };
    *changed = FileAccess { mode: 0o200, grants: Vec::new(), ..access.clone() };
    assert_eq!(place.store.warnings(&write_only, &place.ledger), Vec::<String>::new());
}

/// A file system without access-control lists.
struct Listless;

impl Gate for Listless {
    fn enter(&self, call: Call, name: &std::ffi::OsStr) -> std::io::Result<()> {
        let asks = call == Call::SetAcl || (call == Call::Read && name.is_empty());
        if asks { Err(Errno::OPNOTSUPP.into()) } else { Ok(()) }
    }
}

#[test]
fn a_file_system_without_lists_is_a_failure_and_never_a_wider_mode() {
    let content = certificate("web");
    let grants = vec![Grant { user: None, group: named("web") }];
    let mut with_list = place(FileAccess { grants, ..FileAccess::default() });
    let listless = |place: &Place| {
        OutputStore::new(place.keep()).with_accounts(People::default()).through(Arc::new(Listless))
    };
    with_list.store = listless(&with_list);
    let refused = with_list.install(1, &content).unwrap_err();
    assert!(refused.to_string().contains("keeps no access-control lists"), "{refused}");
    assert!(with_list.names().is_empty());
    let mut without = place(FileAccess::default());
    without.store = listless(&without);
    without.install(1, &content).unwrap();
    assert_eq!(mode(&without.path("site.key")), 0o600);
}

#[test]
fn a_planted_link_on_the_way_is_refused() {
    let mut place = place(FileAccess::default());
    let open = place.path("open");
    std::fs::create_dir(&open).unwrap();
    let wide = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(&open, wide).unwrap();
    std::os::unix::fs::symlink("/etc", open.join("tls")).unwrap();
    let (form, access) = (Form::PrivateKey, FileAccess::default());
    place.wanted = vec![Output::File { path: open.join("tls/akvvm-test.key"), form, access }];
    let refused = place.install(1, &certificate("web")).unwrap_err();
    assert!(refused.is_customer(), "{refused}");
    assert!(!Path::new("/etc/akvvm-test.key").exists());
}

#[test]
fn read_access_to_the_former_directory_goes_with_the_grant() {
    if !rustix::process::geteuid().is_root() {
        return println!("only root can give files away");
    }
    let group = |name| Grant { user: None, group: named(name) };
    let site = |access: FileAccess, name: &str| SetFile {
        name: name.into(),
        form: Form::PrivateKey,
        access,
    };
    let granted = FileAccess {
        owner: named("tomcat"),
        grants: vec![group("web"), group("61014")],
        ..FileAccess::default()
    };
    let left = FileAccess { grants: vec![group("61014")], ..FileAccess::default() };
    // Before the next version, and with it.
    for number in [2, 3] {
        let mut place = Place::new();
        place.store = OutputStore::new(place.keep()).with_accounts(People::default());
        let files = vec![site(granted.clone(), "site.key"), site(granted.clone(), "old.key")];
        place.wanted = vec![Output::Directory { link: place.path("tls"), files }];
        let contents = [certificate("web"), certificate("web"), certificate("web")];
        place.install(1, &contents[0]).unwrap();
        place.install(2, &contents[1]).unwrap();
        let files = vec![site(left.clone(), "site.key")];
        place.wanted = vec![Output::Directory { link: place.path("tls"), files }];
        place.install(number, &contents[number as usize - 1]).unwrap();
        let former = place.ledger.directories[0].previous.clone().unwrap();
        let former = place.path(&former);
        for (id, expected) in [(TOMCAT, false), (WEB, false), (61_014, true)] {
            assert_eq!(reads(&former.join("site.key"), id, id), expected, "{id} in {number}");
            assert!(!reads(&former.join("old.key"), id, id), "{id} in {number}");
        }
        let after = place.snapshot();
        assert!(!place.install(number, &contents[number as usize - 1]).unwrap());
        assert_eq!(place.snapshot(), after);
    }
}

#[test]
fn a_former_directory_that_is_gone_or_somebody_elses_is_left_alone() {
    if !rustix::process::geteuid().is_root() {
        return println!("only root can give files away");
    }
    let mut place = Place::with_set();
    let contents = [certificate("web"), certificate("web")];
    place.install(1, &contents[0]).unwrap();
    place.install(2, &contents[1]).unwrap();
    let former = place.path(place.ledger.directories[0].previous.as_ref().unwrap());
    let key = former.join("tls.key");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(&key, open).unwrap();
    std::os::unix::fs::chown(&former, Some(STRANGER), None).unwrap();
    assert!(!place.install(2, &contents[1]).unwrap());
    assert_eq!(mode(&key), 0o644);
    std::fs::remove_dir_all(&former).unwrap();
    assert!(!place.install(2, &contents[1]).unwrap());
}
