//! The program's commands, and the only file that reads the process environment.

use std::process::ExitCode;

use worker_state::{Account, Directories, Environment};

use crate::arguments::{self, Arguments};
use crate::order::Surroundings;
use crate::{serve, sync, terminal};

/// How a command ended, for whoever called it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Fine, or nothing to do.
    Fine,
    /// Some certificates failed, or the machine did.
    Failed,
    /// The command line or the settings cannot be used.
    Usage,
}

/// Runs the command that the command line names.
pub fn main() -> ExitCode {
    let outcome = match arguments::parse(std::env::args_os().skip(1)) {
        Ok(arguments) => run(arguments),
        Err(complaint) => {
            terminal::complain(&complaint);
            Outcome::Usage
        }
    };
    match outcome {
        Outcome::Fine => ExitCode::SUCCESS,
        Outcome::Failed => ExitCode::from(1),
        Outcome::Usage => ExitCode::from(2),
    }
}

fn run(arguments: Arguments) -> Outcome {
    match arguments {
        Arguments::Help => terminal::say(arguments::HELP),
        Arguments::Version => terminal::say(concat!(env!("CARGO_PKG_VERSION"), "\n")),
        Arguments::Run { settings } => return with_surroundings(|d, s| serve::run(d, s, settings)),
        Arguments::Sync { settings, json } => {
            return with_surroundings(|d, s| sync::run(d, s, settings, json));
        }
    }
    Outcome::Fine
}

fn with_surroundings(command: impl FnOnce(Directories, Surroundings) -> Outcome) -> Outcome {
    #[expect(clippy::disallowed_methods, reason = "the process environment is read here, once")]
    let process = Environment::from_lookup(|name| std::env::var_os(name));
    let file = match Environment::from_file(Environment::FILE.as_ref()) {
        Ok(file) => file,
        Err(error) => {
            terminal::complain(&error.to_string());
            return Outcome::Usage;
        }
    };
    let surroundings = Surroundings { process, file };
    let all = surroundings.process.clone().over(surroundings.file.clone());
    let directories = Directories::new(&all, &Account::current());
    if let Err(error) = directories.create() {
        terminal::complain(&error.to_string());
        return Outcome::Failed;
    }
    command(directories, surroundings)
}
