//! Running a command, in the way that fits the machine.

use std::ffi::OsString;
use std::path::Path;

use crate::action::is_number;
use crate::process::{End, Program, run as run_program};
use crate::surroundings::program;
use crate::transient::{self, Outcome};
use crate::{Command, ReactionError, Surroundings, Systemd, systemctl, trusted_path};

/// Names and values.
type Environment = Vec<(OsString, OsString)>;

/// What every command gets, beside the variables of its occasion. Under systemd, systemd adds its
/// own (systemd.exec(5), "Environment variables in spawned processes").
const ENVIRONMENT: [(&str, &str); 2] =
    [("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"), ("LC_ALL", "C")];

/// Runs a command to its end: as a transient unit where there are such, else as a child.
pub(crate) fn run(
    command: &Command,
    variables: Environment,
    surroundings: &Surroundings,
) -> Result<(), ReactionError> {
    trusted_path::follow(Path::new(command.program()), surroundings.user)
        .map_err(|reason| ReactionError::Distrust { role: "program", reason })?;
    let usual = ENVIRONMENT.iter().map(|(name, value)| (name.into(), value.into()));
    let environment = usual.chain(variables).collect();
    let systemd = surroundings.systemd.as_ref();
    match systemd.and_then(|systemd| Some((systemd, systemd.systemd_run.as_ref()?))) {
        Some((systemd, systemd_run)) => as_unit(command, environment, systemd_run, systemd),
        None => as_child(command, environment),
    }
}

fn as_child(command: &Command, environment: Environment) -> Result<(), ReactionError> {
    let path = Path::new(command.program());
    let program = match command.user() {
        None => Program::new(path, command.timeout()),
        // Only it sets all of a user's groups without a shell in between (runuser(1)).
        Some(user) => {
            let runuser = program("runuser").filter(|_| !is_number(user));
            let runuser = runuser.ok_or_else(|| cannot_become(user))?;
            Program::new(&runuser, command.timeout()).arguments([
                "-u",
                user,
                "--",
                command.program(),
            ])
        }
    };
    let program = Program { environment, ..program.arguments(command.arguments()) };
    let finished = run_program(&program)
        .map_err(|cause| ReactionError::NotStarted { program: path.to_owned(), cause })?;
    match finished.end {
        End::By(status) if status.success() => Ok(()),
        End::By(status) => Err(failed(command, status.to_string(), finished.said)),
        End::TimeLimit => Err(timed_out(command, finished.said)),
    }
}

fn as_unit(
    command: &Command,
    environment: Environment,
    systemd_run: &Path,
    systemd: &Systemd,
) -> Result<(), ReactionError> {
    let unit = format!("akvvm-command-{:016x}.service", fastrand::u64(..));
    let program = Program {
        environment: vec![("LC_ALL".into(), "C".into()), ("SYSTEMD_COLORS".into(), "0".into())],
        ..Program::new(systemd_run, transient::patience(command))
    };
    let program = program.arguments(transient::arguments(&unit, command, &environment));
    let finished = run_program(&program)
        .map_err(|cause| ReactionError::NotStarted { program: systemd_run.to_owned(), cause })?;
    let summary = transient::summary(&unit, &finished.said);
    match (finished.end, summary.outcome) {
        (End::TimeLimit, _) => {
            systemctl::kill(&unit, systemd);
            Err(timed_out(command, summary.said))
        }
        (End::By(_), Some(Outcome::Timeout)) => Err(timed_out(command, summary.said)),
        (End::By(_), Some(Outcome::Failed(how))) => Err(failed(command, how, summary.said)),
        // The summary of one that was killed can be the command's own words.
        (End::By(status), Some(Outcome::Success)) if status.success() => Ok(()),
        (End::By(status), _) => {
            Err(failed(command, format!("systemd-run: {status}"), summary.said))
        }
    }
}

fn failed(command: &Command, how: String, said: String) -> ReactionError {
    ReactionError::Failed { command: command.to_string(), how, said }
}

fn timed_out(command: &Command, said: String) -> ReactionError {
    ReactionError::TimedOut { what: command.to_string(), limit: command.timeout(), said }
}

fn cannot_become(user: &str) -> ReactionError {
    let why = if is_number(user) {
        format!("without systemd a command cannot run as user {user}; give the user's name")
    } else {
        format!("a command cannot run as {user}, because this machine has no runuser")
    };
    ReactionError::Impossible { why }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    use std::time::Duration;

    use super::*;
    use crate::Permission;

    const LONG: Duration = Duration::from_secs(60);

    fn command(argv: &[&str], user: Option<&str>) -> Command {
        let argv = argv.iter().map(|argument| (*argument).to_owned()).collect();
        Command::new(argv, LONG, user.map(str::to_owned)).unwrap()
    }

    /// What a command that fails says.
    fn said(argv: &[&str], user: Option<&str>) -> String {
        let here = Surroundings::discover(Permission::Commands, false);
        let variables = vec![("AKVVM_CERTIFICATE".into(), "web\nmail".into())];
        match run(&command(argv, user), variables, &here).unwrap_err() {
            ReactionError::Failed { said, .. } => said,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn arguments_arrive_as_they_are() {
        let odd = ["two words", "line\nbreak", "$(id)", "${HOME}", "$HOME", "*", "'\"", "", "%n"];
        let script = "printf '<%s>' \"$@\"; exit 1";
        let argv = ["/bin/sh", "-c", script, "sh"];
        let argv: Vec<_> = argv.into_iter().chain(odd).collect();
        let wanted: String = odd.iter().map(|argument| format!("<{argument}>")).collect();
        assert_eq!(said(&argv, None), wanted);
    }

    #[test]
    fn the_environment_is_the_documented_one() {
        let script = "/usr/bin/env; exit 1";
        let mut lines: Vec<_> =
            said(&["/bin/sh", "-c", script], None).lines().map(str::to_owned).collect();
        // Shells set these for themselves.
        lines.retain(|line| {
            !["PWD=", "_=", "OLDPWD=", "SHLVL="].iter().any(|own| line.starts_with(own))
        });
        lines.sort();
        let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        assert_eq!(lines, ["AKVVM_CERTIFICATE=web", "LC_ALL=C", path, "mail"]);
    }

    #[test]
    fn a_failure_shows_the_command_its_end_and_its_words() {
        let here = Surroundings::discover(Permission::Commands, false);
        let failing = command(&["/bin/sh", "-c", "echo no such host >&2; exit 3"], None);
        let error = run(&failing, Vec::new(), &here).unwrap_err().to_string();
        let wanted =
            "/bin/sh -c \"echo no such host >&2; exit 3\" failed: exit status: 3: no such host";
        assert_eq!(error, wanted);
        let killed = command(&["/bin/sh", "-c", "kill -TERM $$"], None);
        let error = run(&killed, Vec::new(), &here).unwrap_err().to_string();
        assert!(error.contains("failed: signal: 15 (SIGTERM)"), "{error}");
    }

    /// What a command comes to whose words, and then whose end, are those of `systemd-run` itself.
    fn under(systemd_run: &str) -> Result<(), String> {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("systemd-run");
        let mut script = std::fs::OpenOptions::new();
        let mut script = script.write(true).create_new(true).mode(0o755).open(&program).unwrap();
        write!(script, "#!/bin/sh\n{systemd_run}\n").unwrap();
        drop(script);
        let systemctl = "/bin/true".into();
        let systemd = Systemd { systemctl, systemd_run: None, version: 252, own_unit: None };
        let ended = as_unit(&command(&["/bin/hook"], None), Vec::new(), &program, &systemd);
        ended.map_err(|error| error.to_string())
    }

    #[test]
    fn a_command_that_says_what_systemd_run_would_has_not_succeeded_by_that() {
        let success = "echo Finished with result: success >&2";
        assert_eq!(under(success), Ok(()));
        let killed = under(&format!("{success}; kill -9 $$")).unwrap_err();
        assert!(killed.contains("failed: systemd-run: signal: 9 (SIGKILL)"), "{killed}");
        let failed = under("echo Finished with result: exit-code >&2; exit 3").unwrap_err();
        assert!(failed.contains("failed: exit-code"), "{failed}");
    }

    #[test]
    fn a_slow_command_is_ended() {
        let here = Surroundings::discover(Permission::Commands, false);
        let argv = ["/bin/sleep", "1000"].map(str::to_owned).into();
        let slow = Command::new(argv, Duration::from_millis(50), None).unwrap();
        let error = run(&slow, Vec::new(), &here).unwrap_err().to_string();
        assert_eq!(error, "/bin/sleep 1000 did not end within 0.05 s and was ended");
    }

    #[test]
    fn only_roots_own_executable_programs_run() {
        let here = Surroundings::discover(Permission::Commands, false);
        let refused = |program: &str| {
            run(&command(&[program], None), Vec::new(), &here).unwrap_err().to_string()
        };
        let missing = refused("/usr/bin/no-such-program");
        assert_eq!(missing, "program /usr/bin/no-such-program does not exist");
        assert!(refused("/etc/passwd").contains("is it executable (chmod +x)?"));
        assert!(refused("/usr/bin").contains("is not a regular file"));
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let program = folder.path().join("a");
        std::fs::copy("/bin/true", &program).unwrap();
        let planted = refused(program.to_str().unwrap());
        assert!(planted.contains("/tmp can be written by others"), "{planted}");
    }

    #[test]
    fn a_command_runs_as_another_user_with_all_groups_of_that_user() {
        if !rustix::process::geteuid().is_root() {
            // Only root can become somebody else; runuser says so.
            assert!(said(&["/bin/true"], Some("nobody")).contains("runuser"));
            return;
        }
        let ids = said(&["/bin/sh", "-c", "id -un; id -Gn; exit 1"], Some("nobody"));
        assert_eq!(ids, "nobody\nnogroup");
        let unknown = said(&["/bin/true"], Some("no-such-user"));
        assert!(unknown.contains("no-such-user"), "{unknown}");
    }

    #[test]
    fn a_number_is_for_systemd() {
        let here = Surroundings::discover(Permission::Commands, false);
        let error = run(&command(&["/bin/true"], Some("1000")), Vec::new(), &here).unwrap_err();
        assert!(error.to_string().ends_with("give the user's name"), "{error}");
    }
}
