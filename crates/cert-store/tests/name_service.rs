//! Users and groups that are in no file below `/etc`: only a name service has them, which comes
//! and goes. It is Debian's `libnss-extrausers`, asked by the C library like any directory service
//! (`nsswitch.conf(5)`).

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test sets up a machine and reads as others"
)]
#![allow(clippy::print_stdout, reason = "what a test in a namespace said")]

mod bed;
#[path = "bed/namespace.rs"]
mod namespace;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use bed::{Bed, certificate};
use cert_store::{CertificateStore, Change, Grant, Layout, Standing, StoreLocation};
use namespace::{mount, run_alone, unmount};

const LINK: &str = "exampleVault.myCertificate";
const SERVICE: &str = "/var/lib/extrausers";
const SWITCH: &str = "/etc/nsswitch.conf";
const USERS: &str = "dora:x:61701:61701::/:/bin/sh\nemil:x:61702:61702::/:/bin/sh\n";
const GROUPS: &str = "dora:x:61701:\nemil:x:61702:\nkeepers:x:61703:emil\n";

/// Has the machine ask the service too, and puts people into it.
fn set_up(place: &Path) {
    let everybody = fs::read_to_string("/proc/self/uid_map").unwrap().contains("4294967295");
    assert!(everybody, "this test reads as other users; run it as root");
    assert!(
        Path::new(SERVICE).is_dir(),
        "libnss-extrausers is missing; install it (apt-get install libnss-extrausers)"
    );
    let folder = place.join("service");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("passwd"), USERS).unwrap();
    fs::write(folder.join("group"), GROUPS).unwrap();
    let switch = place.join("nsswitch.conf");
    fs::write(&switch, "passwd: files extrausers\ngroup: files extrausers\n").unwrap();
    for file in [place.join("service"), folder.join("passwd"), folder.join("group"), switch.clone()]
    {
        let mode = if file.is_dir() { 0o755 } else { 0o644 };
        fs::set_permissions(file, PermissionsExt::from_mode(mode)).unwrap();
    }
    mount(&format!("--bind {}", switch.display()), Path::new(SWITCH));
    mount(&format!("--bind {}", folder.display()), Path::new(SERVICE));
}

/// Reads as a user with all groups that the name service says, as `login` would.
fn read_as(user: &str, path: &Path) -> Result<Vec<u8>, String> {
    let id = |option: &str| {
        let said = Command::new("id").args([option, user]).output().unwrap();
        String::from_utf8(said.stdout).unwrap().trim().to_owned()
    };
    let mut cat = Command::new("setpriv");
    cat.arg(format!("--reuid={}", id("-u"))).arg(format!("--regid={}", id("-g")));
    let done = cat.args(["--init-groups", "cat"]).arg(path).output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    if done.status.success() { Ok(done.stdout) } else { Err(said) }
}

fn warnings(bed: &Bed) -> Vec<String> {
    bed.store.grant_warnings(&bed.target, &bed.ledger)
}

#[test]
fn names_that_only_a_name_service_knows_are_granted_access() {
    run_alone("names_that_only_a_name_service_knows_are_granted_access", |place| {
        fs::set_permissions(place, PermissionsExt::from_mode(0o755)).unwrap();
        set_up(place);
        for file in ["/etc/passwd", "/etc/group"] {
            let text = fs::read_to_string(file).unwrap();
            assert!(["dora", "emil", "keepers"].iter().all(|name| !text.contains(name)), "{file}");
        }
        let mut bed = Bed::new(&[Layout::Combined, Layout::Split]);
        let path = place.join("store");
        bed.target.location = StoreLocation::Directory { path, is_default: false };
        let user = Grant { user: Some("dora".into()), group: None };
        let group = Grant { user: None, group: Some("keepers".into()) };
        bed.target.grants = vec![user, group];
        let contents = [certificate("web"), certificate("web")];

        let file = bed.install(1, &contents[0]).unwrap().file;
        assert_eq!(warnings(&bed), Vec::<String>::new());
        let list = getfacl(&file);
        assert!(list.contains("user:61701:r--") && list.contains("group:61703:r--"), "{list}");
        let link = bed.file(LINK);
        let expected = bed::key(&contents[0]).to_pem().to_vec();
        for reader in ["dora", "emil"] {
            assert_eq!(read_as(reader, &link), Ok(expected.clone()), "{reader}");
        }
        assert!(read_as("daemon", &link).unwrap_err().contains("Permission denied"));

        // The service is away, as a directory server behind a network can be.
        unmount(Path::new(SERVICE));
        assert_eq!((bed.standing(), warnings(&bed).len()), (Standing::Intact, 2));
        let rotated = bed.install(2, &contents[1]).unwrap();
        assert_eq!((rotated.change, getfacl(&rotated.file)), (Change::Rotated, list));
        assert_eq!(rotated.warnings.len(), 2, "{:?}", rotated.warnings);

        // And back.
        mount(&format!("--bind {}", place.join("service").display()), Path::new(SERVICE));
        assert_eq!((bed.standing(), warnings(&bed)), (Standing::Intact, Vec::new()));
        assert_eq!(read_as("emil", &link), Ok(bed::key(&contents[1]).to_pem().to_vec()));
        tear_down(place);
    });
}

#[test]
fn a_user_that_the_name_service_gets_later_gets_access_then() {
    run_alone("a_user_that_the_name_service_gets_later_gets_access_then", |place| {
        fs::set_permissions(place, PermissionsExt::from_mode(0o755)).unwrap();
        set_up(place);
        let mut bed = Bed::new(&[Layout::Combined]);
        let path = place.join("store");
        bed.target.location = StoreLocation::Directory { path, is_default: false };
        bed.target.grants = vec![Grant { user: Some("late".into()), group: None }];
        let content = certificate("web");
        let installed = bed.install(1, &content).unwrap();
        assert!(installed.warnings[0].contains("user \"late\" is not in force"));
        let passwd = place.join("service/passwd");
        fs::write(passwd, format!("{USERS}late:x:61704:61704::/:/bin/sh\n")).unwrap();
        assert!(matches!(bed.standing(), Standing::Drifted(_)));
        assert_eq!(bed.install(1, &content).unwrap().warnings, Vec::<String>::new());
        let expected = bed::key(&content).to_pem().to_vec();
        assert_eq!(read_as("late", &bed.file(LINK)), Ok(expected));
        tear_down(place);
    });
}

fn getfacl(path: &Path) -> String {
    let said = Command::new("getfacl").args(["--numeric", "--omit-header"]).arg(path).output();
    String::from_utf8(said.unwrap().stdout).unwrap()
}

fn tear_down(place: &Path) {
    unmount(Path::new(SERVICE));
    unmount(Path::new(SWITCH));
    for entry in fs::read_dir(place).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
    }
}
