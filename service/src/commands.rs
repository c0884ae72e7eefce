//! The program's commands, and the only file that reads the process environment.

use std::error::Error;
use std::io;
use std::process::ExitCode;

use worker_state::{Account, Directories, Environment, EnvironmentError, Wish, version};

use crate::arguments::{self, Arguments};
use crate::exit::Exit;
use crate::order::Surroundings;
use crate::sandbox::confine;
use crate::{
    doctor, hardening, history, migrate, operator, overview, plan, serve, sync, terminal, validate,
};

/// Runs the command that the command line names.
pub fn main() -> ExitCode {
    hardening::quote_no_panics();
    let exit = match arguments::parse(std::env::args_os().skip(1)) {
        Ok(arguments) => run(arguments),
        Err(complaint) => {
            terminal::complain(&complaint);
            Exit::Usage
        }
    };
    exit.into()
}

fn run(arguments: Arguments) -> Exit {
    match arguments {
        Arguments::Help => terminal::say(arguments::HELP),
        Arguments::Version => terminal::say(&format!("akvvm_service {}\n", version::with_commit())),
        Arguments::Run { settings } => return with_state(|d, s| serve::run(d, s, settings)),
        Arguments::Confine { settings } => {
            return with_state(|d, s| confine::run(d, s, settings));
        }
        Arguments::Sync { settings, release: None, json } => {
            return with_state(|d, s| sync::run(d, s, settings, json));
        }
        Arguments::Sync { settings, release: Some(name), json } => {
            return with_state(|d, s| operator::run(d, s, settings, (name, Wish::Release), json));
        }
        Arguments::Rollback { settings, certificate, json } => {
            let wish = (certificate, Wish::RollBack);
            return with_state(|d, s| operator::run(d, s, settings, wish, json));
        }
        Arguments::Status { json } => return looking_only(|d, _| overview::run(&d, json)),
        Arguments::Plan { settings, json } => {
            return looking_only(|d, s| plan::run(&d, &s, settings, json));
        }
        Arguments::History { certificate, json } => {
            return looking_only(|d, _| history::run(&d, &certificate, json));
        }
        Arguments::Validate { settings, json } => {
            return looking_only(|d, s| validate::run(d, s, settings, json));
        }
        Arguments::Migrate(request) => {
            return looking_only(|d, s| migrate::run(&d, &s, &request));
        }
        Arguments::Doctor { settings, json } => {
            return looking_only(|d, s| doctor::run(d, s, settings, json));
        }
    }
    Exit::Fine
}

/// What helps another user than root whose worker cannot do without the environment file.
const WHO_MAY_READ: &str =
    "run this as root, or let others read the file (mode 0644), if there is no password in it";

type Around = (Directories, Surroundings);

/// For commands that keep state: its directories are made where they are missing.
fn with_state(command: impl FnOnce(Directories, Surroundings) -> Exit) -> Exit {
    let (directories, surroundings) = match surroundings(false) {
        Ok(around) => around,
        Err(error) if is_forbidden(&error) => {
            terminal::complain(&format!("{error}: {WHO_MAY_READ}"));
            return Exit::Usage;
        }
        Err(error) => return complain(&error, Exit::Usage),
    };
    if let Err(error) = directories.create() {
        return complain(&error, Exit::Failed);
    }
    command(directories, surroundings)
}

/// For commands that change nothing. Anybody may run them, so an environment file that only root
/// can read is passed over.
fn looking_only(command: impl FnOnce(Directories, Surroundings) -> Exit) -> Exit {
    match surroundings(true) {
        Ok((directories, surroundings)) => command(directories, surroundings),
        Err(error) => complain(&error, Exit::Usage),
    }
}

fn complain(error: &dyn Error, exit: Exit) -> Exit {
    terminal::complain(&error.to_string());
    exit
}

fn surroundings(tolerant: bool) -> Result<Around, EnvironmentError> {
    #[expect(clippy::disallowed_methods, reason = "the process environment is read here, once")]
    let process = Environment::from_lookup(|name| std::env::var_os(name));
    let (file, passed_over) = match Environment::from_file(Environment::FILE.as_ref()) {
        Ok(file) => (file, None),
        Err(error) if tolerant && is_forbidden(&error) => {
            (Environment::default(), Some(error.to_string()))
        }
        Err(error) => return Err(error),
    };
    let all = process.clone().over(file.clone());
    let directories = Directories::new(&all, &Account::current());
    Ok((directories, Surroundings { process, file, passed_over }))
}

/// Whether the file was kept from this user, who is not root.
fn is_forbidden(error: &EnvironmentError) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::PermissionDenied)
}
