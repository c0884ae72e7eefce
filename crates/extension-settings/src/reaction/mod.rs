//! `onRenewal`, `check` and `guards`: what happens around the switch to a new version.

mod command;
mod guards;
mod signal;
mod unit;

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::field::Field;
use crate::key::Level;
use crate::nested::{Nested, read_path};
use crate::remark::Remarks;

pub use command::{Argv, Command};
pub use guards::Guards;
pub use signal::Signal;
pub use unit::{UnitName, Verb};

/// The most actions of one entry.
const MOST: usize = 64;

/// How long a `check` may take where the settings do not say.
const CHECK_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a command of `onRenewal` may take where the settings do not say.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);

/// What is done once a certificate has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Something that systemd does with a unit.
    Unit {
        /// The unit.
        unit: UnitName,
        /// What is done.
        verb: Verb,
    },
    /// A signal to a process.
    Signal {
        /// The signal.
        signal: Signal,
        /// To which process.
        recipient: Recipient,
    },
    /// A program that is run.
    Command(Command),
}

/// The process that gets a signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    /// The main process of a systemd unit.
    Unit(UnitName),
    /// The process whose number stands in this file: absolute and normalised.
    PidFile(PathBuf),
}

/// Reads an `onRenewal`; what cannot be read is reported and left out.
pub(crate) fn read_actions(field: Field, remarks: &mut Remarks) -> Vec<Action> {
    let path = field.path.clone();
    let Some(list) = field.objects(None, remarks) else { return Vec::new() };
    if list.len() > MOST {
        remarks.problem(path, format!("has more than {MOST} actions"));
        return Vec::new();
    }
    list.into_iter().filter_map(|action| read_action(action, remarks)).collect()
}

fn read_action(field: Field, remarks: &mut Remarks) -> Option<Action> {
    if field.value.as_str().is_some_and(|text| !text.trim_start().starts_with('{')) {
        return field.refuse("an object such as {\"unit\": \"nginx.service\"}", remarks);
    }
    let mut keys = Nested::read(field, Level::Action, remarks)?;
    let (action, rest) = if keys.has_any(&["command"]) {
        let command = Command::read(&mut keys, COMMAND_TIMEOUT, remarks);
        (command.map(Action::Command), "does not go with a command: write an action for each")
    } else if keys.has_any(&["signal", "pidFile"]) {
        (read_signal(&mut keys, remarks), "does not go with a signal: remove it")
    } else {
        (read_unit(&mut keys, remarks), "goes with a command only: remove it")
    };
    keys.refuse_rest(rest, remarks)?;
    action
}

fn read_unit(keys: &mut Nested, remarks: &mut Remarks) -> Option<Action> {
    let verb = match keys.take("action") {
        Some(field) => Verb::read(&field, remarks),
        None => Some(Verb::Reload),
    };
    let what = "a systemd unit, \"nginx.service\" for example, or a signal or a command";
    let unit = UnitName::read(&keys.required("unit", what, remarks)?, remarks);
    Some(Action::Unit { unit: unit?, verb: verb? })
}

fn read_signal(keys: &mut Nested, remarks: &mut Remarks) -> Option<Action> {
    let signal = keys.required("signal", "a signal's name, \"HUP\" for example", remarks);
    let signal = signal.and_then(|field| Signal::read(&field, remarks));
    let recipient = match (keys.take("unit"), keys.take("pidFile")) {
        (Some(unit), None) => UnitName::read(&unit, remarks).map(Recipient::Unit),
        (None, Some(file)) => read_path(&file, "/run/nginx.pid", remarks).map(Recipient::PidFile),
        _ => {
            let text = "must name either a unit or a pidFile that gets the signal";
            remarks.problem(&keys.path, text);
            None
        }
    };
    Some(Action::Signal { signal: signal?, recipient: recipient? })
}

/// Reads a `check`; a list of strings alone is its command. `None` may come with a problem.
pub(crate) fn read_check(field: Field, remarks: &mut Remarks) -> Option<Command> {
    if let Value::Array(_) = &field.value {
        let text = "a command without an object around it, read as its command";
        remarks.warning(&field.path, text);
        let argv = Argv::read(field, remarks)?;
        return Some(Command { argv, timeout: CHECK_TIMEOUT, user: None });
    }
    let mut keys = Nested::read(field, Level::Check, remarks)?;
    Command::read(&mut keys, CHECK_TIMEOUT, remarks)
}

#[cfg(test)]
mod tests;
