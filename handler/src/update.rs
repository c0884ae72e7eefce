//! `update`: the new version's first command, while the old one is disabled but still there.

use status_schema::HandlerEnvironment;
use worker_state::UpdateMarker;

use crate::extension_folder;
use crate::failure::Failure;
use crate::job::Job;
use crate::status::{self, Word};

/// Leaves the marker that tells the coming uninstall from a real one, and puts `transitioning` in
/// place of the status that the agent has copied from the old version: it must not stand for the
/// new one.
pub(crate) fn update(job: &Job<'_>) -> Result<(), Failure> {
    let own = job.agent()?;
    let agent = target(job).unwrap_or_else(|| own.clone());
    let outcome = begin(job, &agent);
    if let Err(failure) = &outcome {
        job.tell(job.number(own).ok(), failure);
    }
    outcome
}

fn begin(job: &Job<'_>, agent: &HandlerEnvironment) -> Result<(), Failure> {
    let lock = job.turn()?;
    let invocation = job.invocation;
    let to_version = invocation.update_to.clone().unwrap_or_else(|| invocation.version.clone());
    let message = format!("updating to version {to_version}");
    let marker = UpdateMarker { begun_at: job.now().into(), to_version };
    marker.leave(job.directories(), &lock)?;
    let Some(right) = job.sole_writer(agent) else {
        job.complain("a worker is still at work, so that its status is left alone");
        return Ok(());
    };
    let failed = |error| Failure::of_worker(&error);
    match job.number(agent) {
        Ok(number) => {
            let word = Word::Transitioning(&message);
            status::write(&right, agent, number, invocation.command, &word, job.now())
                .map_err(failed)?;
        }
        Err(unknown) => job.complain(&unknown.sentence),
    }
    status::write_not_ready(&right, agent, 0, &message).map_err(failed)?;
    job.say(&message);
    Ok(())
}

/// Where the agent looks for the version that the update leads to. In a downgrade it is the higher
/// version's `update` that runs, but the lower one's folder that the old status was copied to
/// (WALinuxAgent 2.15, `ga/exthandlers.py:911` and `:1334`).
fn target(job: &Job<'_>) -> Option<HandlerEnvironment> {
    let invocation = job.invocation;
    let version =
        invocation.update_to.as_ref().filter(|version| **version != invocation.version)?;
    let folder = extension_folder::of_version(&invocation.extension_folder, version)?;
    extension_folder::read(&folder).ok()
}
