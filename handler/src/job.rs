//! What all commands share: what was asked, the machine it is done on, and their common steps.

use std::convert::Infallible;
use std::time::SystemTime;

use status_schema::{HandlerEnvironment, SequenceNumber};
use worker_state::{Assignment, Directories, HandlerLock, LeaseError, UpdateMarker};

use crate::clock::{Clock, wait_for};
use crate::console::Console;
use crate::extension_folder;
use crate::failure::{Code, Failure, chain};
use crate::invocation::Invocation;
use crate::limits::Limits;
use crate::settings;
use crate::sole_writer::SoleWriter;
use crate::status::{self, Word};
use crate::supervisor::Supervisor;

/// The machine, through its edges.
#[derive(Clone, Copy)]
pub struct Machine<'a> {
    /// Time.
    pub clock: &'a dyn Clock,
    /// Who runs the worker.
    pub supervisor: &'a dyn Supervisor,
    /// Where lines are printed.
    pub console: &'a dyn Console,
    /// How long to wait for what.
    pub limits: Limits,
}

impl std::fmt::Debug for Machine<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Machine").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// One command to be done.
#[derive(Debug)]
pub(crate) struct Job<'a> {
    pub(crate) invocation: &'a Invocation,
    pub(crate) machine: Machine<'a>,
}

impl Job<'_> {
    pub(crate) fn say(&self, what: &str) {
        self.machine.console.say(&format!("{}: {what}", self.invocation.command.name()));
    }

    pub(crate) fn complain(&self, what: &str) {
        self.machine.console.complain(&format!("{}: {what}", self.invocation.command.name()));
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.machine.clock.now()
    }

    pub(crate) fn directories(&self) -> &Directories {
        &self.invocation.directories
    }

    pub(crate) fn agent(&self) -> Result<&HandlerEnvironment, Failure> {
        self.invocation.agent().map_err(|why| Failure::new(Code::State, why))
    }

    pub(crate) fn number(&self, agent: &HandlerEnvironment) -> Result<SequenceNumber, Failure> {
        settings::number(self.invocation.sequence_number.as_deref(), agent)
            .map_err(|error| Failure::new(Code::SettingsRefused, error.to_string()))
    }

    /// Waits until no other command of the handler is at work. Makes the directories, which the
    /// lock lies in.
    pub(crate) fn turn(&self) -> Result<HandlerLock, Failure> {
        let (directories, limit) = (self.directories(), self.machine.limits.turn);
        let lock = wait_for(self.machine.clock, limit, || {
            directories.create()?;
            match HandlerLock::acquire(directories) {
                Ok(lock) => Ok(Some(lock)),
                Err(LeaseError::Held) => Ok(None),
                Err(error) => Err(Failure::of_state(&error)),
            }
        })?;
        lock.ok_or_else(|| {
            let sentence = format!(
                "another command of the extension's handler has been at work for {} s; wait for \
                 it, then deploy again",
                limit.as_secs()
            );
            // The status is that command's to write.
            Failure::new(Code::State, sentence).told()
        })
    }

    /// The assignment in force. One that cannot be read is none: it will be replaced.
    pub(crate) fn in_force(&self) -> Option<Assignment> {
        Assignment::read(self.directories()).unwrap_or_else(|error| {
            self.complain(&error.to_string());
            None
        })
    }

    /// Whether an assignment is of the very folder whose handler this is, or of one that is gone.
    pub(crate) fn is_of_this_folder(&self, assignment: &Assignment) -> bool {
        let folder = &assignment.agent.extension_folder;
        extension_folder::is_same(folder, &self.invocation.extension_folder) || !folder.is_dir()
    }

    /// Whether an assignment is of another extension that is installed beside this one.
    pub(crate) fn is_of_a_stranger(&self, assignment: &Assignment) -> bool {
        let folder = &assignment.agent.extension_folder;
        let own = &self.invocation.extension_folder;
        !extension_folder::are_versions_of_one(folder, own) && folder.is_dir()
    }

    /// In an update `install` and `enable` come after the old version's `uninstall`: from here on
    /// an uninstall is a real one.
    pub(crate) fn end_update(&self, lock: &HandlerLock) {
        if let Err(error) = UpdateMarker::consume(self.directories(), lock) {
            self.complain(&error.to_string());
        }
    }

    /// Why the worker cannot be run here.
    pub(crate) fn obstacle(&self) -> Option<Failure> {
        let program = &self.invocation.worker.path;
        if !program.is_file() {
            let sentence = format!(
                "{}: not found; the package is incomplete: deploy the extension again",
                program.display()
            );
            return Some(Failure::new(Code::Worker, sentence));
        }
        let obstacle = self.machine.supervisor.obstacle()?;
        Some(Failure::new(Code::NotAlone, obstacle))
    }

    /// The right to write what `agent` reads, unless a worker has it. Others may look at the lease
    /// for a moment, as we do.
    pub(crate) fn sole_writer(&self, agent: &HandlerEnvironment) -> Option<SoleWriter> {
        let (clock, limit) = (self.machine.clock, self.machine.limits.glance);
        let right = wait_for::<_, Infallible>(clock, limit, || {
            Ok(SoleWriter::look(self.directories(), agent))
        });
        right.unwrap_or_default()
    }

    /// A failure before the command began.
    pub(crate) fn told_failure(&self, failure: Failure) -> Failure {
        if let Ok(agent) = self.agent() {
            self.tell(self.number(agent).ok(), &failure);
        }
        failure
    }

    /// Tells a failure in status and heartbeat, unless they are a worker's to write. Both are
    /// needed: the agent shows the one in some of its states and the other in others.
    pub(crate) fn tell(&self, number: Option<SequenceNumber>, failure: &Failure) {
        let Ok(agent) = self.invocation.agent() else { return };
        if failure.told {
            return;
        }
        let Some(right) = self.sole_writer(agent) else {
            return self.complain("a worker is at work, so that its status is left alone");
        };
        let (command, word) = (self.invocation.command, Word::Failed(failure));
        let written = number.map_or(Ok(()), |number| {
            status::write(&right, agent, number, command, &word, self.now())
        });
        let beaten =
            status::write_not_ready(&right, agent, failure.code.number(), &failure.sentence);
        for error in [written.err(), beaten.err()].into_iter().flatten() {
            self.complain(&chain(&error));
        }
    }
}
