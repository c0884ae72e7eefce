//! Readers in a tight loop while certificates rotate.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test reads like anyone"
)]
#![allow(clippy::print_stdout, reason = "the figures are what the test found out")]

mod bed;

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use bed::{Bed, certificate, key};
use cert_store::{CertificateStore, Layout};
use certified_key::Content;

const ROTATIONS: u32 = 1000;
/// Readers of each kind.
const READERS: usize = 2;
/// Different certificates, installed in turn under ever new versions.
const CERTIFICATES: usize = 5;

/// One look of a reader at the store.
type Look<'a> = &'a (dyn Fn(&mut Seen) + Sync);

/// What one reader saw.
#[derive(Debug, Default)]
struct Seen {
    reads: usize,
    /// Chain and key of two certificates.
    mismatches: usize,
}

struct Expected {
    combined: Vec<Vec<u8>>,
    chains: Vec<Vec<u8>>,
    keys: Vec<Vec<u8>>,
}

impl Expected {
    fn of(contents: &[Content]) -> Self {
        Expected {
            combined: contents.iter().map(|c| key(c).to_pem().to_vec()).collect(),
            chains: contents.iter().map(|c| key(c).to_chain_pem()).collect(),
            keys: contents.iter().map(|c| key(c).to_key_pem().to_vec()).collect(),
        }
    }
}

/// Reads a link, which must be there, and must lead to one of the expected files whole.
fn read(path: &PathBuf, expected: &[Vec<u8>]) -> usize {
    let found = fs::read(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let found = expected.iter().position(|text| *text == found);
    found.unwrap_or_else(|| panic!("{path:?} is torn"))
}

#[test]
fn a_thousand_rotations_show_no_torn_file_no_missing_link_and_no_wrong_key() {
    let mut bed = Bed::new(&[Layout::Combined, Layout::Split]);
    let contents: Vec<Content> = (0..CERTIFICATES).map(|_| certificate("web")).collect();
    let expected = Expected::of(&contents);
    bed.install(0, &contents[0]).unwrap();
    let [combined, chain, private, luma]: [PathBuf; 4] = {
        let names = bed.target.public_names();
        names.iter().map(|name| bed.file(name)).collect::<Vec<_>>().try_into().unwrap()
    };
    let stop = AtomicBool::new(false);
    let watch = |look: &dyn Fn(&mut Seen)| {
        let mut seen = Seen::default();
        while !stop.load(Ordering::Relaxed) {
            look(&mut seen);
            seen.reads += 1;
            thread::yield_now(); // there are more readers than processors, and one writer
        }
        seen
    };
    let one_open = |_: &mut Seen| _ = read(&combined, &expected.combined);
    let two_opens = |seen: &mut Seen| {
        let pair = (read(&chain, &expected.chains), read(&private, &expected.keys));
        seen.mismatches += usize::from(pair.0 != pair.1);
    };
    let with_metadata = |seen: &mut Seen| {
        loop {
            let before = fs::read(&luma);
            let pair = (read(&chain, &expected.chains), read(&private, &expected.keys));
            if let (Ok(before), Ok(after)) = (before, fs::read(&luma))
                && before == after
            {
                seen.mismatches += usize::from(pair.0 != pair.1);
                return;
            }
        }
    };
    let (one, two, compared) = thread::scope(|scope| {
        let looks: [Look<'_>; 3] = [&one_open, &two_opens, &with_metadata];
        let watch = &watch;
        let readers = looks.map(|look| {
            (0..READERS).map(|_| scope.spawn(move || watch(&look))).collect::<Vec<_>>()
        });
        for number in 1..=ROTATIONS {
            bed.now -= Duration::from_secs(599); // a rotation a second
            let content = &contents[number as usize % CERTIFICATES];
            bed.install(number, content).unwrap();
            let mut targets = [(&bed.target, &mut bed.ledger)];
            bed.store.retire(&mut targets, bed.now);
        }
        stop.store(true, Ordering::Relaxed);
        let sum = |readers: Vec<thread::ScopedJoinHandle<'_, Seen>>| {
            let mut sum = Seen::default();
            for seen in readers.into_iter().map(|reader| reader.join().unwrap()) {
                sum.reads += seen.reads;
                sum.mismatches += seen.mismatches;
            }
            sum
        };
        readers.map(sum).into()
    });
    println!("{ROTATIONS} rotations, {READERS} readers of each kind");
    println!("combined file: {} reads, none torn", one.reads);
    println!("chain and key between two looks at the metadata: {compared:?}");
    println!("chain and key, one after the other: {two:?}");
    assert_eq!(compared.mismatches, 0);
    assert!(one.reads > 1000 && two.reads > 1000 && compared.reads > 1000);
    assert!(bed.names().len() < 4 + 3 * 70, "old versions go");
}
