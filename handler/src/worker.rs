//! Seeing the worker, and stopping it.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use worker_state::{Lease, Presence, ProcessIdentity, WorkerSight};

use crate::clock::wait_for;
use crate::failure::{Code, Failure, chain};
use crate::job::Job;
use crate::supervisor::Started;

/// Looks for a worker, and gives one that does not say which it is a moment to do so; one that
/// was started by hand, which may be making a single pass, a moment to end.
pub(crate) fn settled(job: &Job<'_>) -> Result<WorkerSight, Failure> {
    let limit = job.machine.limits.announcement;
    let settled = wait_for(job.machine.clock, limit, || {
        let sight = look(job)?;
        let unclear = match &sight {
            WorkerSight::Absent(_) => false,
            WorkerSight::Present(presence) => {
                presence.as_ref().is_none_or(|presence| presence.assignment.is_none())
            }
        };
        Ok::<_, Failure>((!unclear).then_some(sight))
    })?;
    settled.map_or_else(|| look(job), Ok)
}

/// Stops the worker, however much force that takes, and gives its lease. A worker that was
/// started by hand is left alone.
pub(crate) fn stop(job: &Job<'_>) -> Result<Lease, Failure> {
    if let Err(error) = job.machine.supervisor.stop() {
        job.complain(&chain(&error));
    }
    let limits = &job.machine.limits;
    for (signal, limit) in [(Signal::TERM, limits.graceful_end), (Signal::KILL, limits.forced_end)]
    {
        if let Some(lease) = end_with(job, signal, limit)? {
            return Ok(lease);
        }
    }
    let process = match look(job)? {
        WorkerSight::Absent(lease) => return Ok(lease),
        WorkerSight::Present(presence) => process(job, presence.as_ref()),
    };
    let who = process.map_or("unknown".into(), |process| process.pid.to_string());
    let lock = job.directories().state().join("lease");
    let sentence = format!(
        "the worker (process {who}) does not end and still holds {}; restart the machine, or end the \
         process and deploy again",
        lock.display()
    );
    Err(Failure::new(Code::Worker, sentence))
}

/// Signals whoever holds the lease, once, and waits until it is free.
fn end_with(job: &Job<'_>, signal: Signal, limit: Duration) -> Result<Option<Lease>, Failure> {
    let mut signalled: Option<ProcessIdentity> = None;
    wait_for(job.machine.clock, limit, || match look(job)? {
        WorkerSight::Absent(lease) => Ok(Some(lease)),
        WorkerSight::Present(Some(presence)) if presence.assignment.is_none() => {
            Err(by_hand(&presence))
        }
        WorkerSight::Present(presence) => {
            let process =
                process(job, presence.as_ref()).filter(|it| Some(it) != signalled.as_ref());
            if let Some(process) = process {
                send(&process, signal)?;
                signalled = Some(process);
            }
            Ok(None)
        }
    })
}

/// The worker's process: what it says itself, else what the kernel says.
pub(crate) fn process(job: &Job<'_>, presence: Option<&Presence>) -> Option<ProcessIdentity> {
    match presence {
        Some(presence) => Some(presence.process.clone()),
        None => Lease::holder(job.directories())
            .filter(|it| Some(it) != ProcessIdentity::current().as_ref()),
    }
}

/// Signals a process; one that has ended meanwhile is as good.
pub(crate) fn send(process: &ProcessIdentity, signal: Signal) -> Result<(), Failure> {
    process.signal(signal).map(drop).map_err(|error| {
        let sentence = format!("process {} cannot be signalled: {error}", process.pid);
        Failure::new(Code::Worker, sentence)
    })
}

/// Why nothing is done beside a worker that was started by hand.
pub(crate) fn by_hand(presence: &Presence) -> Failure {
    let sentence = format!(
        "akvvm_service was started by hand (process {}) and keeps certificates on this machine; \
         stop it, then deploy the extension again",
        presence.process.pid
    );
    Failure::new(Code::NotAlone, sentence)
}

/// Waits until a worker serves the assignment with this identity and has written the heartbeat
/// since `before`.
pub(crate) fn await_served(
    job: &Job<'_>,
    identity: &str,
    heartbeat: (&Path, &Beat),
    started: &mut dyn Started,
    limit: Duration,
) -> Result<Presence, Failure> {
    let (file, before) = heartbeat;
    let unseen = |why: String| Failure::new(Code::Worker, why);
    let seen = wait_for(job.machine.clock, limit, || {
        // The heartbeat first: it costs a starting worker nothing, a look at the lease might.
        if Beat::of(file) != *before
            && let WorkerSight::Present(Some(presence)) = look(job)?
            && presence.assignment.as_deref() == Some(identity)
        {
            return Ok(Some(presence));
        }
        started.end().map_or(Ok(None), |end| Err(unseen(format!("the worker does not run: {end}"))))
    })?;
    seen.ok_or_else(|| {
        let words = started.last_words().map(|words| format!(": {words}")).unwrap_or_default();
        unseen(format!("the worker was not seen at work within {} s{words}", limit.as_secs_f32()))
    })
}

fn look(job: &Job<'_>) -> Result<WorkerSight, Failure> {
    WorkerSight::look(job.directories()).map_err(|error| Failure::of_state(&error))
}

/// Which heartbeat file stands there: another one whenever it has been replaced, whatever the
/// clock did meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Beat(Option<(u64, i64, i64)>);

impl Beat {
    /// The one at `path`, or that there is none.
    pub(crate) fn of(path: &Path) -> Self {
        let metadata = std::fs::metadata(path).ok();
        Self(metadata.map(|file| (file.ino(), file.mtime(), file.mtime_nsec())))
    }
}
