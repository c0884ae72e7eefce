//! Asking systemd for something.

use std::time::Duration;

use crate::process::{End, Finished, Program, run};
use crate::{
    Action, Effect, ReactionError, Recipient, Signal, Surroundings, Systemd, UnitName, Verb,
};

/// Since 229; before, the same was `reload-or-try-restart` (systemd's NEWS).
const TRY_RELOAD_OR_RESTART_SINCE: u32 = 229;

/// How long an answer may take that no unit has a part in.
const PATIENCE: Duration = Duration::from_secs(25);

/// What systemd knows of a unit.
#[derive(Debug, Default, PartialEq, Eq)]
struct State {
    load: String,
    active: String,
    result: String,
    main_process: u32,
}

impl State {
    /// Whether no process of it runs and none is about to.
    fn is_down(&self) -> bool {
        ["inactive", "failed", "deactivating"].contains(&self.active.as_str())
    }
}

/// Has a unit do `verb` and waits until it has done so. A unit that is not running is left alone,
/// except by `restart`, which starts it.
pub(crate) fn ask(
    unit: &UnitName,
    verb: Verb,
    surroundings: &Surroundings,
) -> Result<Effect, ReactionError> {
    let systemd = systemd(unit, surroundings)?;
    if systemd.own_unit.as_ref() == Some(unit) {
        return Err(ReactionError::OwnUnit { unit: unit.clone() });
    }
    if state(unit, systemd)?.is_down() && verb != Verb::Restart {
        return Ok(Effect::NotRunning);
    }
    let action = Action::Unit { unit: unit.clone(), verb }.to_string();
    let asked = systemctl(systemd, surroundings.unit_patience, [word(verb, systemd), unit.name()]);
    judge(&action, surroundings.unit_patience, asked)?;
    // A program can take the order to reload, and end on what it then reads.
    let after = state(unit, systemd)?;
    if after.active == "failed" {
        let how = format!("the unit failed thereafter ({})", after.result);
        return Err(ReactionError::Unit { action, how, said: String::new() });
    }
    Ok(Effect::Done)
}

/// Signals the main process of a unit. A unit that is not running is left alone.
pub(crate) fn signal(
    unit: &UnitName,
    signal: Signal,
    surroundings: &Surroundings,
) -> Result<Effect, ReactionError> {
    let systemd = systemd(unit, surroundings)?;
    if systemd.own_unit.as_ref() == Some(unit) {
        return Err(ReactionError::OwnUnit { unit: unit.clone() });
    }
    let state = state(unit, systemd)?;
    if state.is_down() {
        return Ok(Effect::NotRunning);
    }
    let recipient = Recipient::Unit(unit.clone());
    let action = Action::Signal { signal, recipient }.to_string();
    if state.main_process == 0 {
        let how = "it has no main process; use a command or an action of the unit".to_owned();
        return Err(ReactionError::Unit { action, how, said: String::new() });
    }
    let signal = format!("--signal={signal}");
    // --kill-whom since 252; this name works before and after.
    let words = ["kill", "--kill-who=main", &signal, unit.name()];
    judge(&action, PATIENCE, systemctl(systemd, PATIENCE, words)).map(|()| Effect::Done)
}

/// Ends a transient unit by force. That it may have ended by itself is no error.
pub(crate) fn kill(unit: &str, systemd: &Systemd) {
    let _ = systemctl(systemd, PATIENCE, ["kill", "--signal=SIGKILL", unit]);
}

fn systemd<'s>(
    unit: &UnitName,
    surroundings: &'s Surroundings,
) -> Result<&'s Systemd, ReactionError> {
    let none = || ReactionError::NoSystemd { unit: unit.clone() };
    surroundings.systemd.as_ref().ok_or_else(none)
}

/// What systemd knows of a unit that it can use.
fn state(unit: &UnitName, systemd: &Systemd) -> Result<State, ReactionError> {
    let wanted = "--property=LoadState,ActiveState,Result,MainPID";
    let finished = systemctl(systemd, PATIENCE, ["show", wanted, unit.name()]);
    let said = finished.as_ref().map(|finished| finished.said.clone()).unwrap_or_default();
    judge(&format!("asking systemd for {unit}"), PATIENCE, finished)?;
    let state = state_in(&said);
    if state.load != "loaded" {
        return Err(ReactionError::NoUnit { unit: unit.clone(), state: state.load });
    }
    Ok(state)
}

fn state_in(said: &str) -> State {
    let mut state = State::default();
    for (name, value) in said.lines().filter_map(|line| line.split_once('=')) {
        match name {
            "LoadState" => state.load = value.to_owned(),
            "ActiveState" => state.active = value.to_owned(),
            "Result" => state.result = value.to_owned(),
            "MainPID" => state.main_process = value.parse().unwrap_or(0),
            _ => {}
        }
    }
    state
}

fn word(verb: Verb, systemd: &Systemd) -> &'static str {
    match verb {
        Verb::Reload => "reload",
        Verb::Restart => "restart",
        Verb::TryReloadOrRestart if systemd.version < TRY_RELOAD_OR_RESTART_SINCE => {
            "reload-or-try-restart"
        }
        Verb::TryReloadOrRestart => "try-reload-or-restart",
    }
}

fn systemctl<'a>(
    systemd: &Systemd,
    limit: Duration,
    words: impl IntoIterator<Item = &'a str>,
) -> Result<Finished, ReactionError> {
    let program = Program {
        environment: vec![("LC_ALL".into(), "C".into()), ("SYSTEMD_COLORS".into(), "0".into())],
        ..Program::new(&systemd.systemctl, limit)
    };
    let program = program.arguments(["--no-ask-password", "--no-pager"]).arguments(words);
    run(&program).map_err(|cause| ReactionError::NotStarted { program: program.path, cause })
}

fn judge(
    action: &str,
    limit: Duration,
    finished: Result<Finished, ReactionError>,
) -> Result<(), ReactionError> {
    let Finished { end, said } = finished?;
    let action = action.to_owned();
    match end {
        End::By(status) if status.success() => Ok(()),
        End::By(status) => {
            Err(ReactionError::Unit { action, how: format!("systemctl: {status}"), said })
        }
        // systemctl is ended, what it asked systemd for is not.
        End::TimeLimit => {
            let how = format!("systemd was not done with it after {} s", limit.as_secs_f32());
            Err(ReactionError::Unit { action, how, said })
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests write a stand-in for systemctl")]

    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::Permission;

    /// A `systemctl` that writes down how it is called.
    struct Bed {
        folder: tempfile::TempDir,
        surroundings: Surroundings,
    }

    impl Bed {
        /// `show` answers with one file before anything is asked for, and with another after.
        fn new(version: u32, before: &str, after: &str, answer: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path();
            fs::write(path.join("before"), before).unwrap();
            fs::write(path.join("after"), after).unwrap();
            let at = path.display();
            let script = format!(
                "#!/bin/sh\nshift 2\necho \"$@\" >>{at}/calls\nif [ \"$1\" = show ]; then \
                 [ -e {at}/asked ] && exec /bin/cat {at}/after; exec /bin/cat {at}/before; fi\n\
                 : >{at}/asked\n{answer}\n"
            );
            let systemctl = path.join("systemctl");
            fs::write(&systemctl, script).unwrap();
            fs::set_permissions(&systemctl, fs::Permissions::from_mode(0o755)).unwrap();
            let own_unit = Some(UnitName::parse("akvvm_service").unwrap());
            let systemd = Systemd { systemctl, systemd_run: None, version, own_unit };
            let here = Surroundings::discover(Permission::Units, false);
            Self { folder, surroundings: Surroundings { systemd: Some(systemd), ..here } }
        }

        fn ask(&self, unit: &str, verb: Verb) -> Result<Effect, String> {
            let asked = ask(&UnitName::parse(unit).unwrap(), verb, &self.surroundings);
            asked.map_err(|error| error.to_string())
        }

        fn signal(&self) -> Result<Effect, String> {
            let signal = signal(
                &UnitName::parse("nginx").unwrap(),
                Signal::parse("HUP").unwrap(),
                &self.surroundings,
            );
            signal.map_err(|error| error.to_string())
        }

        /// What it was asked for beside states.
        fn orders(&self) -> Vec<String> {
            let calls = fs::read_to_string(self.folder.path().join("calls")).unwrap_or_default();
            calls.lines().filter(|line| !line.starts_with("show ")).map(str::to_owned).collect()
        }
    }

    const ACTIVE: &str = "LoadState=loaded\nActiveState=active\nResult=success\nMainPID=42\n";
    const INACTIVE: &str = "LoadState=loaded\nActiveState=inactive\nResult=success\nMainPID=0\n";
    const FAILED: &str = "LoadState=loaded\nActiveState=failed\nResult=exit-code\nMainPID=0\n";
    const UNKNOWN: &str = "LoadState=not-found\nActiveState=inactive\nMainPID=0\n";

    #[test]
    fn a_running_unit_is_asked() {
        for (version, verb, order) in [
            (252, Verb::Reload, "reload nginx.service"),
            (252, Verb::TryReloadOrRestart, "try-reload-or-restart nginx.service"),
            (219, Verb::TryReloadOrRestart, "reload-or-try-restart nginx.service"),
            (252, Verb::Restart, "restart nginx.service"),
        ] {
            let bed = Bed::new(version, ACTIVE, ACTIVE, "exit 0");
            assert_eq!(bed.ask("nginx", verb), Ok(Effect::Done));
            assert_eq!(bed.orders(), [order]);
        }
        let bed = Bed::new(252, ACTIVE, ACTIVE, "exit 0");
        assert_eq!(bed.signal(), Ok(Effect::Done));
        assert_eq!(bed.orders(), ["kill --kill-who=main --signal=SIGHUP nginx.service"]);
    }

    #[test]
    fn a_unit_that_is_down_is_only_restarted() {
        for state in [INACTIVE, FAILED] {
            let bed = Bed::new(252, state, state, "exit 0");
            assert_eq!(bed.ask("nginx", Verb::Reload), Ok(Effect::NotRunning));
            assert_eq!(bed.ask("nginx", Verb::TryReloadOrRestart), Ok(Effect::NotRunning));
            assert_eq!(bed.signal(), Ok(Effect::NotRunning));
            assert!(bed.orders().is_empty());
        }
        let bed = Bed::new(252, INACTIVE, ACTIVE, "exit 0");
        assert_eq!(bed.ask("nginx", Verb::Restart), Ok(Effect::Done));
        assert_eq!(bed.orders(), ["restart nginx.service"]);
    }

    #[test]
    fn an_unknown_unit_and_the_own_one_are_refused() {
        let bed = Bed::new(252, UNKNOWN, UNKNOWN, "exit 0");
        let said = bed.ask("ngnix", Verb::Restart).unwrap_err();
        let wanted = "ngnix.service is no unit that systemd can use (not-found); see systemctl \
                      status ngnix.service";
        assert_eq!(said, wanted);
        assert!(bed.ask("akvvm_service", Verb::Reload).unwrap_err().contains("worker's own unit"));
        assert!(bed.orders().is_empty());
    }

    #[test]
    fn a_refusal_shows_what_systemctl_says() {
        let bed = Bed::new(252, ACTIVE, ACTIVE, "echo Job for nginx.service failed. >&2; exit 1");
        let said = bed.ask("nginx", Verb::Reload).unwrap_err();
        let wanted = "reload nginx.service failed: systemctl: exit status: 1: Job for \
                      nginx.service failed.";
        assert_eq!(said, wanted);
    }

    #[test]
    fn a_unit_that_fails_on_what_it_reads_has_failed() {
        let bed = Bed::new(252, ACTIVE, FAILED, "exit 0");
        let said = bed.ask("nginx", Verb::Reload).unwrap_err();
        assert_eq!(said, "reload nginx.service failed: the unit failed thereafter (exit-code)");
    }

    #[test]
    fn a_unit_that_takes_too_long_is_not_waited_for() {
        let mut bed = Bed::new(252, ACTIVE, ACTIVE, "exec /bin/sleep 1000");
        bed.surroundings.unit_patience = Duration::from_millis(50);
        let said = bed.ask("nginx", Verb::Restart).unwrap_err();
        assert_eq!(said, "restart nginx.service failed: systemd was not done with it after 0.05 s");
    }

    #[test]
    fn a_unit_without_a_main_process_cannot_be_signalled() {
        let state = ACTIVE.replace("MainPID=42", "MainPID=0");
        let said = Bed::new(252, &state, &state, "exit 0").signal().unwrap_err();
        assert!(said.contains("it has no main process"), "{said}");
    }
}
