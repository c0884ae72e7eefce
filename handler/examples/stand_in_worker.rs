//! A worker as the handler sees one, for the tests: it takes the lease, announces itself, writes
//! status and heartbeat, and ends on SIGTERM. Its first argument says in which manner.
#![expect(clippy::disallowed_methods, reason = "a program of its own, with its own edges")]

use std::error::Error;
use std::path::Path;
use std::time::{Duration, SystemTime};

use signal_hook::consts::{SIGHUP, SIGTERM};
use signal_hook::iterator::Signals;
use status_schema::{Heartbeat, HeartbeatState, SequenceNumber, State, Status, StatusReport};
use worker_state::{
    Account, Assignment, Directories, Environment, Lease, LeaseError, Presence, ProcessIdentity,
};

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

fn main() -> Result<(), Box<dyn Error>> {
    let manner = match std::env::args().nth(1).as_deref() {
        Some("dutiful") => Manner::Dutiful,
        Some("dying") => return Err("dying".into()),
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
    if let Some(lease) = lease.as_ref().filter(|_| manner != Manner::Nameless) {
        serve(&directories, lease)?;
    }
    listen(signals, manner, &directories, lease.as_ref())
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
    directories: &Directories,
    lease: Option<&Lease>,
) -> Result<(), Box<dyn Error>> {
    for signal in signals.forever() {
        match (signal, lease) {
            (SIGTERM, _) if manner != Manner::Stubborn => return Ok(()),
            (SIGHUP, Some(lease)) if manner != Manner::Deaf => serve(directories, lease)?,
            _ => {}
        }
    }
    Ok(())
}

/// Announces what is assigned now, and publishes what is refused.
fn serve(directories: &Directories, lease: &Lease) -> Result<(), Box<dyn Error>> {
    let assignment = Assignment::read(directories)?.ok_or("nothing is assigned")?;
    let agent = &assignment.agent;
    let presence = Presence {
        process: ProcessIdentity::current().ok_or("no /proc")?,
        version: "stand-in".into(),
        assignment: Some(assignment.identity()),
        since: SystemTime::now().into(),
    };
    presence.announce(directories, lease)?;
    let number = assignment.sequence_number;
    write_status(&agent.status_folder, number, State::Success, "all installed")?;
    if let Some(refusal) = &assignment.refusal {
        let folder = &agent.status_folder;
        write_status(folder, refusal.sequence_number, State::Error, &refusal.reason)?;
    }
    let beat = Heartbeat { state: HeartbeatState::Ready, code: 0, message: "ready".into() };
    atomic_file::replace_file(&agent.heartbeat_file, 0o600, &beat.to_json())?;
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
