//! Access-control lists as `getfacl` prints them and as the kernel applies them to other users.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests read as others")]
#![allow(clippy::panic, reason = "a tool that is missing is said so")]

mod bed;

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output as Outcome};

use bed::{Bed, certificate, key, mode};
use cert_store::{CertificateStore, Change, Drift, Grant, Layout, Standing};

const LINK: &str = "exampleVault.myCertificate";
const BOTH: &[Layout] = &[Layout::Combined, Layout::Split];

/// Ids that no machine has names for.
const BOB: u32 = 61_002;
const STAFF: u32 = 61_003;
const STRANGER: u32 = 61_004;

/// Runs a tool that a Debian package brings.
fn run(package: &str, command: &mut Command) -> Outcome {
    let outcome = command.env("LC_ALL", "C").output();
    outcome.unwrap_or_else(|error| match error.kind() {
        ErrorKind::NotFound => {
            panic!("{:?} is missing: install the Debian package {package}", command.get_program())
        }
        _ => panic!("{command:?}: {error}"),
    })
}

fn text(outcome: &Outcome) -> String {
    assert!(outcome.status.success(), "{outcome:?}");
    String::from_utf8(outcome.stdout.clone()).unwrap().trim().to_owned()
}

/// The list of a file or directory, its entries separated by spaces.
fn list(path: &Path) -> String {
    let mut getfacl = Command::new("getfacl");
    getfacl.args(["--numeric", "--omit-header", "--absolute-names"]).arg(path);
    text(&run("acl", &mut getfacl)).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The id that the machine itself knows a user (`passwd`) or group (`group`) by.
fn id(database: &str, name: &str) -> u32 {
    let entry = text(&run("libc-bin", Command::new("getent").args([database, name])));
    entry.split(':').nth(2).unwrap().parse().unwrap()
}

/// What somebody with this id, and in this group besides, reads from a file; `None` if the
/// kernel does not let them.
fn read_as(path: &Path, user: u32, group: u32) -> Option<Vec<u8>> {
    let mut setpriv = Command::new("setpriv");
    let ids = [format!("--reuid={user}"), format!("--regid={user}"), format!("--groups={group}")];
    setpriv.args(ids).arg("--no-new-privs").arg("cat").arg(path);
    let outcome = run("util-linux", &mut setpriv);
    if outcome.status.success() {
        return Some(outcome.stdout);
    }
    let said = String::from_utf8_lossy(&outcome.stderr);
    assert!(said.contains("Permission denied"), "{setpriv:?}: {said}");
    None
}

/// Only root can become somebody else; for others the lists, which are compared too, have to do.
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn check_reading(path: &Path, user: u32, group: u32, expected: Option<&[u8]>) {
    if is_root() {
        assert_eq!(read_as(path, user, group).as_deref(), expected, "{user}:{group} {path:?}");
    }
}

/// A user by name, one by number, and a group of each kind.
fn grants() -> Vec<Grant> {
    let (bob, staff) = (BOB.to_string(), STAFF.to_string());
    vec![
        Grant { user: Some("daemon".into()), group: Some("mail".into()) },
        Grant { user: Some(bob), group: None },
        Grant { user: None, group: Some(staff) },
    ]
}

/// The list that the grants make of a file with these permissions for its owner.
fn expected_list(owner: &str, granted: &str) -> String {
    let mut users = [id("passwd", "daemon"), BOB];
    let mut groups = [id("group", "mail"), STAFF];
    users.sort_unstable();
    groups.sort_unstable();
    let [u1, u2] = users.map(|id| format!("user:{id}:{granted}"));
    let [g1, g2] = groups.map(|id| format!("group:{id}:{granted}"));
    format!("user::{owner} {u1} {u2} group::--- {g1} {g2} mask::{granted} other::---")
}

/// One store in memory and one on the disk, in folders that everyone can pass.
fn beds() -> [Bed; 2] {
    [bed::scratch(), tempfile::tempdir().unwrap()].map(|folder| {
        fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let mut bed = Bed::within(folder, BOTH);
        bed.target.grants = grants();
        bed
    })
}

/// The links with what is to be read through each.
fn links(bed: &Bed, content: &certified_key::Content) -> [(PathBuf, Vec<u8>); 3] {
    let key = key(content);
    let (combined, chain, private) = (key.to_pem(), key.to_chain_pem(), key.to_key_pem());
    [("", combined.to_vec()), (".pem", chain), (".keyid", private.to_vec())]
        .map(|(ending, text)| (bed.file(&format!("{LINK}{ending}")), text))
}

#[test]
fn the_lists_are_those_that_getfacl_prints_and_the_granted_read_the_files() {
    let content = certificate("web");
    for mut bed in beds() {
        let installed = bed.install(1, &content).unwrap();
        assert_eq!(installed.warnings, Vec::<String>::new());
        assert_eq!(list(&bed.path()), expected_list("rwx", "--x"));
        for (link, text) in links(&bed, &content) {
            assert_eq!(list(&link), expected_list("rw-", "r--"));
            let in_group = [id("group", "mail"), STAFF].map(|group| (STRANGER, group));
            let by_id = [id("passwd", "daemon"), BOB].map(|user| (user, STRANGER));
            for (user, group) in in_group.into_iter().chain(by_id) {
                check_reading(&link, user, group, Some(&text));
            }
            check_reading(&link, STRANGER, STRANGER, None);
        }
        let metadata = bed.file(&format!("{LINK}.luma"));
        assert_eq!(list(&metadata), "user::rw- group::r-- other::r--");
        assert_eq!(bed.standing(), Standing::Intact);
    }
}

#[test]
fn a_list_that_somebody_changed_with_setfacl_is_put_right() {
    let content = certificate("web");
    for mut bed in beds() {
        let file = bed.install(1, &content).unwrap().file;
        let lists = [list(&file), list(&bed.path())];
        let stranger = format!("u:{STRANGER}:rw");
        let bob = format!("u:{BOB}");
        for change in [["-m", stranger.as_str()], ["-x", &bob], ["-m", "m::-"], ["-b", "--"]] {
            let mut setfacl = Command::new("setfacl");
            text(&run("acl", setfacl.args(change).arg(&file)));
            assert_eq!(bed.standing(), Standing::Drifted(vec![Drift::FileAccess(file.clone())]));
            assert_eq!(bed.install(1, &content).unwrap().change, Change::Repaired, "{change:?}");
            assert_eq!([list(&file), list(&bed.path())], lists, "{change:?}");
        }
        check_reading(&file, STRANGER, STRANGER, None);
        check_reading(&file, BOB, BOB, Some(&key(&content).to_pem()));
    }
}

#[test]
fn below_a_closed_directory_the_list_is_right_and_nobody_can_use_it() {
    let content = certificate("web");
    for mut bed in beds() {
        let closed = bed.folder.path().to_owned();
        fs::set_permissions(&closed, PermissionsExt::from_mode(0o700)).unwrap();
        let installed = bed.install(1, &content).unwrap();
        let [warning] = installed.warnings.as_slice() else { panic!("{:?}", installed.warnings) };
        let grantees =
            [r#"user "daemon""#, r#"user "61002""#, r#"group "mail""#, r#"group "61003""#];
        for part in grantees.iter().copied().chain([&*format!("the directory {closed:?};")]) {
            assert!(warning.contains(part), "{warning}");
        }
        assert_eq!(list(&closed), "user::rwx group::--- other::---", "not ours to change");
        for (link, text) in links(&bed, &content) {
            assert_eq!(list(&link), expected_list("rw-", "r--"));
            for (user, group) in [(id("passwd", "daemon"), STRANGER), (BOB, BOB), (STRANGER, STAFF)]
            {
                check_reading(&link, user, group, None);
            }
            check_reading(&link, 0, 0, Some(&text));
        }
        assert_eq!(bed.standing(), Standing::Intact);
        // The administrator opens it: the grants that are there already can be used now.
        fs::set_permissions(&closed, PermissionsExt::from_mode(0o711)).unwrap();
        assert_eq!(bed.store.grant_warnings(&bed.target, &bed.ledger), Vec::<String>::new());
        check_reading(&bed.file(LINK), BOB, BOB, Some(&key(&content).to_pem()));
        check_reading(&bed.file(LINK), STRANGER, STRANGER, None);
        assert_eq!(mode(&closed), 0o711);
    }
}
