//! The process dies, the disk is full, or it is broken, at every file-system call of an
//! installation and of a retirement. Afterwards every link leads to a complete file, and the next
//! pass, which knows nothing of what happened, heals the rest.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test looks from outside"
)]
#![allow(clippy::print_stdout, reason = "the number of points is what the test found out")]

mod bed;
#[path = "bed/failing.rs"]
mod failing;

use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use std::{fs, io};

use atomic_file::{Call, Gate};
use bed::{Bed, certificate, key, version};
use cert_store::{CertificateStore, Change, DirectoryStore, Layout, Standing};
use certified_key::Content;
use failing::{FAULTS, Failing, Fault};
use serde_json::Value;

const LINK: &str = "exampleVault.myCertificate";

/// A pass that is interrupted.
struct Scenario {
    layouts: &'static [Layout],
    /// What the store looks like before, with version 1 installed or nothing.
    before: fn(&mut Bed, &Content),
    /// The version that the pass wants.
    wanted: u32,
}

const BOTH: &[Layout] = &[Layout::Combined, Layout::Split];

const SCENARIOS: &[Scenario] = &[
    Scenario { layouts: BOTH, before: |_, _| {}, wanted: 1 },
    Scenario { layouts: &[Layout::Combined], before: installed, wanted: 2 },
    Scenario { layouts: &[Layout::Split], before: installed, wanted: 2 },
    Scenario { layouts: BOTH, before: installed, wanted: 2 },
    Scenario { layouts: BOTH, before: drifted, wanted: 1 },
    Scenario { layouts: BOTH, before: one_layout, wanted: 1 },
];

fn installed(bed: &mut Bed, content: &Content) {
    bed.install(1, content).unwrap();
}

fn one_layout(bed: &mut Bed, content: &Content) {
    let layouts = std::mem::replace(&mut bed.target.layouts, vec![Layout::Combined]);
    bed.install(1, content).unwrap();
    bed.target.layouts = layouts;
}

/// The key's link is lost, and a file has the wrong mode.
fn drifted(bed: &mut Bed, content: &Content) {
    installed(bed, content);
    fs::remove_file(bed.file(&format!("{LINK}.keyid"))).unwrap();
    let combined = bed.file(&format!("{LINK}.{}", version(1)));
    fs::set_permissions(combined, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
}

/// Which of the contents an installed file is; nothing else may stand there.
fn which(bed: &Bed, ending: &str, contents: &[Content; 2]) -> Option<usize> {
    let path = bed.file(&format!("{LINK}{ending}"));
    if fs::symlink_metadata(&path).is_err() {
        return None;
    }
    let found = fs::read(&path).unwrap_or_else(|error| panic!("{path:?} leads nowhere: {error}"));
    let text = |content: &Content| match ending {
        "" => key(content).to_pem().to_vec(),
        ".pem" => key(content).to_chain_pem(),
        _ => key(content).to_key_pem().to_vec(),
    };
    let found = contents.iter().position(|content| text(content) == found);
    Some(found.unwrap_or_else(|| panic!("{path:?} is torn")))
}

/// Every link that was there is there and leads to a whole file; a metadata file, if there is
/// one, says where the links lead.
fn check_links(bed: &Bed, before: &[Option<usize>; 3], contents: &[Content; 2]) {
    for (ending, before) in ["", ".pem", ".keyid"].into_iter().zip(before) {
        let now = which(bed, ending, contents);
        assert!(now.is_some() || before.is_none(), "the link {LINK}{ending} is missing");
    }
    if let Ok(luma) = fs::read(bed.file(&format!("{LINK}.luma"))) {
        let luma: Value = serde_json::from_slice(&luma).unwrap();
        for (part, ending) in [("certificate", ".pem"), ("key", ".keyid")] {
            if let Ok(leads) = fs::read_link(bed.file(&format!("{LINK}{ending}"))) {
                assert_eq!(luma[part]["name"], *leads.to_str().unwrap());
            }
        }
    }
}

/// The next pass puts everything right, and the one after it has nothing to do.
fn check_healing(bed: &mut Bed, scenario: &Scenario, contents: &[Content; 2]) {
    bed.store.sweep(&bed.target.location).unwrap();
    let wanted = usize::try_from(scenario.wanted).unwrap() - 1;
    bed.install(scenario.wanted, &contents[wanted]).unwrap();
    assert_eq!(bed.standing(), Standing::Intact);
    let parts: Vec<_> = ["", ".pem", ".keyid"]
        .into_iter()
        .filter_map(|ending| which(bed, ending, contents))
        .collect();
    assert!(parts.iter().all(|&part| part == wanted) && !parts.is_empty());
    let links = bed.target.public_names().len();
    let metadata = usize::from(bed.target.layouts.contains(&Layout::Split));
    let files = links - metadata;
    let expected = links + files * wanted.max(1).max(scenario.wanted as usize);
    assert_eq!(bed.names().len(), expected, "{:?}", bed.names());
    let after = bed.snapshot();
    assert_eq!(bed.install(scenario.wanted, &contents[wanted]).unwrap().change, Change::Same);
    assert_eq!(bed.snapshot(), after);
}

/// Remembers what was done with what, and lets a disk lie about one file.
#[derive(Default)]
struct Recording {
    calls: Mutex<Vec<(Call, String)>>,
    /// Holds something else than was written as soon as it has its name.
    changes: Mutex<Option<PathBuf>>,
    /// Cannot be made.
    fails: Mutex<Option<String>>,
}

impl Gate for Recording {
    fn enter(&self, call: Call, name: &OsStr) -> io::Result<()> {
        let name = name.to_string_lossy().into_owned();
        if call == Call::Create && self.fails.lock().unwrap().as_deref() == Some(&*name) {
            return Err(io::Error::other("not this one"));
        }
        let changes = self.changes.lock().unwrap();
        let is_it = |path: &&PathBuf| path.file_name() == Some(OsStr::new(&name));
        if let (Some(path), Call::Open) = (changes.as_ref().filter(is_it), call) {
            fs::write(path, b"something else").unwrap();
        }
        self.calls.lock().unwrap().push((call, name));
        Ok(())
    }
}

/// Version 1 of both layouts, and a store for the next one that is looked over the shoulder.
fn recorded() -> (Bed, Arc<Recording>) {
    let mut bed = Bed::new(BOTH);
    bed.install(1, &certificate("web")).unwrap();
    let recording = Arc::new(Recording::default());
    bed.store = DirectoryStore::new().through(recording.clone());
    (bed, recording)
}

#[test]
fn what_does_not_read_back_is_not_switched_to_and_leaves_nothing() {
    let (mut bed, recording) = recorded();
    let before = bed.names();
    *recording.changes.lock().unwrap() = Some(bed.file(&format!("{LINK}.{}", version(2))));
    let error = bed.install(2, &certificate("web")).unwrap_err();
    assert!(error.to_string().ends_with("nothing was switched"), "{error}");
    assert_eq!(bed.names(), before);
}

#[test]
fn what_was_made_goes_again_where_the_rest_cannot_be() {
    let (mut bed, recording) = recorded();
    let before = bed.names();
    let seconds = bed.now + Duration::from_secs(600);
    let seconds = seconds.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let key = format!("{LINK}.{}.keyid.{seconds}", version(2));
    *recording.fails.lock().unwrap() = Some(key);
    bed.install(2, &certificate("web")).unwrap_err();
    let made = recording.calls.lock().unwrap().iter().filter(|(c, _)| *c == Call::Rename).count();
    assert_eq!((made, bed.names()), (2, before));
}

#[test]
fn the_files_names_are_on_the_disk_before_a_link_moves_and_the_links_in_the_end() {
    let (mut bed, recording) = recorded();
    bed.install(2, &certificate("web")).unwrap();
    let calls = recording.calls.lock().unwrap();
    let of_names = |(call, name): &&(Call, String)| match call {
        Call::Rename => true,
        Call::Sync => name.is_empty(),
        _ => false,
    };
    let order: Vec<Call> = calls.iter().filter(of_names).map(|(call, _)| *call).collect();
    let (file, link) = (Call::Rename, Call::Rename);
    let metadata = Call::Rename;
    assert_eq!(order, [file, file, file, Call::Sync, link, link, link, metadata, Call::Sync]);
}

/// Tries one point; false when there was no such point any more.
fn try_point(scenario: &Scenario, fails: usize, fault: Fault, contents: &[Content; 2]) -> bool {
    let mut bed = Bed::new(scenario.layouts);
    (scenario.before)(&mut bed, &contents[0]);
    let links = |bed: &Bed| ["", ".pem", ".keyid"].map(|ending| which(bed, ending, contents));
    let before = links(&bed);
    let gate = Arc::new(Failing::new(fails, fault));
    let healthy = std::mem::replace(&mut bed.store, DirectoryStore::new().through(gate.clone()));
    let ledger = bed.ledger.clone();
    let wanted = usize::try_from(scenario.wanted).unwrap() - 1;
    let outcome = bed.install(scenario.wanted, &contents[wanted]);
    bed.store = healthy;
    check_links(&bed, &before, contents);
    if let (Err(error), Fault::Error(_), true) = (&outcome, fault, bed.path().exists()) {
        assert!(!error.is_customer(), "{error}");
        let temporary = bed.names().into_iter().find(|name| name.starts_with(".akvvm"));
        assert_eq!(temporary, None, "what fails cleans up");
    }
    // What the process that comes next finds is the old ledger or one of those that could be kept
    // before the files were made; each has to do.
    let [ahead, after] = bed.announced.take().unwrap_or([ledger.clone(), ledger.clone()]);
    bed.ledger = [ledger, ahead, after][fails % 3].clone();
    check_healing(&mut bed, scenario, contents);
    gate.has_failed()
}

#[test]
fn an_installation_survives_a_fault_at_every_call() {
    let contents = [certificate("web"), certificate("web")];
    let mut points = 0;
    for scenario in SCENARIOS {
        for fault in FAULTS {
            let tried = (0..).take_while(|&fails| try_point(scenario, fails, fault, &contents));
            points += tried.count();
        }
    }
    println!("{points} points of an installation tried");
    assert!(points > 500);
}

/// Tries one point of a retirement; false when there was no such point any more.
fn try_retirement(fails: usize, fault: Fault, contents: &[Content; 2]) -> bool {
    let mut bed = Bed::new(BOTH);
    for number in 1..=4 {
        bed.install(number, &contents[(number % 2) as usize]).unwrap();
    }
    let gate = Arc::new(Failing::new(fails, fault));
    let broken = DirectoryStore::new().through(gate.clone());
    let mut ledger = bed.ledger.clone();
    let now = bed.now + Duration::from_secs(600);
    let retirement = broken.retire(&mut [(&bed.target, &mut ledger)], now);
    if fault == Fault::Death {
        ledger = bed.ledger.clone(); // never written
    }
    for file in bed.names().iter().filter(|name| name.contains(&version(1))) {
        assert!(ledger.files.iter().any(|entry| entry.name == *file), "{file} is forgotten");
    }
    assert!(fault == Fault::Death || retirement.removed.iter().all(|path| !path.exists()));
    bed.ledger = ledger;
    assert_eq!(bed.standing(), Standing::Intact);
    bed.retire();
    assert_eq!((bed.names().len(), bed.ledger.files.len()), (4 + 2 * 3, 2 * 3 + 1));
    assert_eq!(bed.standing(), Standing::Intact);
    gate.has_failed()
}

#[test]
fn a_retirement_survives_a_fault_at_every_call() {
    let contents = [certificate("web"), certificate("web")];
    let points: usize = FAULTS
        .into_iter()
        .map(|fault| (0..).take_while(|&fails| try_retirement(fails, fault, &contents)).count())
        .sum();
    println!("{points} points of a retirement tried");
    assert!(points > 50);
}
