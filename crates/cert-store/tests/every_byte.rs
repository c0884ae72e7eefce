//! Disks that are full at any byte of any file, and real file systems that are full at any block.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test mounts and fills like an administrator"
)]
#![allow(clippy::print_stdout, reason = "the figures are what the test found out")]

mod bed;
#[path = "bed/namespace.rs"]
mod namespace;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bed::{Bed, certificate, key};
use cert_store::{Change, Layout, Standing, StoreError, StoreLocation};
use certified_key::Content;
use namespace::{run_alone, unmount};
use rustix::fs::{FallocateFlags, fallocate};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const LINK: &str = "exampleVault.myCertificate";
const BOTH: &[Layout] = &[Layout::Combined, Layout::Split];
/// What a file system is filled with, in turn: the smallest is a block.
const PORTIONS: [u64; 4] = [1 << 20, 1 << 16, 1 << 12, 1 << 10];

fn bed_at(path: PathBuf) -> Bed {
    let mut bed = Bed::new(BOTH);
    bed.target.location = StoreLocation::Directory { path, is_default: false };
    bed
}

/// All links lead to this content, and nobody left anything temporary.
fn check_installed(bed: &Bed, content: &Content) {
    let read = |ending| fs::read(bed.file(&format!("{LINK}{ending}"))).unwrap();
    let key = key(content);
    assert_eq!(read(""), *key.to_pem());
    assert_eq!((read(".pem"), read(".keyid")), (key.to_chain_pem(), key.to_key_pem().to_vec()));
    assert!(bed.names().iter().all(|name| !name.starts_with(".akvvm")), "{:?}", bed.names());
    assert_eq!(bed.standing(), Standing::Intact);
}

/// A rotation that may fail leaves either version whole, and the next one succeeds.
fn check_rotation(
    bed: &mut Bed,
    contents: &[Content; 2],
    reason: &str,
    relieve: impl FnOnce(),
) -> bool {
    let outcome = bed.install(2, &contents[1]);
    match &outcome {
        Ok(_) => check_installed(bed, &contents[1]),
        Err(error) => check_refusal(bed, error, reason, &contents[0]),
    }
    relieve();
    bed.install(2, &contents[1]).unwrap();
    check_installed(bed, &contents[1]);
    let after = bed.snapshot();
    assert_eq!(bed.install(2, &contents[1]).unwrap().change, Change::Same);
    assert_eq!(bed.snapshot(), after);
    outcome.is_ok()
}

fn check_refusal(bed: &mut Bed, error: &StoreError, reason: &str, installed: &Content) {
    let sentence = error.to_string();
    assert!(!error.is_customer() && sentence.contains(reason), "{sentence}");
    check_installed(bed, installed);
    assert_eq!(bed.install(1, installed).unwrap().change, Change::Same, "this needs no space");
}

/// The kernel lets a process write so many bytes into a file and no more (`setrlimit(2)`): a write
/// ends in the middle, and the next one fails.
fn limit(bytes: Option<u64>) {
    let hard = getrlimit(Resource::Fsize).maximum;
    setrlimit(Resource::Fsize, Rlimit { current: bytes, maximum: hard }).unwrap();
}

#[test]
fn a_disk_that_is_full_at_any_byte_of_a_file_keeps_what_it_has() {
    run_alone("a_disk_that_is_full_at_any_byte_of_a_file_keeps_what_it_has", |place| {
        // Without a handler the signal that comes with the error would end the process.
        let signal = rustix::process::Signal::XFSZ.as_raw();
        signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false))).unwrap();
        let contents = [certificate("web"), certificate("web")];
        let tried = (0..).take_while(|&bytes| {
            let mut bed = bed_at(place.join("store"));
            bed.install(1, &contents[0]).unwrap();
            limit(Some(bytes));
            let enough = check_rotation(&mut bed, &contents, "File too large", || limit(None));
            fs::remove_dir_all(bed.path()).unwrap();
            !enough
        });
        let tried = tried.count();
        println!("{tried} lengths tried");
        assert!(tried >= key(&contents[1]).to_pem().len(), "{tried}");
    });
}

/// Fills a file system to its last block, and gives `left` blocks of 1 KiB back.
fn fill(place: &Path, left: u64) {
    let ballast = File::create(place.join("ballast")).unwrap();
    let mut length = 0;
    for portion in PORTIONS {
        while fallocate(&ballast, FallocateFlags::empty(), length, portion).is_ok() {
            length += portion;
        }
    }
    ballast.set_len(length.saturating_sub(left * 1024)).unwrap();
    ballast.sync_all().unwrap();
}

/// Makes a file system in a file and mounts it; says why where the machine does not do that.
fn mounted(place: &Path, image: &Path, size: u64, make: &[&str]) -> Result<(), String> {
    File::create(image).unwrap().set_len(size).unwrap();
    let run = |command: &mut Command| match command.output() {
        Ok(done) if done.status.success() => Ok(()),
        Ok(done) => Err(String::from_utf8_lossy(&done.stderr).into_owned()),
        Err(error) => Err(error.to_string()),
    };
    run(Command::new(make[0]).args(&make[1..]).arg(image))?;
    run(Command::new("mount").args(["-o", "loop"]).arg(image).arg(place))
}

/// Rotates on a file system of blocks that is full but for 0, 1, 2 … of them, until three times
/// in a row it was not too full.
fn rotate_on_full(name: &str, size: u64, make: &[&str]) {
    run_alone(name, |place| {
        let folder = tempfile::tempdir().unwrap();
        if let Err(why) = mounted(place, &folder.path().join("image"), size, make) {
            println!("left out: {} or its mount: {}", make[0], why.trim());
            return;
        }
        let contents = [certificate("web"), certificate("web")];
        let (mut tried, mut enough, mut left) = (0, 0, 0_u64);
        while enough < 3 {
            let mut bed = bed_at(place.join("store"));
            bed.install(1, &contents[0]).unwrap();
            fill(place, left);
            let relieve = || fs::remove_file(place.join("ballast")).unwrap();
            let went = check_rotation(&mut bed, &contents, "No space left on device", relieve);
            enough = if went { enough + 1 } else { 0 };
            tried += usize::from(!went);
            left += 1;
            fs::remove_dir_all(bed.path()).unwrap();
        }
        unmount(place);
        println!("{tried} full disks tried, the last with {} blocks left", left - 4);
        assert!(tried > 3, "it was never full");
    });
}

#[test]
fn an_ext4_that_is_full_at_any_block_keeps_what_it_has() {
    let name = "an_ext4_that_is_full_at_any_block_keeps_what_it_has";
    let make = ["mkfs.ext4", "-q", "-F", "-b", "1024", "-m", "0", "-O", "^has_journal"];
    rotate_on_full(name, 4 << 20, &make);
}

#[test]
fn an_xfs_that_is_full_at_any_block_keeps_what_it_has() {
    let name = "an_xfs_that_is_full_at_any_block_keeps_what_it_has";
    rotate_on_full(name, 300 << 20, &["mkfs.xfs", "-q", "-f", "-b", "size=1024"]);
}
