//! Why a reaction did not come about.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::permission::{Permission, WHERE};
use crate::{Distrust, UnitName};

/// Why something that was to follow a certificate did not, or failed. `Display` names the thing
/// and the next step and ends in what a program said, up to 2 KiB of it; nothing in it is secret
/// that the program itself kept to itself.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReactionError {
    /// The machine's administrator does not permit it.
    NotPermitted {
        /// What was to be done.
        action: String,
        /// What is permitted.
        permission: Permission,
        /// What would have to be.
        needed: Permission,
    },
    /// There is no systemd to ask.
    NoSystemd {
        /// The unit that was to be asked for something.
        unit: UnitName,
    },
    /// The unit is this process's own, and asking it would end in a circle.
    OwnUnit {
        /// That unit.
        unit: UnitName,
    },
    /// systemd knows no such unit, or has it masked.
    NoUnit {
        /// Its name.
        unit: UnitName,
        /// What systemd says of it: `not-found`, `masked`, `error`, …
        state: String,
    },
    /// systemd did not do it, or the unit did not.
    Unit {
        /// What was asked for, with the unit.
        action: String,
        /// How it ended.
        how: String,
        /// What systemctl said.
        said: String,
    },
    /// A program or pid file that others than root may have a hand in, or that is none.
    Distrust {
        /// What it would have been for.
        role: &'static str,
        /// Where and why.
        reason: Distrust,
    },
    /// A program could not be started.
    NotStarted {
        /// Its path.
        program: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A command failed.
    Failed {
        /// The command.
        command: String,
        /// How it ended.
        how: String,
        /// The end of what it said.
        said: String,
    },
    /// A program did not end in time and was ended.
    TimedOut {
        /// What was run.
        what: String,
        /// How long it had.
        limit: Duration,
        /// The end of what it said.
        said: String,
    },
    /// A process could not be signalled.
    Signal {
        /// What was to be done.
        action: String,
        /// Why not.
        why: String,
    },
    /// It cannot be done here, or not in this way.
    Impossible {
        /// What, and why not.
        why: String,
    },
}

impl fmt::Display for ReactionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPermitted { action, permission, needed } => write!(
                f,
                "{action} is not permitted on this machine: {WHERE} is {permission}, and would \
                 have to be {needed}"
            ),
            Self::NoSystemd { unit } => write!(
                f,
                "{unit} cannot be asked for anything, because systemd does not run here or is not \
                 to be used; use a signal with a pidFile, or a command"
            ),
            Self::OwnUnit { unit } => {
                write!(f, "{unit} is this worker's own unit, which cannot wait for itself")
            }
            Self::NoUnit { unit, state } => {
                write!(
                    f,
                    "{unit} is no unit that systemd can use ({state}); see systemctl status {unit}"
                )
            }
            Self::Unit { action, how, said } => write!(f, "{action} failed: {how}{}", after(said)),
            Self::Distrust { role, reason } => write!(f, "{role} {reason}"),
            Self::NotStarted { program, cause } => {
                write!(f, "{} cannot be started: {}", program.display(), started(cause))
            }
            Self::Failed { command, how, said } => {
                write!(f, "{command} failed: {how}{}", after(said))
            }
            Self::TimedOut { what, limit, said } => {
                let seconds = limit.as_secs_f32();
                write!(f, "{what} did not end within {seconds} s and was ended{}", after(said))
            }
            Self::Signal { action, why } => write!(f, "{action} was not sent: {why}"),
            Self::Impossible { why } => f.write_str(why),
        }
    }
}

fn after(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(": {said}") }
}

/// What to do about it, where the system's words do not say.
fn started(cause: &io::Error) -> String {
    match cause.kind() {
        io::ErrorKind::PermissionDenied => format!("{cause}; is it executable (chmod +x)?"),
        io::ErrorKind::NotFound => {
            format!("{cause}; does the interpreter of its first line exist?")
        }
        _ => cause.to_string(),
    }
}

impl Error for ReactionError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Distrust { reason, .. } => reason.source(),
            Self::NotStarted { cause, .. } => Some(cause),
            _ => None,
        }
    }
}
