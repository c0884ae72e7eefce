//! The handler: answers the guest agent's five commands within seconds, then ends.
//!
//! It checks the customer's settings, writes them down as the worker's assignment, and sees to it
//! that one worker serves them. It knows neither key vaults nor certificates, and the worker does
//! not know it: the two meet in the files of `worker-state`.
//!
//! [`Invocation::read`] takes in what was asked, [`answer`] does it on a [`Machine`], and [`run`]
//! puts both together for the program. Every effect goes through an edge: [`Clock`], [`Console`],
//! a [`supervisor::Supervisor`], and the one file that starts processes.

mod clock;
mod command;
mod console;
mod disable;
mod enable;
mod extension_folder;
mod failure;
mod install;
mod invocation;
mod job;
mod limits;
mod processes;
mod settings;
mod sole_writer;
mod status;
pub mod supervisor;
mod uninstall;
mod update;
mod worker;

pub use clock::{Clock, SystemClock};
pub use command::Command;
pub use console::{Console, StandardStreams};
pub use extension_folder::AgentFolders;
pub use failure::{Code, Failure};
pub use invocation::{Invocation, Surroundings, UsageError};
pub use job::Machine;
pub use limits::Limits;

use job::Job;
use supervisor::choice::{Choice, Ground, choose, fitting};
use supervisor::{Detached, Supervisor, Systemd, UnitFolders};
use worker_state::environment_name;

/// What the program ends with when a command fails; the agent takes every number but 0 alike.
const FAILED: u8 = 1;
/// What the program ends with when it is called wrongly.
const MISUSED: u8 = 2;

/// Does what the surroundings ask and gives the program's exit code.
#[must_use]
pub fn run(surroundings: &Surroundings<'_>, console: &dyn Console) -> u8 {
    if surroundings.arguments == ["--version"] {
        console.say(&format!("akvvm_handler {}", worker_state::version::with_commit()));
        return 0;
    }
    let invocation = match Invocation::read(surroundings) {
        Ok(invocation) => invocation,
        Err(usage) => {
            console.complain(&usage.to_string());
            return MISUSED;
        }
    };
    let (clock, limits) = (SystemClock::start(), Limits::default());
    let (choice, doubt) = chosen(&invocation, surroundings);
    let supervisor = supervisor_of(choice, &clock, &limits);
    let machine = Machine { clock: &clock, supervisor: supervisor.as_ref(), console, limits };
    let answered = match doubt {
        Some(failure) if invocation.command.starts_something() => {
            Err(Job { invocation: &invocation, machine }.told_failure(failure))
        }
        _ => answer(&invocation, machine),
    };
    match answered {
        Ok(()) => 0,
        Err(failure) => {
            console.complain(&format!("{}: {failure}", invocation.command.name()));
            FAILED
        }
    }
}

/// Carries out one command.
///
/// # Errors
/// Why it failed; status and heartbeat say so already, as far as they can be written.
pub fn answer(invocation: &Invocation, machine: Machine<'_>) -> Result<(), Failure> {
    let job = Job { invocation, machine };
    match invocation.command {
        Command::Install => install::install(&job),
        Command::Enable => enable::enable(&job),
        Command::Disable => disable::disable(&job),
        Command::Update => update::update(&job),
        Command::Uninstall => uninstall::uninstall(&job),
    }
}

/// The supervisor that is forced or fits; one that is forced but not to be had is doubtful, and
/// the one that fits can at least stop and remove things.
fn chosen(invocation: &Invocation, surroundings: &Surroundings<'_>) -> (Choice, Option<Failure>) {
    let steering = invocation.steering().unwrap_or_else(|_| invocation.environment.clone());
    let path = (surroundings.lookup)("PATH");
    let ground = Ground::look(path.as_deref(), surroundings.account.clone());
    match choose(steering.value(environment_name::SUPERVISOR), &ground) {
        Ok(choice) => (choice, None),
        Err(error) => {
            let failure = Failure::new(Code::SettingsRefused, error.to_string());
            (fitting(&ground), Some(failure))
        }
    }
}

fn supervisor_of<'c>(
    choice: Choice,
    clock: &'c SystemClock,
    limits: &Limits,
) -> Box<dyn Supervisor + 'c> {
    let units = UnitFolders::default();
    match choice {
        Choice::Systemd(systemctl) => {
            Box::new(Systemd { units, systemctl, clock, limit: limits.systemctl })
        }
        Choice::Detached => Box::new(Detached { units, clock, unpacking: limits.unpacking }),
    }
}
