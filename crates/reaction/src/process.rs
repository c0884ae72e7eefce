//! Starting programs and seeing them to their end: the only file that does.

#![expect(clippy::disallowed_methods, reason = "this file is the edge to other processes")]

use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind, PipeReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use crate::deadline::Deadline;
use crate::tail::Tail;

/// As much of what a program says as anybody wants to read in a status.
const LONGEST_OUTPUT: usize = 2048;

/// How long a program usually may take to tidy up.
const GRACE: Duration = Duration::from_secs(5);

/// What is read at once, and what a pipe holds (pipe(7)).
const PIECE: usize = 8192;
const PIPE: usize = 64 * 1024;

/// How often it is looked whether a program has ended.
const SHORTEST_LOOK: Duration = Duration::from_millis(2);
const LONGEST_LOOK: Duration = Duration::from_millis(50);

/// A program to be run.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    /// All that it gets: nothing is inherited.
    pub(crate) environment: Vec<(OsString, OsString)>,
    pub(crate) limit: Duration,
    /// How long it may go on after it was told to end.
    pub(crate) grace: Duration,
}

impl Program {
    pub(crate) fn new(path: &Path, limit: Duration) -> Self {
        let (arguments, environment) = (Vec::new(), Vec::new());
        Self { path: path.to_owned(), arguments, environment, limit, grace: GRACE }
    }

    pub(crate) fn arguments(mut self, all: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.arguments.extend(all.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }
}

/// A program that is over.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) end: End,
    /// The end of what it said on both its streams, in the order in which it said it.
    pub(crate) said: String,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    By(ExitStatus),
    TimeLimit,
}

/// Runs a program to its end: in `/`, without input, in a process group of its own. After `limit`
/// the group is told to end, and killed a few seconds later. What a program leaves running in its
/// group when it ends is killed, as systemd does with what a unit leaves.
///
/// # Errors
/// Where it cannot be started or waited for.
pub(crate) fn run(program: &Program) -> io::Result<Finished> {
    let (output, writer) = io::pipe()?;
    let mut command = Command::new(&program.path);
    command.args(&program.arguments).env_clear().envs(program.environment.iter().cloned());
    command.current_dir("/").process_group(0).stdin(Stdio::null());
    command.stdout(writer.try_clone()?).stderr(writer);
    let child = spawned(&mut command, program.limit)?;
    // With the command goes our end for writing, so that the pipe ends with its last writer.
    drop(command);
    let group = Pid::from_child(&child);
    let mut running = Running { group, output: Some(output), tail: Tail::of(LONGEST_OUTPUT) };
    let in_time = running.see_to_its_end(program.limit, program.grace);
    let status = running.put_away(child);
    let end = if in_time? { End::By(status?) } else { End::TimeLimit };
    Ok(Finished { end, said: running.tail.text() })
}

/// Starts the command; one that somebody still writes to, or that a child of ours which is itself
/// being started still has open, is busy for a moment (`ETXTBSY` of execve(2)).
fn spawned(command: &mut Command, limit: Duration) -> io::Result<Child> {
    let deadline = Deadline::after(limit);
    loop {
        match command.spawn() {
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => {
                if deadline.has_passed() {
                    return Err(error);
                }
                deadline.pause(LONGEST_LOOK);
            }
            end => return end,
        }
    }
}

struct Running {
    /// Its process, and the group that the process leads.
    group: Pid,
    /// None once it is at its end.
    output: Option<PipeReader>,
    tail: Tail,
}

impl Running {
    /// Whether it ended by itself.
    fn see_to_its_end(&mut self, limit: Duration, grace: Duration) -> io::Result<bool> {
        let in_time = self.ends_within(limit)?;
        if !in_time {
            self.signal(Signal::TERM);
            self.ends_within(grace)?;
        }
        Ok(in_time)
    }

    /// Listens until the program has ended or no time is left. That its output ends says nothing:
    /// others may hold the pipe for longer than the program lives, and the program not at all.
    fn ends_within(&mut self, limit: Duration) -> io::Result<bool> {
        let deadline = Deadline::after(limit);
        let mut pause = SHORTEST_LOOK;
        while !self.has_ended()? {
            if deadline.has_passed() {
                return Ok(false);
            }
            if self.listen(pause.min(deadline.left()))? {
                pause = SHORTEST_LOOK;
                continue;
            }
            if self.output.is_none() {
                deadline.pause(pause);
            }
            pause = LONGEST_LOOK.min(pause * 2);
        }
        Ok(true)
    }

    /// It stays a zombie for now, so that its number, which is its group's, cannot become anybody
    /// else's.
    fn has_ended(&self) -> io::Result<bool> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        match waitid(WaitId::Pid(self.group), options) {
            Ok(ended) => Ok(ended.is_some()),
            Err(Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Hears a piece of what it says, if it says something within `patience`.
    fn listen(&mut self, patience: Duration) -> io::Result<bool> {
        let Some(output) = &mut self.output else { return Ok(false) };
        let limit = Timespec::try_from(patience).ok();
        match poll(&mut [PollFd::new(output, PollFlags::IN)], limit.as_ref()) {
            Ok(0) | Err(Errno::INTR) => return Ok(false),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        let mut piece = [0; PIECE];
        let length = output.read(&mut piece)?;
        self.tail.push(piece.get(..length).unwrap_or_default());
        if length == 0 {
            self.output = None;
        }
        Ok(length > 0)
    }

    /// Everyone in the group; that nobody may be left is no error.
    fn signal(&self, signal: Signal) {
        let _ = kill_process_group(self.group, signal);
    }

    /// Nothing of it is left, not even a zombie.
    fn put_away(&mut self, mut child: Child) -> io::Result<ExitStatus> {
        self.signal(Signal::KILL);
        let status = child.wait();
        // As much as a pipe holds, and no more: somebody who left the group may go on talking.
        for _ in 0..PIPE / PIECE {
            if !self.listen(Duration::ZERO).unwrap_or(false) {
                break;
            }
        }
        status
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);
    /// Too short for a program that stays, and ample for one to say its first words.
    const SHORT: Duration = Duration::from_secs(2);

    fn shell(script: &str, limit: Duration) -> Finished {
        run(&Program::new(Path::new("/bin/sh"), limit).arguments(["-c", script])).unwrap()
    }

    /// Waits until nothing but a stranger's zombie is left of a process; fails where it stays.
    fn wait_until_gone(pid: &str) {
        let patience = Deadline::after(LONG);
        let is_there = || match fs::read_to_string(format!("/proc/{pid}/stat")) {
            Ok(stat) => !stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z')),
            Err(_) => false,
        };
        while is_there() {
            assert!(!patience.has_passed(), "{pid} stays");
            patience.pause(SHORTEST_LOOK);
        }
    }

    #[test]
    fn words_and_end_are_known() {
        let finished = shell("echo out; echo error >&2; cat; exit 3", LONG);
        assert_eq!(finished.said, "out\nerror");
        assert_eq!(finished.end, End::By(ExitStatus::from_raw(3 << 8)));
        let killed = shell("kill -9 $$", LONG);
        assert_eq!(killed.end, End::By(ExitStatus::from_raw(9)));
    }

    #[test]
    fn nothing_is_inherited_but_a_group_of_its_own_is_there() {
        let program = Program {
            environment: vec![("A".into(), "1\n2".into())],
            ..Program::new(Path::new("/usr/bin/env"), LONG)
        };
        assert_eq!(run(&program).unwrap().said, "A=1\n2");
        let group = shell("cut -d ' ' -f 5 /proc/$$/stat; echo $$; pwd", LONG).said;
        let lines: Vec<_> = group.lines().collect();
        assert_eq!((lines[0], lines[2]), (lines[1], "/"));
    }

    #[test]
    fn of_endless_words_the_last_are_kept() {
        let finished = shell("yes | head -c 3000000; printf end", LONG);
        assert!(finished.said.starts_with('…') && finished.said.ends_with("end"));
        assert!(finished.said.len() < LONGEST_OUTPUT + 8);
        assert_eq!(shell("yes", Duration::from_millis(100)).end, End::TimeLimit);
    }

    #[test]
    fn at_the_time_limit_children_end_too() {
        let script = "sleep 1000 & echo $!; sleep 1000";
        let finished = shell(script, SHORT);
        assert_eq!(finished.end, End::TimeLimit);
        wait_until_gone(&finished.said);
    }

    #[test]
    fn a_program_that_tidies_up_is_given_time() {
        let script = "trap 'echo tidied; exit 0' TERM; echo begun; while :; do sleep 0.01; done";
        let finished = shell(script, SHORT);
        assert_eq!(finished.end, End::TimeLimit);
        assert!(finished.said.starts_with("begun") && finished.said.ends_with("tidied"));
    }

    #[test]
    fn a_program_that_does_not_hear_is_killed() {
        let script = "trap '' TERM; echo $$; exec sleep 1000";
        let program = Program {
            grace: Duration::from_millis(20),
            ..Program::new(Path::new("/bin/sh"), SHORT)
        };
        let finished = run(&program.arguments(["-c", script])).unwrap();
        assert_eq!(finished.end, End::TimeLimit);
        wait_until_gone(&finished.said);
    }

    #[test]
    fn what_is_left_running_holds_nobody_up_and_is_ended() {
        let finished = shell("sleep 1000 & echo $!", LONG);
        assert!(matches!(finished.end, End::By(status) if status.success()));
        wait_until_gone(&finished.said);
    }

    #[test]
    fn a_program_that_closes_its_output_is_waited_for() {
        let finished = shell("exec >&- 2>&-; sleep 0.1; exit 4", LONG);
        assert_eq!(finished.end, End::By(ExitStatus::from_raw(4 << 8)));
    }

    #[test]
    fn what_cannot_be_started_is_an_error() {
        let missing = run(&Program::new(Path::new("/nonexistent/a"), LONG)).unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
        let not_a_program = run(&Program::new(Path::new("/etc/passwd"), LONG)).unwrap_err();
        assert_eq!(not_a_program.kind(), ErrorKind::PermissionDenied);
    }

    #[test]
    fn what_is_still_being_written_is_waited_for_as_long_as_it_may_run() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program");
        fs::copy("/bin/true", &path).unwrap();
        let writer = fs::OpenOptions::new().append(true).open(&path).unwrap();
        let busy = run(&Program::new(&path, SHORTEST_LOOK)).unwrap_err();
        assert_eq!(busy.kind(), ErrorKind::ExecutableFileBusy);
        let waiting = std::thread::spawn(move || run(&Program::new(&path, LONG)));
        drop(writer);
        assert!(matches!(waiting.join().unwrap().unwrap().end, End::By(end) if end.success()));
    }
}
