//! `install`: everything is made ready, nothing runs yet.

use worker_state::{HandlerLock, WorkerSight};

use crate::failure::{Code, Failure};
use crate::job::Job;
use crate::worker;

/// Makes directories and unit ready; a failure is told in the status.
pub(crate) fn install(job: &Job<'_>) -> Result<(), Failure> {
    let agent = job.agent()?;
    let lock = job.turn();
    let outcome = match &lock {
        Ok(lock) => prepare(job, lock),
        Err(failure) => Err(failure.clone()),
    };
    if let Err(failure) = &outcome {
        job.tell(job.number(agent).ok(), failure);
    }
    outcome
}

fn prepare(job: &Job<'_>, lock: &HandlerLock) -> Result<(), Failure> {
    job.end_update(lock);
    if let Some(obstacle) = job.obstacle() {
        return Err(obstacle);
    }
    refuse_beside_a_stranger(job)?;
    job.machine
        .supervisor
        .prepare(&job.invocation.worker)
        .map_err(|error| Failure::of_worker(&error))?;
    job.say(&format!("version {} is ready", job.invocation.version));
    Ok(())
}

fn refuse_beside_a_stranger(job: &Job<'_>) -> Result<(), Failure> {
    let stranger = match worker::settled(job)? {
        WorkerSight::Absent(_) => None,
        WorkerSight::Present(Some(by_hand)) if by_hand.assignment.is_none() => {
            return Err(worker::by_hand(&by_hand));
        }
        WorkerSight::Present(_) => job.in_force().filter(|it| job.is_of_a_stranger(it)),
    };
    stranger.map_or(Ok(()), |assignment| Err(beside(&assignment)))
}

/// Why nothing is done beside another extension's worker.
pub(crate) fn beside(stranger: &worker_state::Assignment) -> Failure {
    let sentence = format!(
        "another extension, in {}, already keeps certificates on this machine; remove that one, \
         then deploy this one again",
        stranger.agent.extension_folder.display()
    );
    Failure::new(Code::NotAlone, sentence)
}
