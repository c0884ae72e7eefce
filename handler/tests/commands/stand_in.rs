//! A worker as the handler sees one: it takes the lease, announces itself, writes status and
//! heartbeat, and ends on SIGTERM. It is this test program itself, run for one test only.

use std::error::Error;
use std::path::Path;
use std::time::{Duration, SystemTime};

use signal_hook::consts::{SIGHUP, SIGTERM};
use signal_hook::iterator::Signals;
use status_schema::{Heartbeat, HeartbeatState, SequenceNumber, State, Status, StatusReport};
use worker_state::{
    Account, Assignment, Directories, Environment, Lease, LeaseError, Presence, ProcessIdentity,
};

/// The variable that turns the test into a worker.
const MANNER: &str = "STAND_IN_MANNER";

/// How a stand-in behaves.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    /// As it should.
    Dutiful,
    /// Runs, but never takes the lease.
    Idle,
    /// Takes the lease, but never says who it is.
    Nameless,
    /// Does not end when it is asked to.
    Stubborn,
    /// Does not listen for new settings.
    Deaf,
}

/// What the worker's program in a test's extension runs; as a test it does nothing.
#[test]
fn stand_in_worker() -> Result<(), Box<dyn Error>> {
    let manner = match std::env::var(MANNER).ok().as_deref() {
        None => return Ok(()),
        Some("dutiful") => Manner::Dutiful,
        Some("idle") => Manner::Idle,
        Some("nameless") => Manner::Nameless,
        Some("stubborn") => Manner::Stubborn,
        Some("deaf") => Manner::Deaf,
        other => return Err(format!("no such manner: {other:?}").into()),
    };
    let signals = Signals::new([SIGHUP, SIGTERM])?;
    let environment = Environment::from_lookup(|name| std::env::var_os(name));
    let directories = Directories::new(&environment, &Account::current());
    let lease = if manner == Manner::Idle { None } else { Some(take_lease(&directories)?) };
    let begun = SystemTime::now();
    if let Some(lease) = lease.as_ref().filter(|_| manner != Manner::Nameless) {
        serve(&directories, lease, begun)?;
    }
    listen(signals, manner, |lease| serve(&directories, lease, begun), lease.as_ref())
}

/// The script that runs this very program as a worker. A worker of an unknown manner dies at once.
pub(crate) fn script(manner: &str) -> String {
    let program = std::env::current_exe().unwrap();
    let name = concat!(module_path!(), "::stand_in_worker");
    let name = name.split_once("::").unwrap().1;
    format!("#!/bin/sh\n{MANNER}={manner} exec '{}' --exact {name}\n", program.display())
}

/// A handler may hold the lease for a moment.
fn take_lease(directories: &Directories) -> Result<Lease, LeaseError> {
    let begun = SystemTime::now();
    loop {
        match Lease::acquire(directories) {
            Err(LeaseError::Held) if begun.elapsed().unwrap_or_default().as_secs() < 5 => {
                std::thread::sleep(Duration::from_millis(5));
            }
            other => return other,
        }
    }
}

fn listen(
    mut signals: Signals,
    manner: Manner,
    serve: impl Fn(&Lease) -> Result<(), Box<dyn Error>>,
    lease: Option<&Lease>,
) -> Result<(), Box<dyn Error>> {
    for signal in signals.forever() {
        match (signal, lease) {
            (SIGTERM, _) if manner != Manner::Stubborn => return Ok(()),
            (SIGHUP, Some(lease)) if manner != Manner::Deaf => serve(lease)?,
            _ => {}
        }
    }
    Ok(())
}

/// Announces what is assigned now, and publishes what is refused, which is its last act.
fn serve(
    directories: &Directories,
    lease: &Lease,
    begun: SystemTime,
) -> Result<(), Box<dyn Error>> {
    let assignment = Assignment::read(directories)?.ok_or("nothing is assigned")?;
    let agent = &assignment.agent;
    let presence = Presence {
        process: ProcessIdentity::current().ok_or("no /proc")?,
        version: "stand-in".into(),
        assignment: Some(assignment.identity()),
        since: begun.into(),
    };
    presence.announce(directories, lease)?;
    let number = assignment.sequence_number;
    write_status(&agent.status_folder, number, State::Success, "all installed")?;
    let beat = Heartbeat { state: HeartbeatState::Ready, code: 0, message: "ready".into() };
    atomic_file::replace_file(&agent.heartbeat_file, 0o600, &beat.to_json())?;
    if let Some(refusal) = &assignment.refusal {
        let folder = &agent.status_folder;
        write_status(folder, refusal.sequence_number, State::Error, &refusal.reason)?;
    }
    Ok(())
}

fn write_status(
    folder: &Path,
    number: u64,
    state: State,
    message: &str,
) -> Result<(), Box<dyn Error>> {
    let status = Status {
        name: "stand-in".into(),
        operation: "Enable".into(),
        applied: SystemTime::now(),
        state,
        code: 0,
        message: message.into(),
        substatuses: Vec::new(),
    };
    let report = StatusReport { written: SystemTime::now(), status };
    let path = folder.join(SequenceNumber::new(number).status_file_name());
    Ok(atomic_file::replace_file(&path, 0o600, &report.to_json())?)
}
