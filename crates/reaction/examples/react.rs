//! Does one reaction by hand, as the worker would, with everything permitted.
//!
//! ```text
//! react reload|try-reload-or-restart|restart UNIT
//! react SIGNAL UNIT
//! react SIGNAL /PID/FILE
//! react [--as USER] [--within MILLISECONDS] /PROGRAM [ARGUMENT]...
//! ```
//!
//! For trying out whether this machine lets a reaction through, and for tests in a machine with
//! systemd. A command gets the variables of one certificate, `example`.
#![expect(clippy::print_stderr, reason = "an example is a program: it has a terminal")]

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use reaction::{
    Action, Change, Command, Occasion, Permission, Reason, Recipient, Signal, Surroundings,
    UnitName, Verb, run,
};

const USAGE: &str = "usage: react VERB UNIT | SIGNAL UNIT | SIGNAL /PID/FILE | \
                     [--as USER] [--within MILLISECONDS] /PROGRAM [ARGUMENT]...";

fn main() -> ExitCode {
    match react() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn react() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let change = Change {
        certificate: "example".to_owned(),
        version: "1".to_owned(),
        paths: vec!["/srv/example.pem".into()],
        reason: Reason::Requested,
    };
    let surroundings = Surroundings::discover(Permission::Commands, true);
    run(&action(words)?, &Occasion { changes: vec![change] }, &surroundings)?;
    Ok(())
}

fn action(words: Vec<String>) -> Result<Action, Box<dyn Error>> {
    let parts: Vec<&str> = words.iter().map(String::as_str).collect();
    match parts.as_slice() {
        [program, ..] if program.starts_with(['/', '-']) => Ok(Action::Command(command(words)?)),
        [signal, path] if path.starts_with('/') => {
            let recipient = Recipient::PidFile(path.into());
            Ok(Action::Signal { signal: Signal::parse(signal)?, recipient })
        }
        [word, unit] => {
            let unit = UnitName::parse(unit)?;
            match Verb::parse(word) {
                Ok(verb) => Ok(Action::Unit { unit, verb }),
                Err(_) => {
                    let recipient = Recipient::Unit(unit);
                    Ok(Action::Signal { signal: Signal::parse(word)?, recipient })
                }
            }
        }
        _ => Err(USAGE.into()),
    }
}

fn command(words: Vec<String>) -> Result<Command, Box<dyn Error>> {
    let mut words = words.into_iter().peekable();
    let (mut user, mut limit) = (None, Duration::from_secs(60));
    while let Some(option) = words.next_if(|word| word.starts_with("--")) {
        let value = words.next().ok_or(USAGE)?;
        match option.as_str() {
            "--as" => user = Some(value),
            "--within" => limit = Duration::from_millis(value.parse()?),
            _ => return Err(USAGE.into()),
        }
    }
    Ok(Command::new(words.collect(), limit, user)?)
}
