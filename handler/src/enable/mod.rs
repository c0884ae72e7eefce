//! `enable`: a worker serves the settings, or everybody is told why not.
//!
//! The agent calls it for new settings, at each of its own starts and for every goal state that
//! changes any other extension of the machine (WALinuxAgent 2.15, `ga/update.py:640`): most calls
//! ask for what is served already, and must not touch anything.

mod decide;
mod launch;
mod refuse;

use std::time::Duration;

use status_schema::{HandlerEnvironment, Heartbeat, SequenceNumber, StatusReport};
use worker_state::{
    AgentPaths, Assignment, HandlerLock, Lease, Presence, ProcessIdentity, WorkerSight,
    environment_name,
};

use self::decide::{Action, Seen, Situation, decide};
use crate::failure::{Code, Failure};
use crate::job::Job;
use crate::{install, settings, worker};

/// Has the settings served; a failure is told in status and heartbeat.
pub(crate) fn enable(job: &Job<'_>) -> Result<(), Failure> {
    let agent = job.agent()?;
    let number = job.number(agent);
    // Held until everything is told: the next command must not come in between.
    let lock = job.turn();
    let outcome = match (&lock, &number) {
        (Err(failure), _) | (_, Err(failure)) => Err(failure.clone()),
        (Ok(lock), Ok(number)) => {
            let begun = job.machine.clock.elapsed();
            Enabling { job, agent, number: *number, lock, begun }.run()
        }
    };
    if let Err(failure) = &outcome {
        job.tell(number.ok(), failure);
    }
    outcome
}

/// One `enable` that has its turn.
struct Enabling<'a> {
    job: &'a Job<'a>,
    agent: &'a HandlerEnvironment,
    number: SequenceNumber,
    lock: &'a HandlerLock,
    begun: Duration,
}

/// A worker and, as far as there is one, the way to it: its process, or the lease that it does
/// not hold.
struct Found {
    seen: Seen,
    process: Option<ProcessIdentity>,
    lease: Option<Lease>,
}

impl Enabling<'_> {
    fn run(&self) -> Result<(), Failure> {
        self.job.end_update(self.lock);
        let in_force = self.job.in_force();
        let wanted = self.wanted(in_force.as_ref());
        let found = self.look()?;
        let situation = Situation {
            wanted,
            seen: found.seen.clone(),
            heard: self.is_heard(),
            obstacle: self.job.obstacle(),
            stranger: in_force
                .as_ref()
                .filter(|assignment| self.job.is_of_a_stranger(assignment))
                .map(install::beside),
            in_force,
            here: self.here(),
            version: self.job.invocation.version.clone(),
        };
        self.carry_out(decide(situation), found)
    }

    fn carry_out(&self, action: Action, found: Found) -> Result<(), Failure> {
        let job = self.job;
        match action {
            Action::LeaveUntouched => job.say(&format!("settings {} are served", self.number)),
            Action::Assign(assignment) => {
                self.assign(&assignment)?;
                job.say(&format!("settings {} are served and assigned again", self.number));
            }
            Action::WithdrawRefusal(assignment) => {
                self.withdraw_refusal(&assignment, found.process.as_ref())?;
            }
            Action::Start(assignment) => self.serve(found.lease, &assignment)?,
            Action::Restart(assignment) => self.serve(None, &assignment)?,
            Action::RecordRefusal(former, failure) => {
                return Err(self.record_refusal(former, failure, found.process.as_ref()));
            }
            Action::ServeFormer(former, failure) => {
                return Err(self.serve_former(found.lease, former, failure));
            }
            Action::Fail(failure) => return Err(failure),
        }
        Ok(())
    }

    /// What the settings ask for. What is in force already was assigned when it was: the time
    /// limit of the first sync counts from there.
    fn wanted(&self, in_force: Option<&Assignment>) -> Result<Assignment, String> {
        let invocation = self.job.invocation;
        let steering = invocation.steering().map_err(ToString::to_string)?;
        let checked = settings::read(self.agent, self.number, &steering)?;
        for remark in &checked.remarks {
            self.job.say(&format!("remark: {remark}"));
        }
        let mut wanted = Assignment {
            sequence_number: self.number.value(),
            version: invocation.version.clone(),
            settings: checked.public,
            agent: self.here(),
            // The worker reads the administrator's file itself.
            environment: invocation.environment.only(&environment_name::STEERING),
            assigned_at: self.job.now().into(),
            refusal: None,
        };
        if let Some(same) = in_force.filter(|it| it.identity() == wanted.identity()) {
            wanted.assigned_at = same.assigned_at;
        }
        Ok(wanted)
    }

    fn here(&self) -> AgentPaths {
        AgentPaths {
            extension_folder: self.job.invocation.extension_folder.clone(),
            status_folder: self.agent.status_folder.clone(),
            heartbeat_file: self.agent.heartbeat_file.clone(),
            log_folder: self.agent.log_folder.clone(),
        }
    }

    /// Whether the agent finds what a worker says of these settings. It deletes extensions without
    /// a word, and while extensions are switched off or not allowed it writes an error of its own
    /// over the status (WALinuxAgent 2.15, `ga/exthandlers.py:415` and `:1559`); a worker that has
    /// nothing new to say would not write it again.
    fn is_heard(&self) -> bool {
        let status = self.agent.status_folder.join(self.number.status_file_name());
        let status = std::fs::read(status).is_ok_and(|bytes| StatusReport::parse(&bytes).is_ok());
        let beat = std::fs::read(&self.agent.heartbeat_file);
        status && beat.is_ok_and(|bytes| Heartbeat::parse(&bytes).is_ok())
    }

    fn look(&self) -> Result<Found, Failure> {
        let presence = match worker::settled(self.job)? {
            WorkerSight::Absent(lease) => {
                return Ok(Found { seen: Seen::Absent, process: None, lease: Some(lease) });
            }
            WorkerSight::Present(presence) => presence,
        };
        let process = worker::process(self.job, presence.as_ref());
        let seen = match presence {
            None => Seen::Unannounced,
            Some(Presence { assignment: Some(identity), .. }) => Seen::Serving(identity),
            Some(by_hand) => Seen::ByHand(worker::by_hand(&by_hand)),
        };
        Ok(Found { seen, process, lease: None })
    }

    /// Puts an assignment in force.
    fn assign(&self, assignment: &Assignment) -> Result<(), Failure> {
        Ok(assignment.replace(self.job.directories(), self.lock)?)
    }

    /// Where the worker's own words are.
    fn with_log(&self, failure: Failure) -> Failure {
        let logs = self.job.directories().logs(Some(&self.agent.log_folder));
        let log = logs.join("akvvm_service.log");
        match failure.code {
            Code::Worker => Failure {
                sentence: format!("{}; its log is {}", failure.sentence, log.display()),
                ..failure
            },
            _ => failure,
        }
    }
}
