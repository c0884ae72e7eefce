//! `uninstall`: nothing of this version stays but certificates and logs.
//!
//! The agent calls it in the middle of every update too, without saying so, and a failure then
//! breaks the update off (WALinuxAgent 2.15, `ga/exthandlers.py:885`). The marker that `update`
//! has left tells the difference; one that cannot be read counts as long as it is young.

use worker_state::{HandlerLock, UpdateMarker, WorkerSight};

use crate::failure::Failure;
use crate::job::Job;
use crate::supervisor::Removed;
use crate::{disable, worker};

/// Removes the unit, and with the last version the state.
pub(crate) fn uninstall(job: &Job<'_>) -> Result<(), Failure> {
    let lock = job.turn();
    let in_force = job.in_force();
    let ours = in_force.as_ref().is_none_or(|assignment| job.is_of_this_folder(assignment));
    let ended = match &lock {
        Ok(lock) if ours => disable::end(job, lock).map(drop),
        Ok(_) => Ok(()),
        Err(failure) => Err(failure.clone()),
    };
    // The unit goes in any case: the program it starts is about to be deleted.
    let unit = remove_unit(job);
    ended?;
    unit?;
    if ours { lock.and_then(|lock| remove_state(job, &lock)) } else { Ok(()) }
}

/// The unit may name the folder as the agent does, or as the kernel does where a link is on the
/// way.
fn remove_unit(job: &Job<'_>) -> Result<(), Failure> {
    let folder = &job.invocation.extension_folder;
    let real = std::fs::canonicalize(folder).ok().filter(|real| real != folder);
    for folder in std::iter::once(folder).chain(&real) {
        let removed = job.machine.supervisor.remove(folder);
        match removed.map_err(|error| Failure::of_files(&error))? {
            Some(Removed { path, trouble: None }) => {
                job.say(&format!("{} is removed", path.display()));
            }
            // Nothing is left to be started, so that the agent need not keep this version for it.
            Some(Removed { path, trouble: Some(error) }) => job.complain(&format!(
                "{} is removed, but systemd does not know it yet: {error:#}; run: systemctl \
                 daemon-reload",
                path.display()
            )),
            None => continue,
        }
    }
    Ok(())
}

fn remove_state(job: &Job<'_>, _lock: &HandlerLock) -> Result<(), Failure> {
    let directories = job.directories();
    let update = match UpdateMarker::fresh(directories, job.now()) {
        Ok(marker) => {
            marker.map(|marker| format!("the state stays for version {}", marker.to_version))
        }
        Err(error) => Some(format!("the state stays, because an update may be under way: {error}")),
    };
    if let Some(sentence) = update {
        job.say(&sentence);
        return Ok(());
    }
    match worker::settled(job)? {
        WorkerSight::Absent(_lease) => directories.remove()?,
        WorkerSight::Present(_) => {
            job.say("the state stays for the worker that uses it");
            return Ok(());
        }
    }
    job.say("the state is removed; certificates and logs stay");
    Ok(())
}
