//! Starting processes: the only file that does.
#![expect(clippy::disallowed_methods, reason = "this file is the edge to other processes")]

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::clock::{Clock, wait_for};

/// As much of a program's output as anybody wants to read in a status.
const LONGEST_OUTPUT: usize = 2000;

/// A program that ran to its end.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) output: String,
    pub(crate) errors: String,
}

/// Runs a program to its end and listens to it. It gets no input, and speaks English.
///
/// # Errors
/// Where it cannot be started, or is killed because it does not end within `limit`.
pub(crate) fn run(
    program: &Path,
    arguments: &[&str],
    clock: &dyn Clock,
    limit: Duration,
) -> Result<Finished> {
    let shown = || format!("{} {}", program.display(), arguments.join(" "));
    let mut command = Command::new(program);
    command.args(arguments).env("LC_ALL", "C").stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = when_not_busy(clock, limit, || command.spawn())
        .with_context(|| format!("{} cannot be started", shown()))?;
    let mut output = Words::from(child.stdout.take()).with_context(shown)?;
    let mut errors = Words::from(child.stderr.take()).with_context(shown)?;
    let end = wait_for(clock, limit, || {
        let end = child.try_wait();
        output.listen();
        errors.listen();
        end
    });
    let Some(status) = end.with_context(shown)? else {
        let _ = child.kill();
        let _ = child.wait();
        bail!("{} did not end within {} s", shown(), limit.as_secs_f32());
    };
    Ok(Finished { status, output: output.text(), errors: errors.text() })
}

/// Starts a program that outlives this one: in a process group of its own, which the agent's kill
/// at a time limit does not reach (WALinuxAgent 2.15, `ga/extensionprocessutil.py:48`), without
/// our standard streams, which are the agent's files, and outside the extension's folder, which
/// an update deletes.
///
/// # Errors
/// Where it cannot be started.
pub(crate) fn spawn_detached(
    program: &Path,
    arguments: &[&str],
    environment: &[(String, String)],
    clock: &dyn Clock,
    unpacking: Duration,
) -> io::Result<Child> {
    let mut command = Command::new(program);
    command.args(arguments).envs(environment.iter().cloned()).current_dir("/").process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    when_not_busy(clock, unpacking, || command.spawn())
}

fn when_not_busy(
    clock: &dyn Clock,
    limit: Duration,
    mut spawn: impl FnMut() -> io::Result<Child>,
) -> io::Result<Child> {
    let patient = wait_for(clock, limit, || match spawn() {
        Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => Ok(None),
        other => other.map(Some),
    })?;
    patient.ok_or_else(|| io::ErrorKind::ExecutableFileBusy.into())
}

/// What a program says into a pipe, as far as it is said already: a pipe has no end as long as a
/// child of the program's holds it, and a full one would hold the program.
struct Words<P> {
    pipe: Option<P>,
    beginning: Vec<u8>,
}

impl<P: Read + AsFd> Words<P> {
    fn from(pipe: Option<P>) -> io::Result<Self> {
        if let Some(pipe) = &pipe {
            rustix::io::ioctl_fionbio(pipe, true)?;
        }
        Ok(Self { pipe, beginning: Vec::new() })
    }

    fn listen(&mut self) {
        let mut heard = [0; 4096];
        // As much as a pipe holds (pipe(7)): one that is filled all the time must not hold us.
        for _ in 0..16 {
            let Some(Ok(count)) = self.pipe.as_mut().map(|pipe| pipe.read(&mut heard)) else {
                return;
            };
            let room = LONGEST_OUTPUT - self.beginning.len();
            self.beginning.extend(&heard[..count.min(room)]);
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.beginning).trim().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::clock::tests::StillClock;

    fn shell(script: &str, limit: Duration) -> Result<Finished> {
        run(Path::new("/bin/sh"), &["-c", script], &SystemClock::start(), limit)
    }

    #[test]
    fn a_programs_words_and_end_are_known() {
        let limit = Duration::from_secs(60);
        let finished = shell("echo out; echo $LC_ALL >&2; cat; exit 3", limit).unwrap();
        assert_eq!(finished.status.code(), Some(3));
        assert_eq!((&*finished.output, &*finished.errors), ("out", "C"));
    }

    #[test]
    fn a_program_that_does_not_end_is_killed() {
        let error = shell("exec tail -f /dev/null", Duration::from_millis(20)).unwrap_err();
        assert!(error.to_string().ends_with("did not end within 0.02 s"), "{error}");
    }

    #[test]
    fn nobody_waits_for_what_a_program_leaves_running() {
        let limit = Duration::from_secs(60);
        let finished = shell("tail -f /dev/null & echo $!; exit 0", limit).unwrap();
        let left = finished.output.parse().unwrap();
        let left = rustix::process::Pid::from_raw(left).unwrap();
        rustix::process::kill_process(left, rustix::process::Signal::KILL).unwrap();
        assert!(finished.status.success());
    }

    #[test]
    fn of_a_long_output_the_beginning_is_kept() {
        let limit = Duration::from_secs(60);
        let finished = shell("echo first; head -c 200000 /dev/zero >&2; echo last", limit).unwrap();
        assert_eq!(finished.output, "first\nlast");
        assert_eq!(finished.errors.len(), LONGEST_OUTPUT);
    }

    #[test]
    fn a_missing_program_is_named() {
        let clock = SystemClock::start();
        let error = run(Path::new("/nonexistent/x"), &["a"], &clock, Duration::ZERO).unwrap_err();
        assert_eq!(error.to_string(), "/nonexistent/x a cannot be started");
    }

    #[test]
    fn a_program_that_is_still_being_unpacked_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("program");
        std::fs::copy("/bin/true", &program).unwrap();
        let clock = SystemClock::start();
        let limit = Duration::from_secs(60);
        let mut unpacker = Some(std::fs::OpenOptions::new().append(true).open(&program).unwrap());
        let mut tries = 0;
        let started = when_not_busy(&clock, limit, || {
            tries += 1;
            if tries == 3 {
                unpacker = None;
            }
            Command::new(&program).spawn()
        });
        assert!(started.unwrap().wait().unwrap().success());
        assert!(tries >= 3 && unpacker.is_none());
    }

    #[test]
    fn what_is_to_outlive_this_one_is_in_a_process_group_of_its_own() {
        let (sleep, clock) = (Path::new("/bin/sleep"), SystemClock::start());
        let mut child = spawn_detached(sleep, &["1000"], &[], &clock, Duration::ZERO).unwrap();
        let pid = rustix::process::Pid::from_child(&child);
        let group = rustix::process::getpgid(Some(pid));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(group, Ok(pid));
    }

    #[test]
    fn a_program_that_stays_busy_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("program");
        std::fs::copy("/bin/true", &program).unwrap();
        let _unpacker = std::fs::OpenOptions::new().append(true).open(&program).unwrap();
        let clock = StillClock::default();
        let second = Duration::from_secs(1);
        let error = spawn_detached(&program, &[], &[], &clock, second).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ExecutableFileBusy);
        assert_eq!(clock.elapsed(), second);
    }
}
