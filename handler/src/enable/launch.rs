//! From an assignment to a worker that is seen at work.

use std::time::Duration;

use worker_state::{Assignment, Lease};

use super::Enabling;
use crate::failure::Failure;
use crate::sole_writer::SoleWriter;
use crate::status::{self, Word};
use crate::worker::{self, Beat};

const MESSAGE: &str = "starting the worker";

impl Enabling<'_> {
    /// Serves new settings. `lease` is there where no worker has to be stopped first. One that is
    /// at work is stopped once they are assigned, and its files can be written: on a disk that is
    /// full it goes on as before.
    pub(super) fn serve(
        &self,
        lease: Option<Lease>,
        assignment: &Assignment,
    ) -> Result<(), Failure> {
        let lease = match lease {
            Some(lease) => {
                self.job.directories().sweep(&lease, self.lock);
                self.assign(assignment)?;
                lease
            }
            None => {
                status::rehearse(self.agent, self.number)
                    .map_err(|error| Failure::of_files(&error))?;
                self.assign(assignment)?;
                self.job.say("stopping the worker, to start one for these settings");
                let lease = worker::stop(self.job)?;
                self.job.directories().sweep(&lease, self.lock);
                lease
            }
        };
        let right = SoleWriter::holding(lease);
        // An old success must not stand while nothing is known: a dependent extension would be
        // let go by it.
        let (command, word) = (self.job.invocation.command, Word::Transitioning(MESSAGE));
        status::write(&right, self.agent, self.number, command, &word, self.job.now())
            .map_err(|error| Failure::of_files(&error))?;
        self.launch(right, assignment)
    }

    /// Starts a worker for the assignment in force and waits until it is seen at work; one that
    /// is not is ended.
    pub(super) fn launch(&self, right: SoleWriter, assignment: &Assignment) -> Result<(), Failure> {
        // Should this process be killed while it waits, this says how far it had come.
        status::write_not_ready(&right, self.agent, 0, MESSAGE)
            .map_err(|error| Failure::of_files(&error))?;
        let job = self.job;
        let file = &self.agent.heartbeat_file;
        let before = Beat::of(file);
        // The worker needs the lease.
        drop(right);
        let began = job.machine.clock.elapsed();
        let supervisor = job.machine.supervisor;
        let mut started = supervisor
            .start(&job.invocation.worker)
            .map_err(|error| self.given_up(Failure::of_worker(&error)))?;
        let (identity, limit) = (assignment.identity(), self.time_left());
        match worker::await_served(job, &identity, (file, &before), started.as_mut(), limit) {
            Ok(presence) => {
                let took = job.machine.clock.elapsed().saturating_sub(began).as_millis();
                let (pid, number) = (presence.process.pid, assignment.sequence_number);
                job.say(&format!("process {pid} serves settings {number} after {took} ms"));
                Ok(())
            }
            Err(failure) => {
                started.abandon();
                Err(self.given_up(failure))
            }
        }
    }

    /// Ends whatever came of an attempt to start a worker.
    fn given_up(&self, failure: Failure) -> Failure {
        if let Err(stuck) = worker::stop(self.job) {
            self.job.complain(&stuck.sentence);
        }
        self.with_log(failure)
    }

    fn time_left(&self) -> Duration {
        let limits = &self.job.machine.limits;
        let spent = self.job.machine.clock.elapsed().saturating_sub(self.begun);
        limits.served.min(limits.whole.saturating_sub(spent))
    }
}
