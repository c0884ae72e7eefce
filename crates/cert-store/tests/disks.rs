//! Stores on file systems that are full, read-only, mounted at the store itself, or without
//! access-control lists: real ones, mounted in a namespace of the test's own.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test mounts and reads like an administrator"
)]
#![allow(clippy::print_stdout, reason = "the figures are what the test found out")]

mod bed;
#[path = "bed/namespace.rs"]
mod namespace;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use bed::{Bed, certificate, key, mode, names};
use cert_store::{
    CertificateStore, Change, Drift, Grant, Layout, Standing, StoreError, StoreLocation,
};
use certified_key::{CertifiedKey, Content};
use namespace::{mount, run_alone, unmount};
use rcgen::{CertificateParams, KeyPair};

const LINK: &str = "exampleVault.myCertificate";
const BOTH: &[Layout] = &[Layout::Combined, Layout::Split];
/// What tmpfs counts in, in bytes.
const PAGE: usize = 4096;

/// A certificate that fills several pages.
fn long_certificate() -> Content {
    let key = KeyPair::generate().unwrap();
    let names = (0..600).map(|number| format!("host-{number:04}.example.com"));
    let params = CertificateParams::new(names.collect::<Vec<_>>()).unwrap();
    let pem = params.self_signed(&key).unwrap().pem() + &key.serialize_pem();
    Content::Certificate(CertifiedKey::parse_pem(pem.as_bytes()).unwrap())
}

/// A store in a file system that is mounted at `place`.
fn bed_at(path: PathBuf) -> Bed {
    let mut bed = Bed::new(BOTH);
    bed.target.location = StoreLocation::Directory { path, is_default: false };
    bed
}

/// All links lead to this content, and nobody left anything temporary.
fn check_installed(bed: &Bed, content: &Content) {
    let key = key(content);
    let read = |ending| fs::read(bed.file(&format!("{LINK}{ending}"))).unwrap();
    assert_eq!(read(""), *key.to_pem());
    assert_eq!(read(".pem"), key.to_chain_pem());
    assert_eq!(read(".keyid"), *key.to_key_pem());
    assert!(!read(".luma").is_empty());
    assert!(bed.names().iter().all(|name| !name.starts_with(".akvvm")), "{:?}", bed.names());
    assert_eq!(bed.standing(), Standing::Intact);
}

/// The next pass installs the content, and the one after it has nothing to do.
fn check_recovery(bed: &mut Bed, number: u32, content: &Content) {
    bed.install(number, content).unwrap();
    check_installed(bed, content);
    let after = bed.snapshot();
    assert_eq!(bed.install(number, content).unwrap().change, Change::Same);
    assert_eq!(bed.snapshot(), after);
}

fn check_sentence(bed: &Bed, error: &StoreError, reason: &str) {
    let sentence = error.to_string();
    assert!(!error.is_customer(), "{sentence}");
    let path = bed.path().to_str().unwrap().to_owned();
    assert!(sentence.contains(&path) && sentence.contains(reason), "{sentence}");
}

/// Takes space or names away from a file system, all but a number of them.
type Fill = fn(place: &Path, left: usize);

/// All but so many pages.
fn fill_pages(place: &Path, left: usize) {
    let free = usize::try_from(rustix::fs::statvfs(place).unwrap().f_bfree).unwrap();
    fs::write(place.join("ballast"), vec![1; free.saturating_sub(left) * PAGE]).unwrap();
}

/// All but so many names.
fn fill_names(place: &Path, left: usize) {
    fs::create_dir(place.join("ballast")).unwrap();
    let free = usize::try_from(rustix::fs::statvfs(place).unwrap().f_ffree).unwrap();
    for number in left..free {
        fs::write(place.join(format!("ballast/{number}")), "").unwrap();
    }
}

fn empty(place: &Path) {
    let ballast = place.join("ballast");
    if ballast.is_dir() { fs::remove_dir_all(ballast) } else { fs::remove_file(ballast) }.unwrap();
}

/// Rotates on a file system with so much left; false when that was enough.
fn try_full(place: &Path, fill: Fill, left: usize, contents: &[Content; 2]) -> bool {
    mount("-t tmpfs -o size=1m,nr_inodes=64 tmpfs", place);
    let mut bed = bed_at(place.join("store"));
    bed.install(1, &contents[0]).unwrap();
    fill(place, left);
    let outcome = bed.install(2, &contents[1]);
    match &outcome {
        Ok(_) => check_installed(&bed, &contents[1]),
        Err(error) => {
            check_sentence(&bed, error, "No space left on device");
            check_installed(&bed, &contents[0]);
            let again = bed.install(1, &contents[0]).unwrap();
            assert_eq!(again.change, Change::Same, "what is installed needs no space");
        }
    }
    empty(place);
    check_recovery(&mut bed, 2, &contents[1]);
    drop(bed);
    unmount(place);
    outcome.is_err()
}

#[test]
fn a_full_disk_keeps_what_it_has_and_goes_on_once_there_is_space() {
    run_alone("a_full_disk_keeps_what_it_has_and_goes_on_once_there_is_space", |place| {
        let contents = [long_certificate(), long_certificate()];
        for (what, fill) in [("pages", fill_pages as Fill), ("names", fill_names)] {
            let full = |&left: &usize| try_full(place, fill, left, &contents);
            let sizes = (0..).take_while(full).count();
            println!("{sizes} sizes of a full disk tried, in {what}");
            assert!(sizes > 5, "{what}");
        }
    });
}

#[test]
fn a_disk_that_is_full_from_the_start_leaves_nothing_half_done() {
    run_alone("a_disk_that_is_full_from_the_start_leaves_nothing_half_done", |place| {
        let content = long_certificate();
        let tried = (0..).take_while(|&left| {
            mount("-t tmpfs -o size=1m,nr_inodes=64 tmpfs", place);
            fill_pages(place, left);
            let mut bed = bed_at(place.join("store"));
            let outcome = bed.install(1, &content);
            if let Err(error) = &outcome {
                check_sentence(&bed, error, "No space left on device");
                let links = bed.names().into_iter().filter(|name| !name.contains("0001"));
                assert_eq!(links.collect::<Vec<_>>(), Vec::<String>::new());
            }
            empty(place);
            check_recovery(&mut bed, 1, &content);
            unmount(place);
            outcome.is_err()
        });
        let tried = tried.count();
        println!("{tried} sizes tried");
        assert!(tried > 5);
    });
}

#[test]
fn a_store_that_becomes_read_only_keeps_what_it_has() {
    run_alone("a_store_that_becomes_read_only_keeps_what_it_has", |place| {
        let contents = [certificate("web"), certificate("web")];
        let mut bed = bed_at(place.join("store"));
        bed.install(1, &contents[0]).unwrap();
        mount(&format!("--bind {}", bed.path().display()), &bed.path());
        mount("-o remount,bind,ro", &bed.path());
        let before = bed.snapshot();
        let error = bed.install(2, &contents[1]).unwrap_err();
        check_sentence(&bed, &error, "Read-only file system");
        check_installed(&bed, &contents[0]);
        assert_eq!(bed.install(1, &contents[0]).unwrap().change, Change::Same);
        assert_eq!(bed.store.sweep(&bed.target.location).unwrap(), 0);
        assert!(bed.retire().is_empty());
        assert_eq!(bed.snapshot(), before);
        mount("-o remount,bind,rw", &bed.path());
        check_recovery(&mut bed, 2, &contents[1]);
        unmount(&bed.path());
        fs::remove_dir_all(bed.path()).unwrap();
    });
}

#[test]
fn a_store_may_be_a_mount_point_and_is_filled_again_when_nothing_is_mounted() {
    let name = "a_store_may_be_a_mount_point_and_is_filled_again_when_nothing_is_mounted";
    run_alone(name, |place| {
        let contents = [certificate("web"), certificate("web")];
        let path = place.join("store");
        fs::create_dir(&path).unwrap();
        mount("-t tmpfs -o mode=0750,size=1m tmpfs", &path);
        let mut bed = bed_at(path.clone());
        bed.install(1, &contents[0]).unwrap();
        check_recovery(&mut bed, 2, &contents[1]);
        assert_eq!(mode(&path), 0o750, "whoever mounted it chose the mode");
        assert!(bed.ledger.directories.is_empty());
        unmount(&path);
        let Standing::Drifted(drifts) = bed.standing() else { panic!("the store is empty") };
        assert!(drifts.contains(&Drift::LinkMissing(bed.file(LINK))), "{drifts:?}");
        check_recovery(&mut bed, 2, &contents[1]);
        fs::remove_dir_all(&path).unwrap();
    });
}

#[test]
fn a_file_system_without_lists_opens_nothing_wider() {
    run_alone("a_file_system_without_lists_opens_nothing_wider", |place| {
        fs::set_permissions(place, PermissionsExt::from_mode(0o755)).unwrap();
        mount("-t ramfs -o mode=0755 ramfs", place);
        let mut bed = bed_at(place.join("store"));
        let daemon = Grant { user: Some("daemon".into()), group: Some("61003".into()) };
        bed.target.grants = vec![daemon];
        let contents = [certificate("web"), certificate("web")];
        let installed = bed.install(1, &contents[0]).unwrap();
        let [warning] = installed.warnings.as_slice() else { panic!("{:?}", installed.warnings) };
        for part in ["no access-control lists", &format!("{:?}", bed.path())] {
            assert!(warning.contains(part), "{warning}");
        }
        assert_eq!((mode(&installed.file), mode(&bed.path())), (0o600, 0o700));
        check_recovery(&mut bed, 2, &contents[1]);
        for name in bed.names().iter().filter(|name| !name.ends_with(".luma")) {
            assert_eq!(mode(&bed.file(name)), 0o600, "{name}");
        }
        let mut cat = Command::new("setpriv");
        cat.args(["--reuid=daemon", "--regid=61003", "--clear-groups", "cat"]).arg(bed.file(LINK));
        // Where root is nobody else outside, it cannot become anyone else.
        if fs::read_to_string("/proc/self/uid_map").unwrap().contains("4294967295") {
            let said = String::from_utf8(cat.output().unwrap().stderr).unwrap();
            assert!(said.contains("Permission denied"), "{said}");
        }
        assert_eq!(names(place), ["store"]);
        unmount(place);
    });
}
