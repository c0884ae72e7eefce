//! The process dies, the disk is full, or it is broken, at every file-system call. Afterwards every
//! file is whole, the old or the new one, and the next preparation of the same version finishes it.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::sync::{Arc, Mutex};

use atomic_file::{Call, Gate};
use cert_store::{FileAccess, Form, Material, Output, OutputDirectoryRecord, OutputStore};
use certified_key::Content;

use crate::Place;
use crate::bed::{certificate, key};
use crate::failing::{FAULTS, Failing, Fault};

/// Two files, and chain and key below one link.
fn place() -> Place {
    let mut place = Place::with_set();
    for (name, form) in [("site.pem", Form::Combined), ("site.key", Form::PrivateKey)] {
        let path = place.path(name);
        place.wanted.push(Output::File { path, form, access: FileAccess::default() });
    }
    place
}

/// Which of the contents stands there, if it is whole.
fn which(place: &Place, contents: &[Content; 2], name: &str) -> Option<usize> {
    let found = match fs::read(place.path(name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        other => other.unwrap(),
    };
    let is = |content: &Content| match name {
        "tls/tls.crt" => key(content).to_chain_pem() == found,
        "tls/tls.key" => *key(content).to_key_pem() == found,
        _ => *key(content).to_pem() == found,
    };
    Some(contents.iter().position(is).unwrap_or_else(|| panic!("{name} is torn")))
}

fn check_whole(place: &Place, contents: &[Content; 2], before: Option<usize>) {
    let chain = which(place, contents, "tls/tls.crt");
    assert_eq!(chain, which(place, contents, "tls/tls.key"), "the set is of one version");
    assert!(chain.is_some() || before.is_none(), "the set is missing");
    let combined = which(place, contents, "site.pem");
    assert!(combined.is_some() || before.is_none(), "the file is missing");
}

/// Tries one point; false when there was no such point any more.
fn try_point(installed: bool, fails: usize, fault: Fault, contents: &[Content; 2]) -> bool {
    let mut place = place();
    if installed {
        place.install(1, &contents[0]).unwrap();
    } else {
        fs::write(place.path("site.key"), b"by hand").unwrap();
    }
    let before = installed.then_some(0);
    let gate = Arc::new(Failing::new(fails, fault));
    let broken = OutputStore::new(place.keep()).through(gate.clone());
    let healthy = std::mem::replace(&mut place.store, broken);
    let outcome = place.install(2, &contents[1]);
    place.store = healthy;
    check_whole(&place, contents, before);
    if let (Err(error), Fault::Error(_)) = (&outcome, fault) {
        assert!(!error.is_customer(), "{error}");
        let temporary = place.names().into_iter().find(|name| name.starts_with(".akvvm"));
        assert_eq!(temporary, None, "what fails cleans up");
    }
    let gone_through = gate.has_failed();
    place.sweep();
    place.install(2, &contents[1]).unwrap();
    assert_eq!(place.standing(), Vec::<String>::new());
    check_whole(&place, contents, Some(1));
    assert_eq!(which(&place, contents, "site.pem"), Some(1));
    let after = place.snapshot();
    assert!(!place.install(2, &contents[1]).unwrap());
    assert_eq!(place.snapshot(), after, "the second time there is nothing to do");
    assert_eq!(place.ledger.replaced.len(), usize::from(!installed));
    place.sweep();
    assert_eq!(place.names().len(), if installed { 5 } else { 4 }, "{:?}", place.names());
    if installed {
        place.install(1, &contents[0]).unwrap();
        check_whole(&place, contents, Some(0));
        assert_eq!(which(&place, contents, "site.pem"), Some(0), "and there is a way back");
    }
    gone_through
}

#[test]
fn outputs_survive_a_fault_at_every_call() {
    let contents = [certificate("web"), certificate("web")];
    let mut points = 0;
    for installed in [false, true] {
        for fault in FAULTS {
            let tried = (0..).take_while(|&fails| try_point(installed, fails, fault, &contents));
            points += tried.count();
        }
    }
    println!("{points} points of preparing and switching outputs tried");
    assert!(points > 300);
}

#[derive(Default)]
struct Recording(Mutex<Vec<Call>>);

impl Gate for Recording {
    fn enter(&self, call: Call, _name: &OsStr) -> io::Result<()> {
        self.0.lock().unwrap().push(call);
        Ok(())
    }
}

#[test]
fn a_switch_is_renames_and_then_the_disk() {
    let mut place = place();
    let recording = Arc::new(Recording::default());
    place.store = OutputStore::new(place.keep()).through(recording.clone());
    let (content, version) = (certificate("web"), crate::bed::version(1));
    let material = Material { version: &version, content: &content, value: None };
    let prepared = place.store.prepare(&place.wanted, material, &place.ledger).unwrap();
    recording.0.lock().unwrap().clear();
    prepared.switch().unwrap();
    let calls = recording.0.lock().unwrap().clone();
    assert_eq!(calls, [Call::Rename, Call::Rename, Call::Rename, Call::Sync]);
}

#[test]
fn the_files_of_a_directory_are_on_the_disk_before_a_link_leads_there() {
    let mut place = Place::with_set();
    let recording = Arc::new(Recording::default());
    place.store = OutputStore::new(place.keep()).through(recording.clone());
    place.install(1, &certificate("web")).unwrap();
    let calls = recording.0.lock().unwrap().clone();
    let link = calls.iter().rposition(|call| *call == Call::MakeLink).unwrap();
    let before = calls[..link].iter().rfind(|call| matches!(call, Call::Rename | Call::Sync));
    assert_eq!(before, Some(&Call::Sync));
}

#[test]
fn a_sweep_lists_a_directory_as_often_for_many_links_as_for_one() {
    let mut place = Place::with_set();
    place.install(1, &certificate("web")).unwrap();
    let recording = Arc::new(Recording::default());
    place.store = OutputStore::new(place.keep()).through(recording.clone());
    let lists = |place: &Place| {
        recording.0.lock().unwrap().clear();
        assert_eq!(place.sweep(), 0);
        recording.0.lock().unwrap().iter().filter(|call| **call == Call::List).count()
    };
    let few = lists(&place);
    let one = place.ledger.directories[0].clone();
    for number in 0..20 {
        let link = place.path(&format!("other{number}"));
        place.ledger.directories.push(OutputDirectoryRecord { link, ..one.clone() });
    }
    assert_eq!(lists(&place), few);
}
