//! `disable`: no worker any more, also after a reboot. The certificates stay.
//!
//! It runs before every update and every uninstall, with the *new* sequence number and without
//! settings (WALinuxAgent 2.15, `ga/exthandlers.py:857`), and where it fails the uninstall is
//! given up: it needs nothing that may be missing. It writes no status, which the new version
//! would inherit as its own.

use worker_state::{Assignment, HandlerLock, WorkerSight};

use crate::failure::{Failure, chain};
use crate::job::Job;
use crate::sole_writer::SoleWriter;
use crate::{status, worker};

const MESSAGE: &str = "disabled: the certificates stay in place and are no longer refreshed";

/// Stops the worker and leaves a heartbeat that says so.
pub(crate) fn disable(job: &Job<'_>) -> Result<(), Failure> {
    let lock = job.turn()?;
    let in_force = job.in_force();
    if let Some(other) = in_force.as_ref().filter(|assignment| !job.is_of_this_folder(assignment)) {
        let folder = other.agent.extension_folder.display();
        job.say(&format!("the worker belongs to {folder} and is left alone"));
        return Ok(());
    }
    if let Err(error) = job.machine.supervisor.keep_stopped() {
        // The worker would find no assignment at boot.
        job.complain(&chain(&error));
    }
    let stopped = end(job, &lock)?;
    let right = stopped.map(Some).unwrap_or_else(|| job.sole_writer(job.invocation.agent().ok()?));
    match (job.invocation.agent(), right) {
        (Ok(agent), Some(right)) => status::write_not_ready(&right, agent, 0, MESSAGE)
            .unwrap_or_else(|error| job.complain(&chain(&error))),
        (Err(unknown), _) => job.complain(unknown),
        (Ok(_), None) => {}
    }
    job.say("no worker runs");
    Ok(())
}

/// Stops the extension's worker and withdraws what it served. A worker that was started by hand
/// goes on; there is no right to write then.
pub(crate) fn end(job: &Job<'_>, lock: &HandlerLock) -> Result<Option<SoleWriter>, Failure> {
    let stopped = match worker::settled(job)? {
        WorkerSight::Present(Some(presence)) if presence.assignment.is_none() => {
            job.say(&worker::by_hand(&presence).sentence);
            None
        }
        sight => {
            // Even without a worker: the supervisor may be about to start it again. A lease that
            // was free is given back first.
            drop(sight);
            Some(SoleWriter::holding(worker::stop(job)?))
        }
    };
    Assignment::withdraw(job.directories(), lock)?;
    Ok(stopped)
}
