//! `akvvm_service sync`: one pass now, and what came of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::Signal;
use worker_state::{
    CertificateState, Directories, Lease, Presence, Report, Timestamp, WorkerSight,
};

use crate::clock::Clock;
use crate::exit::Exit;
use crate::logging::{self, Echo};
use crate::machine::{Machine, Serving};
use crate::metrics::Publisher;
use crate::notify::Notifier;
use crate::order::{self, OrderError, Surroundings};
use crate::{hardening, report, serve, shipping, terminal};

/// A worker that was asked for a pass, and at work on it, writes its report every few seconds; one
/// that has not for so long is not waited for.
const PATIENCE: Duration = Duration::from_secs(180);
/// How often people hear how far it is.
const PROGRESS: Duration = Duration::from_secs(2);
const GAP: Duration = Duration::from_millis(100);

/// One pass: by the worker that is at work, else by this process.
pub(crate) fn run(
    directories: Directories,
    surroundings: Surroundings,
    settings: Option<PathBuf>,
    json: bool,
) -> Exit {
    match pass_now(directories, surroundings, settings, &mut Progress::told(!json)) {
        Ok(report) => tell(&report, json),
        Err((complaint, exit)) => {
            terminal::complain(&complaint);
            exit
        }
    }
}

/// One pass, by whoever may write; its report.
pub(crate) fn pass_now(
    directories: Directories,
    surroundings: Surroundings,
    settings: Option<PathBuf>,
    progress: &mut Progress,
) -> Reported {
    match WorkerSight::look(&directories) {
        Ok(WorkerSight::Absent(lease)) => {
            alone(directories, surroundings, settings, lease, progress)
        }
        Ok(WorkerSight::Present(Some(worker))) if settings.is_none() => {
            ask(&directories, &worker, progress)
        }
        Ok(WorkerSight::Present(worker)) => {
            Err((serve::complaint_of_worker(worker.as_ref()), Exit::Failed))
        }
        Err(failure) => Err((failure.to_string(), Exit::Failed)),
    }
}

/// A report, or what to complain of and how to end.
pub(crate) type Reported = Result<Report, (String, Exit)>;

fn failed(why: impl std::fmt::Display) -> (String, Exit) {
    (format!("{why:#}"), Exit::Failed)
}

fn alone(
    directories: Directories,
    surroundings: Surroundings,
    settings: Option<PathBuf>,
    lease: Lease,
    progress: &mut Progress,
) -> Reported {
    let clock = Clock::start();
    let environment = surroundings.process.clone().over(surroundings.file.clone());
    logging::start(directories.logs(None), Echo::Silent, &environment);
    hardening::forbid_dumps();
    let origin = serve::origin(&directories, settings);
    let mut order = order::read(&origin, &directories, &surroundings, clock.now().wall)
        .map_err(|refused: OrderError| (refused.to_string(), Exit::Usage))?;
    let machine = Machine::begin(clock, directories, surroundings, lease, Notifier::default())
        .map_err(failed)?;
    let (mut worker, source, disk) = serve::prepare(&machine, &mut order).map_err(failed)?;
    let mut serving = Serving {
        machine: &machine,
        origin: &origin,
        order: &order,
        source,
        disk,
        metrics: Publisher::by_hand(&order.settings.metrics),
        told: BTreeMap::new(),
        trouble: BTreeMap::new(),
        watch: None,
    };
    let mut told = |looked, all| progress.tell(looked, all, machine.clock.now().steady);
    if !worker.once(&mut serving, &mut told) {
        return Err(failed("stopped before the pass had ended"));
    }
    for trouble in serving.trouble.values().chain(serving.metrics.trouble()) {
        terminal::complain(trouble);
    }
    shipping::farewell();
    Ok(report::report(&worker.roster, &worker.frame, clock.now()))
}

/// Asks the worker for a pass, and waits until its report counts one more that was asked for, for as
/// long as it is at work: a pass may have to wait for vaults, checks and services.
fn ask(directories: &Directories, worker: &Presence, progress: &mut Progress) -> Reported {
    let clock = Clock::start();
    let last = || Report::read(directories).ok().flatten();
    let before = last().map_or(0, |report| report.asked_passes);
    let asked = worker.process.signal(Signal::HUP).map_err(failed)?;
    if !asked {
        return Err(failed("the worker has just ended; try again"));
    }
    let (mut seen, mut until) = (None, PATIENCE);
    while clock.now().steady < until {
        clock.pause(GAP);
        let is_alive = worker.process.is_alive();
        let report = match last() {
            Some(report) if report.asked_passes > before => return Ok(report),
            _ if !is_alive => {
                return Err(failed("the worker ended before its pass did; see its log"));
            }
            Some(report) => report,
            None => continue,
        };
        let now = clock.now().steady;
        progress.tell(looked_at(&report), report.certificates.len(), now);
        if seen.replace(report.written_at) != Some(report.written_at) {
            until = now + PATIENCE;
        }
    }
    let seconds = PATIENCE.as_secs();
    Err(failed(format!("the worker has shown no sign of life for {seconds} s; see its log")))
}

/// How many certificates the pass that was asked for has looked at: they are not due again for
/// now, and the others are.
fn looked_at(report: &Report) -> usize {
    let is_due = |at: Timestamp| at.moment() <= report.written_at.moment();
    let due = report.certificates.iter().filter(|one| one.next_attempt_at.is_some_and(is_due));
    report.certificates.len() - due.count()
}

/// Tells a person who waits how far a pass is, now and then.
pub(crate) struct Progress {
    is_told: bool,
    next: Duration,
}

impl Progress {
    pub(crate) fn told(is_told: bool) -> Self {
        Self { is_told, next: PROGRESS }
    }

    fn tell(&mut self, looked: usize, all: usize, now: Duration) {
        if let Some(line) = self.line(looked, all, now) {
            terminal::complain(&line);
        }
    }

    /// What there is to tell at `now`. Nothing of a pass that is soon over.
    fn line(&mut self, looked: usize, all: usize, now: Duration) -> Option<String> {
        if !self.is_told || now < self.next {
            return None;
        }
        self.next = now + PROGRESS;
        let what_follows = if looked < all { "" } else { "; what follows goes on" };
        Some(format!("{looked} of {all} certificates looked at{what_follows}"))
    }
}

fn tell(report: &Report, json: bool) -> Exit {
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
        true => Exit::Failed,
        false => Exit::Fine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation;

    #[test]
    fn a_pass_that_takes_its_time_tells_how_far_it_is() {
        let at = Duration::from_millis;
        let mut progress = Progress::told(true);
        assert_eq!(progress.line(1, 9, at(1900)), None);
        assert_eq!(progress.line(2, 9, at(2100)).unwrap(), "2 of 9 certificates looked at");
        assert_eq!(progress.line(3, 9, at(4000)), None);
        assert!(
            progress.line(9, 9, at(4200)).unwrap().ends_with("looked at; what follows goes on")
        );
        assert_eq!(Progress::told(false).line(2, 9, at(9000)), None);
    }

    #[test]
    fn what_is_due_now_is_still_to_be_looked_at() {
        // One was looked at just now, the other waits.
        let mut report = simulation::report();
        assert_eq!(looked_at(&report), 1);
        report.certificates[0].next_attempt_at = Some(report.written_at);
        assert_eq!(looked_at(&report), 0);
    }
}
