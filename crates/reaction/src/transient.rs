//! Commands as transient units: `systemd-run` asked, and its summary read.
//!
//! A child of the worker is in the worker's sandbox: its view of the file system, its system
//! calls, its memory. A transient unit is systemd's own child, so a command can do there what it
//! can in a terminal.

use std::ffi::{OsStr, OsString};
use std::time::Duration;

use crate::Command;

/// How long systemd waits between SIGTERM and SIGKILL at the time limit.
const GRACE: Duration = Duration::from_secs(5);

/// How long systemd may take to begin and to tidy up, beside the command's own time.
const ALLOWANCE: Duration = Duration::from_secs(30);

/// How `systemd-run --wait` begins its summary, on its standard error, which is the command's too.
const SUMMARY: &str = "Finished with result: ";

/// How it begins altogether.
const ANNOUNCEMENT: &str = "Running as unit: ";

/// The arguments of `systemd-run` for a command.
pub(crate) fn arguments(
    unit: &str,
    command: &Command,
    environment: &[(OsString, OsString)],
) -> Vec<OsString> {
    let limit = command.timeout().as_millis().max(1);
    let mut all: Vec<OsString> = vec![
        "--wait".into(),
        "--pipe".into(),
        "--collect".into(),
        "--no-ask-password".into(),
        format!("--unit={unit}").into(),
        "--description=Command that follows a Key Vault certificate".into(),
        format!("--property=RuntimeMaxSec={limit}ms").into(),
        format!("--property=TimeoutStopSec={}s", GRACE.as_secs()).into(),
        "--property=WorkingDirectory=/".into(),
        "--property=UMask=0077".into(),
    ];
    all.extend(command.user().map(|user| format!("--property=User={user}").into()));
    for (name, value) in environment {
        all.push(joined(&["--setenv=".as_ref(), name, "=".as_ref(), value]));
    }
    all.push("--".into());
    all.push(command.program().into());
    all.extend(command.arguments().iter().map(|argument| verbatim(argument)));
    all
}

fn joined(parts: &[&OsStr]) -> OsString {
    parts.iter().copied().collect()
}

/// systemd replaces `$NAME` and `${NAME}` in arguments, and `$$` by `$` (systemd.service(5)).
fn verbatim(argument: &str) -> OsString {
    argument.replace('$', "$$").into()
}

/// How long `systemd-run` may take for a command.
pub(crate) fn patience(command: &Command) -> Duration {
    command.timeout().saturating_add(GRACE).saturating_add(ALLOWANCE)
}

/// What `systemd-run` and the command said, told apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    /// What the command said.
    pub(crate) said: String,
    /// How it ended, if it ran at all.
    pub(crate) outcome: Option<Outcome>,
}

/// How a transient unit ended (`Result=` of systemd.exec(5), `$SERVICE_RESULT`).
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Success,
    Timeout,
    /// The other words that systemd has for it, with what its main process ended by.
    Failed(String),
}

/// Takes what `systemd-run` says off what the command says.
pub(crate) fn summary(unit: &str, said: &str) -> Summary {
    let (before, after) = match said.rfind(SUMMARY) {
        Some(at) => (&said[..at], Some(&said[at + SUMMARY.len()..])),
        None => (said, None),
    };
    let announced = |line: &&str| line.starts_with(ANNOUNCEMENT) && line.contains(unit);
    let words: Vec<_> = before.lines().filter(|line| !announced(line)).collect();
    Summary { said: words.join("\n").trim().to_owned(), outcome: after.map(outcome) }
}

/// `exit-code`, then lines such as `Main processes terminated with: code=exited/status=3`.
fn outcome(after: &str) -> Outcome {
    let mut lines = after.lines().map(str::trim);
    match lines.next().unwrap_or_default() {
        "success" => Outcome::Success,
        "timeout" => Outcome::Timeout,
        word => {
            let how = lines.find_map(|line| line.strip_prefix("Main processes terminated with: "));
            let how = how.map(|how| format!("{word}: {how}{}", hint(how)));
            Outcome::Failed(how.unwrap_or_else(|| word.to_owned()))
        }
    }
}

/// What systemd means by the numbers that it ends with where it cannot start a program
/// (systemd.exec(5), "Process Exit Codes").
fn hint(how: &str) -> &'static str {
    let status = how.split_once("status=").map_or("", |(_, status)| status);
    let number = status.split(|c: char| !c.is_ascii_digit()).next();
    match number.filter(|_| how.starts_with("code=exited")) {
        Some("203") => " (systemd: it cannot be started; is it executable?)",
        Some("217") => " (systemd: there is no such user)",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: &str = "akvvm-command-1.service";

    fn command(user: Option<&str>) -> Command {
        let argv = ["/bin/a", "$(id)", "${A}$$", "-x"].map(str::to_owned).into();
        Command::new(argv, Duration::from_millis(1500), user.map(str::to_owned)).unwrap()
    }

    fn words(user: Option<&str>) -> Vec<String> {
        let environment = [("A".into(), "1\n2".into())];
        let all = arguments(UNIT, &command(user), &environment);
        all.into_iter().map(|word| word.into_string().unwrap()).collect()
    }

    #[test]
    fn the_program_and_its_arguments_come_last_and_are_not_expanded() {
        let all = words(None);
        let after: Vec<_> = all.iter().skip_while(|word| *word != "--").skip(1).collect();
        assert_eq!(after, ["/bin/a", "$$(id)", "$${A}$$$$", "-x"]);
    }

    #[test]
    fn limits_environment_and_user_are_the_units() {
        let all = words(Some("postgres"));
        for word in [
            "--unit=akvvm-command-1.service",
            "--property=RuntimeMaxSec=1500ms",
            "--property=User=postgres",
            "--setenv=A=1\n2",
        ] {
            assert!(all.contains(&word.to_owned()), "{word} in {all:?}");
        }
        assert!(!words(None).iter().any(|word| word.starts_with("--property=User")));
        assert!(patience(&command(None)) > Duration::from_secs(30));
    }

    fn read(said: &str) -> (String, Option<Outcome>) {
        let summary = summary(UNIT, said);
        (summary.said, summary.outcome)
    }

    #[test]
    fn what_systemd_252_says_is_taken_off() {
        let said = "Running as unit: akvvm-command-1.service\none\ntwo\n\
                    Finished with result: success\n\
                    Main processes terminated with: code=exited/status=0\nService runtime: 12ms\n\
                    CPU time consumed: 3ms";
        assert_eq!(read(said), ("one\ntwo".into(), Some(Outcome::Success)));
    }

    #[test]
    fn each_way_to_end_is_known() {
        let failed = |how: &str| Some(Outcome::Failed(how.to_owned()));
        // No line break at the end of what the command says.
        let exited = "oopsFinished with result: exit-code\n\
                      Main processes terminated with: code=exited/status=3\nService runtime: 5ms";
        assert_eq!(read(exited), ("oops".into(), failed("exit-code: code=exited/status=3")));
        let newer = "Running as unit: akvvm-command-1.service; invocation ID: 4711\n\
                     Finished with result: signal\n\
                     Main processes terminated with: code=killed, status=9/KILL";
        assert_eq!(read(newer), (String::new(), failed("signal: code=killed, status=9/KILL")));
        assert_eq!(read("Finished with result: oom-kill"), (String::new(), failed("oom-kill")));
        let nobody = "Finished with result: exit-code\n\
                      Main processes terminated with: code=exited, status=217/USER";
        assert!(
            matches!(read(nobody).1, Some(Outcome::Failed(how)) if how.contains("no such user"))
        );
        let slow = "Finished with result: timeout\nMain processes terminated with: code=killed";
        assert_eq!(read(slow), (String::new(), Some(Outcome::Timeout)));
    }

    #[test]
    fn a_command_that_never_ran_has_no_end() {
        let refused = "Failed to connect to bus: No such file or directory";
        assert_eq!(read(refused), (refused.to_owned(), None));
        let lost = "Running as unit: akvvm-command-1.service\nhalf";
        assert_eq!(read(lost), ("half".into(), None));
    }

    #[test]
    fn a_command_cannot_speak_for_systemd() {
        let said = "Finished with result: success\nRunning as unit: another\n\
                    Finished with result: exit-code";
        let (words, outcome) = read(said);
        assert_eq!(words, "Finished with result: success\nRunning as unit: another");
        assert_eq!(outcome, Some(Outcome::Failed("exit-code".into())));
    }
}
