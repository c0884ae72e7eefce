//! Doing one action.

use crate::{
    Action, Occasion, Permission, ReactionError, Recipient, Surroundings, command, pid_file,
    systemctl,
};

/// What became of an action that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It is done.
    Done,
    /// The unit does not run, and was left alone: it serves nothing old.
    NotRunning,
}

/// Does `action` and waits for how it ends.
///
/// A unit that is not running is no failure; it is left alone, except by `restart`, which starts
/// it.
///
/// # Errors
/// Where it is not permitted, cannot be done here, or fails.
pub fn run(
    action: &Action,
    occasion: &Occasion,
    surroundings: &Surroundings,
) -> Result<Effect, ReactionError> {
    permit(action, surroundings.permission)?;
    match action {
        Action::Unit { unit, verb } => systemctl::ask(unit, *verb, surroundings),
        Action::Signal { signal, recipient: Recipient::Unit(unit) } => {
            systemctl::signal(unit, *signal, surroundings)
        }
        Action::Signal { signal, recipient: Recipient::PidFile(path) } => {
            pid_file::signal(path, *signal, surroundings.user).map(|()| Effect::Done)
        }
        Action::Command(wanted) => {
            command::run(wanted, occasion.variables(), surroundings).map(|()| Effect::Done)
        }
    }
}

/// Whether it is permitted; a question without consequences, for `plan` and `validate`.
///
/// # Errors
/// Where it is not.
pub fn permit(action: &Action, permission: Permission) -> Result<(), ReactionError> {
    let needed = match action {
        Action::Unit { .. } | Action::Signal { .. } => Permission::Units,
        Action::Command(_) => Permission::Commands,
    };
    if permission >= needed {
        return Ok(());
    }
    Err(ReactionError::NotPermitted { action: action.to_string(), permission, needed })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Command, Signal, UnitName, Verb};

    fn surroundings(permission: Permission) -> Surroundings {
        Surroundings::discover(permission, false)
    }

    fn unit() -> Action {
        Action::Unit { unit: UnitName::parse("nginx").unwrap(), verb: Verb::Reload }
    }

    fn signal() -> Action {
        let recipient = Recipient::PidFile("/nonexistent/a.pid".into());
        Action::Signal { signal: Signal::parse("HUP").unwrap(), recipient }
    }

    fn command() -> Action {
        let argv = vec!["/bin/true".to_owned()];
        Action::Command(Command::new(argv, Duration::from_secs(60), None).unwrap())
    }

    #[test]
    fn what_is_not_permitted_names_where_it_is_permitted() {
        let refused = |action: &Action, permission| {
            let error = run(action, &Occasion::default(), &surroundings(permission)).unwrap_err();
            assert!(matches!(error, ReactionError::NotPermitted { .. }), "{error}");
            error.to_string()
        };
        refused(&unit(), Permission::None);
        refused(&signal(), Permission::None);
        refused(&command(), Permission::None);
        let wanted = "/bin/true is not permitted on this machine: AKVVM_REACTIONS in \
                      /etc/akvvm/environment is units, and would have to be commands";
        assert_eq!(refused(&command(), Permission::Units), wanted);
    }

    #[test]
    fn what_is_permitted_is_done() {
        let commands = surroundings(Permission::Commands);
        assert!(run(&command(), &Occasion::default(), &commands).is_ok());
        for permission in [Permission::Units, Permission::Commands] {
            assert!(permit(&unit(), permission).is_ok());
            assert!(permit(&signal(), permission).is_ok());
        }
    }

    #[test]
    fn without_systemd_the_way_out_is_named() {
        let here = surroundings(Permission::Units);
        let said = run(&unit(), &Occasion::default(), &here).unwrap_err().to_string();
        assert!(said.contains("use a signal with a pidFile, or a command"), "{said}");
    }
}
