//! A process that installs rotations is really killed, at moments that nobody chose, while readers
//! look at every link. The next pass heals what it left.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test looks from outside"
)]
#![allow(clippy::print_stdout, reason = "the figures are what the test found out")]

mod bed;
#[path = "bed/killed.rs"]
mod killed;

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use bed::{Bed, certificate, key, target};
use cert_store::{CertificateStore, Change, Layout, Standing};
use certified_key::Content;
use killed::{
    Victim, active, install, resume, retire, rotate_until_killed, write_certificates, write_ledger,
};
use serde_json::Value;

const LINK: &str = "exampleVault.myCertificate";
const BOTH: &[Layout] = &[Layout::Combined, Layout::Split];
const CERTIFICATES: usize = 5;
const KILLS: usize = 120;
const READERS: usize = 2;
/// Before a kill, up to so many rotations, and then up to so many looks at the links.
const MOST_ROTATIONS: u64 = 3;
const MOST_LOOKS: u64 = 400;
const SEED: u64 = 0x0bad_5eed_0bad_5eed;

/// What stood in the store after the kills.
#[derive(Debug, Default)]
struct Found {
    temporary_files: usize,
    /// New files that no link leads to yet.
    between_the_halves: usize,
    /// Links that are of two versions, with the metadata file away.
    links_half_moved: usize,
    ledgers_behind: usize,
    rotations: u32,
}

/// Numbers that look random and are the same in every run (Marsaglia's xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// The three files that the links are to lead to, of each certificate.
fn texts(contents: &[Content]) -> [Vec<Vec<u8>>; 3] {
    let keys = || contents.iter().map(key);
    [
        keys().map(|key| key.to_pem().to_vec()).collect(),
        keys().map(|key| key.to_chain_pem()).collect(),
        keys().map(|key| key.to_key_pem().to_vec()).collect(),
    ]
}

/// Which certificate each link leads to: all are there, and lead to a whole file.
fn look(store: &Path, texts: &[Vec<Vec<u8>>; 3]) -> [usize; 3] {
    let which = |ending: &str, texts: &[Vec<u8>]| {
        let path = store.join(format!("{LINK}{ending}"));
        let found = fs::read(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        let which = texts.iter().position(|text| *text == found);
        which.unwrap_or_else(|| panic!("{path:?} is torn"))
    };
    [which("", &texts[0]), which(".pem", &texts[1]), which(".keyid", &texts[2])]
}

/// If there is a metadata file, the links lead where it says.
fn check_metadata(bed: &Bed) -> bool {
    let Ok(luma) = fs::read(bed.file(&format!("{LINK}.luma"))) else { return false };
    let luma: Value = serde_json::from_slice(&luma).unwrap();
    for (part, ending) in [("certificate", ".pem"), ("key", ".keyid")] {
        assert_eq!(luma[part]["name"], *bed.link(&format!("{LINK}{ending}")).to_str().unwrap());
    }
    true
}

/// What the process left: nothing that a reader could stumble over.
fn inspect(bed: &Bed, texts: &[Vec<Vec<u8>>; 3], found: &mut Found) {
    let [combined, chain, key] = look(&bed.path(), texts);
    let described = check_metadata(bed);
    assert!(chain == key || !described, "the metadata describes a mixture");
    let names = bed.names();
    let temporary = names.iter().filter(|name| name.starts_with(".akvvm-")).count();
    found.temporary_files += temporary;
    found.links_half_moved += usize::from(chain != key || combined != key || !described);
    let next = bed::version(active(&bed.ledger) + 1);
    let is_ahead = bed.link(LINK).to_str().unwrap().ends_with(&next);
    found.ledgers_behind += usize::from(is_ahead);
    let written = names.iter().any(|name| name.contains(&next));
    found.between_the_halves += usize::from(written && !is_ahead);
}

/// The next pass: sweeps, finishes what was begun, and has nothing more to do then.
fn heal(bed: &mut Bed, contents: &[Content]) {
    bed.store.sweep(&bed.target.location).unwrap();
    let number = active(&bed.ledger) + 1;
    let content = &contents[number as usize % CERTIFICATES];
    install(bed, number, content);
    retire(bed);
    assert_eq!(bed.standing(), Standing::Intact);
    let names = bed.names();
    assert!(names.iter().all(|name| !name.starts_with(".akvvm-")), "{names:?}");
    // A version stays for a minute, of the split layout perhaps twice.
    assert!(names.len() <= 4 + 5 * 62, "{names:?}");
    let after = bed.snapshot();
    assert_eq!(install(bed, number, content).change, Change::Same);
    assert_eq!(bed.snapshot(), after);
}

#[test]
fn a_process_that_is_killed_at_any_moment_leaves_every_link_whole() {
    const NAME: &str = "a_process_that_is_killed_at_any_moment_leaves_every_link_whole";
    if let Some(folder) = killed::folder() {
        return rotate_until_killed(&folder, CERTIFICATES, BOTH);
    }
    let contents: Vec<Content> = (0..CERTIFICATES).map(|_| certificate("web")).collect();
    let texts = texts(&contents);
    let mut bed = Bed::new(BOTH);
    let folder = bed.folder.path().to_owned();
    bed.target = target(&folder.join("store"), "myCertificate", BOTH);
    let store = bed.path();
    write_certificates(&folder, &contents);
    bed.install(1, &contents[1]).unwrap();
    write_ledger(&folder, &bed.ledger);
    let stop = AtomicBool::new(false);
    let (mut chance, mut found) = (Chance(SEED), Found::default());
    let reads: usize = thread::scope(|scope| {
        let read = || {
            let looks = (0..).take_while(|_| !stop.load(Ordering::Relaxed));
            looks.inspect(|_| _ = look(&store, &texts)).inspect(|_| thread::yield_now()).count()
        };
        let readers: Vec<_> = (0..READERS).map(|_| scope.spawn(read)).collect();
        let stopped = StopAtTheEnd(&stop);
        for _ in 0..KILLS {
            let mut victim = Victim::start(NAME, &folder);
            victim.wait_for(1 + chance.below(MOST_ROTATIONS) as usize);
            for _ in 0..chance.below(MOST_LOOKS) {
                look(&store, &texts);
            }
            victim.kill();
            resume(&mut bed, &folder);
            inspect(&bed, &texts, &mut found);
            heal(&mut bed, &contents);
            write_ledger(&folder, &bed.ledger);
        }
        drop(stopped);
        readers.into_iter().map(|reader| reader.join().unwrap()).sum()
    });
    found.rotations = active(&bed.ledger);
    println!(
        "{KILLS} kills, {READERS} readers, {reads} looks at three links, none torn: {found:?}"
    );
    assert!(reads > 1000 && found.rotations as usize > KILLS);
    assert!(found.temporary_files + found.between_the_halves > 0, "nothing was interrupted");
}

/// Lets the readers go, also when the test fails.
struct StopAtTheEnd<'a>(&'a AtomicBool);

impl Drop for StopAtTheEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
