//! `akvvm_service sync`: one pass now, and what came of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use rustix::process::Signal;
use worker_state::{CertificateState, Directories, Lease, Presence, Report, WorkerSight};

use crate::clock::Clock;
use crate::commands::Outcome;
use crate::logging::{self, Echo, Format};
use crate::machine::{Machine, Serving};
use crate::metrics::Publisher;
use crate::notify::Notifier;
use crate::order::{self, OrderError, Surroundings};
use crate::{hardening, report, serve, signals, terminal};

/// A worker that was asked for a pass has so long to report it.
const PATIENCE: Duration = Duration::from_secs(180);
const GAP: Duration = Duration::from_millis(100);

/// One pass: by the worker that is at work, else by this process.
pub(crate) fn run(
    directories: Directories,
    surroundings: Surroundings,
    settings: Option<PathBuf>,
    json: bool,
) -> Outcome {
    match pass_now(directories, surroundings, settings) {
        Ok(report) => tell(&report, json),
        Err((complaint, outcome)) => {
            terminal::complain(&complaint);
            outcome
        }
    }
}

/// One pass, by whoever may write; its report.
pub(crate) fn pass_now(
    directories: Directories,
    surroundings: Surroundings,
    settings: Option<PathBuf>,
) -> Reported {
    match WorkerSight::look(&directories) {
        Ok(WorkerSight::Absent(lease)) => alone(directories, surroundings, settings, lease),
        Ok(WorkerSight::Present(Some(worker))) if settings.is_none() => ask(&directories, &worker),
        Ok(WorkerSight::Present(worker)) => {
            Err((serve::complaint_of_worker(worker.as_ref()), Outcome::Failed))
        }
        Err(failure) => Err((failure.to_string(), Outcome::Failed)),
    }
}

/// A report, or what to complain of and how to end.
pub(crate) type Reported = Result<Report, (String, Outcome)>;

fn failed(why: impl std::fmt::Display) -> (String, Outcome) {
    (format!("{why:#}"), Outcome::Failed)
}

fn alone(
    directories: Directories,
    surroundings: Surroundings,
    settings: Option<PathBuf>,
    lease: Lease,
) -> Reported {
    let clock = Clock::start();
    let format = Format::of(&surroundings.process.clone().over(surroundings.file.clone()));
    logging::start(directories.logs(None), Echo::Silent, format);
    hardening::forbid_dumps();
    let origin = serve::origin(&directories, settings);
    let mut order = order::read(&origin, &directories, &surroundings, clock.now().wall)
        .map_err(|refused: OrderError| (refused.to_string(), Outcome::Usage))?;
    let (sender, events) = mpsc::channel();
    signals::listen(sender.clone()).map_err(failed)?;
    let lease = Arc::new(lease);
    let notifier = Notifier::default();
    let traffic = Arc::default();
    let machine =
        Machine { clock, events, sender, directories, surroundings, lease, notifier, traffic };
    let (mut worker, source, disk) = serve::prepare(&machine, &mut order).map_err(failed)?;
    let mut serving = Serving {
        machine: &machine,
        origin: &origin,
        order: &order,
        source,
        disk,
        metrics: Publisher::nowhere(),
        told: BTreeMap::new(),
        trouble: BTreeMap::new(),
        watch: None,
    };
    if !worker.once(&mut serving) {
        return Err(failed("stopped before the pass had ended"));
    }
    for trouble in serving.trouble.values() {
        terminal::complain(trouble);
    }
    Ok(report::report(&worker.roster, &worker.frame, clock.now()))
}

/// Asks the worker for a pass, and waits until its report counts one more that was asked for.
fn ask(directories: &Directories, worker: &Presence) -> Reported {
    let clock = Clock::start();
    let last = || Report::read(directories).ok().flatten();
    let before = last().map_or(0, |report| report.asked_passes);
    let asked = worker.process.signal(Signal::HUP).map_err(failed)?;
    if !asked {
        return Err(failed("the worker has just ended; try again"));
    }
    while clock.now().steady < PATIENCE {
        clock.pause(GAP);
        match last() {
            Some(report) if report.asked_passes > before => return Ok(report),
            _ if !worker.process.is_alive() => {
                return Err(failed("the worker ended before its pass did; see its log"));
            }
            _ => {}
        }
    }
    let seconds = PATIENCE.as_secs();
    Err(failed(format!("the worker has not ended a pass within {seconds} s; see its log")))
}

fn tell(report: &Report, json: bool) -> Outcome {
    match serde_json::to_string_pretty(report) {
        Ok(text) if json => terminal::say(&format!("{text}\n")),
        _ => terminal::summary(report),
    }
    let failing = |one: &worker_state::CertificateReport| {
        let bad = matches!(one.state, CertificateState::Error | CertificateState::Pending);
        let unfinished = one.reaction_pending || one.held_version.is_some();
        one.failures > 0 || bad || unfinished
    };
    match report.certificates.iter().any(failing) {
        true => Outcome::Failed,
        false => Outcome::Fine,
    }
}
