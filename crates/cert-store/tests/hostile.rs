//! Stores that others can write to, and disks that do not do as they are told.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests play somebody else")]
#![allow(clippy::panic, reason = "tests")]

mod bed;

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use atomic_file::{Call, Gate};
use bed::{Bed, certificate, key, mode, version};
use cert_store::{CertificateStore, DirectoryStore, Layout, Standing, StoreError, StoreLocation};
use rustix::io::Errno;

const LINK: &str = "exampleVault.myCertificate";

fn combined(number: u32) -> String {
    format!("{LINK}.{}", version(number))
}

/// A store that everyone can write to, and a file of root's outside.
fn open_store(layouts: &[Layout]) -> (Bed, PathBuf) {
    let bed = Bed::new(layouts);
    fs::create_dir(bed.path()).unwrap();
    fs::set_permissions(bed.path(), PermissionsExt::from_mode(0o777)).unwrap();
    let victim = bed.folder.path().join("victim");
    fs::write(&victim, "victim").unwrap();
    fs::set_permissions(&victim, PermissionsExt::from_mode(0o640)).unwrap();
    (bed, victim)
}

fn check_untouched(victim: &Path) {
    assert_eq!(fs::read(victim).unwrap(), b"victim");
    assert_eq!(mode(victim), 0o640);
}

#[test]
fn planted_links_are_replaced_and_not_followed() {
    let plants: [fn(&Path, &Path); 2] = [
        |victim, name| symlink(victim, name).unwrap(),
        |victim, name| fs::hard_link(victim, name).unwrap(),
    ];
    for plant in plants {
        let (mut bed, victim) = open_store(&[Layout::Combined, Layout::Split]);
        let content = certificate("web");
        for name in [combined(1), format!("{LINK}.luma")] {
            plant(&victim, &bed.file(&name));
        }
        for ending in ["pem", "keyid"] {
            plant(&victim, &bed.file(&format!("{LINK}.{}.{ending}.1700000600", version(1))));
        }
        bed.install(1, &content).unwrap();
        check_untouched(&victim);
        assert_eq!(fs::read(bed.file(LINK)).unwrap(), *key(&content).to_pem());
        assert_eq!(bed.standing(), Standing::Intact);
        // The same after the installation: found as drift, repaired, not followed.
        fs::remove_file(bed.file(&combined(1))).unwrap();
        plant(&victim, &bed.file(&combined(1)));
        assert!(matches!(bed.standing(), Standing::Drifted(_)));
        bed.install(1, &content).unwrap();
        check_untouched(&victim);
        assert_eq!(fs::symlink_metadata(bed.file(&combined(1))).unwrap().nlink(), 1);
        assert_eq!(bed.standing(), Standing::Intact);
    }
}

#[test]
fn a_planted_pipe_holds_nobody_up_and_a_directory_is_named() {
    let (mut bed, _) = open_store(&[Layout::Combined]);
    let pipe = bed.file(&combined(1));
    let kind = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, kind, rustix::fs::Mode::RWXU, 0).unwrap();
    bed.install(1, &certificate("web")).unwrap();
    assert_eq!(bed.standing(), Standing::Intact);
    fs::create_dir(bed.file(&combined(2))).unwrap();
    let error = bed.install(2, &certificate("web")).unwrap_err();
    assert!(matches!(&error, StoreError::Taken { path, .. } if path.ends_with(combined(2))));
    assert_eq!(bed.standing(), Standing::Intact);
}

#[test]
fn a_store_behind_a_link_is_used_only_if_nobody_else_could_have_made_the_link() {
    let mut bed = Bed::new(&[Layout::Combined]);
    let real = bed.folder.path().join("real");
    fs::create_dir(&real).unwrap();
    symlink(&real, bed.path()).unwrap();
    let content = certificate("web");
    bed.install(1, &content).unwrap();
    assert!(real.join(combined(1)).exists());
    assert!(bed.path().is_symlink(), "the link itself stays");
    let open = bed.folder.path().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, PermissionsExt::from_mode(0o777)).unwrap();
    symlink("/etc", open.join("store")).unwrap();
    let path = open.join("store");
    bed.target.location = StoreLocation::Directory { path, is_default: false };
    let error = bed.install(2, &content).unwrap_err();
    assert!(error.is_customer() && error.to_string().contains("symbolic link"), "{error}");
    assert!(!Path::new("/etc").join(combined(2)).exists());
}

#[test]
fn a_file_in_place_of_the_store_is_named() {
    let mut bed = Bed::new(&[Layout::Combined]);
    fs::write(bed.path(), "").unwrap();
    let error = bed.install(1, &certificate("web")).unwrap_err();
    assert!(error.is_customer() && error.to_string().contains("is not a directory"), "{error}");
}

/// Every call that changes the disk is refused.
struct Refusing(Errno);

impl Gate for Refusing {
    fn enter(&self, call: Call, _name: &OsStr) -> io::Result<()> {
        if call.changes() { Err(self.0.into()) } else { Ok(()) }
    }
}

#[test]
fn a_read_only_or_forbidden_store_keeps_what_it_has() {
    for (errno, text) in
        [(Errno::ROFS, "Read-only file system"), (Errno::ACCESS, "Permission denied")]
    {
        let mut bed = Bed::new(&[Layout::Combined, Layout::Split]);
        let content = certificate("web");
        bed.install(1, &content).unwrap();
        let before = bed.snapshot();
        let healthy = std::mem::replace(
            &mut bed.store,
            DirectoryStore::new().through(Arc::new(Refusing(errno))),
        );
        let error = bed.install(2, &certificate("web")).unwrap_err();
        assert!(!error.is_customer() && error.to_string().contains(text), "{error}");
        bed.install(1, &content).unwrap();
        bed.store = healthy;
        assert_eq!((bed.snapshot(), bed.standing()), (before, Standing::Intact));
    }
}

#[test]
fn temporary_files_of_a_killed_predecessor_are_swept_and_others_are_not() {
    let mut bed = Bed::new(&[Layout::Combined]);
    assert_eq!(bed.store.sweep(&bed.target.location).unwrap(), 0, "no store, nothing to sweep");
    bed.install(1, &certificate("web")).unwrap();
    fs::write(bed.file(".akvvm-0123456789abcdef.tmp"), "half a key").unwrap();
    fs::write(bed.file("another.tmp"), "").unwrap();
    assert_eq!(bed.store.sweep(&bed.target.location).unwrap(), 1);
    assert_eq!(bed.names(), ["another.tmp".to_owned(), LINK.to_owned(), combined(1)]);
}

#[test]
fn a_link_name_that_leads_out_of_the_store_is_refused() {
    for name in ["../web", "a/b", "..", "", "a\0b"] {
        let mut bed = Bed::new(&[Layout::Combined]);
        bed.target.link_name = name.into();
        let error = bed.install(1, &certificate("web")).unwrap_err();
        assert!(error.is_customer(), "{error}");
        assert!(bed.names().is_empty());
    }
    let mut bed = Bed::new(&[Layout::Combined]);
    bed.target.link_name = combined(1);
    let error = bed.install(1, &certificate("web")).unwrap_err();
    assert!(matches!(error, StoreError::Circle { .. }), "{error}");
    assert!(bed.names().is_empty());
}
