//! Signalling the process whose number stands in a file.

use std::fs;
use std::io;
use std::path::Path;

use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, getpid, kill_process, pidfd_open, pidfd_send_signal, test_kill_process,
};

use crate::{Action, ReactionError, Recipient, Signal, trusted_path};

/// Longer than any number of a process with a line break; some programs add lines of their own.
const MOST_READ: u64 = 64;

/// Signals the process of `path`, in which only root and `user`, who runs this process, can have
/// written. A missing file is a failure: the service may be stopped, but the path may as well be
/// wrong, and then an old certificate would go on being served unseen.
///
/// Between the look at the file and the signal, the process cannot become another one where the
/// kernel has pidfds (Linux 5.3, pidfd_open(2)).
pub(crate) fn signal(path: &Path, signal: Signal, user: u32) -> Result<(), ReactionError> {
    let failed = |why: String| {
        let recipient = Recipient::PidFile(path.to_owned());
        ReactionError::Signal { action: Action::Signal { signal, recipient }.to_string(), why }
    };
    let file = trusted_path::follow(path, user).map_err(|reason| match reason.is_missing() {
        true => failed(format!("{reason}; is the service running?")),
        false => ReactionError::Distrust { role: "pid file", reason },
    })?;
    let text = beginning(&file).map_err(|error| failed(error.to_string()))?;
    let pid = number(&text).map_err(failed)?;
    if pid == getpid() {
        return Err(failed(format!("{pid} is this worker itself")));
    }
    send(pid, signal).map_err(|error| match error {
        Errno::SRCH => failed(format!("there is no process {pid}; is the service running?")),
        // Without CAP_KILL, as in the unit's sandbox, also root reaches its own processes only.
        Errno::PERM => failed(format!(
            "process {pid} is another user's, whom the worker may not signal; name its unit, \
             where there is one, or use a command"
        )),
        error => failed(io::Error::from(error).to_string()),
    })
}

fn beginning(path: &Path) -> io::Result<String> {
    use std::io::Read;
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(MOST_READ).read_to_end(&mut bytes)?;
    // It may end in the middle of a character of a later line, which is of no interest.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The first line; nothing but a number that a service can have.
fn number(text: &str) -> Result<Pid, String> {
    let line = text.lines().next().unwrap_or_default().trim();
    let digits = !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.then(|| line.parse::<i32>().ok()).flatten();
    // 0 is the caller's group, 1 is init.
    let pid = number.filter(|number| *number > 1).and_then(Pid::from_raw);
    pid.ok_or_else(|| format!("the file's first line is no process's number: {line:?}"))
}

fn send(pid: Pid, signal: Signal) -> Result<(), Errno> {
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(process) => pidfd_send_signal(process, signal.raw()),
        // Kernels before 5.3, and sandboxes that do not know the call.
        Err(Errno::NOSYS | Errno::PERM) => {
            test_kill_process(pid)?;
            kill_process(pid, signal.raw())
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests start processes and write pid files")]

    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;

    use super::*;

    fn usr1() -> Signal {
        Signal::parse("USR1").unwrap()
    }

    #[test]
    fn a_file_is_a_number_that_a_service_can_have() {
        for (text, wanted) in [("42\n", 42), (" 42 \nmore\nlines", 42), ("2", 2)] {
            assert_eq!(number(text).unwrap().as_raw_nonzero().get(), wanted);
        }
        for text in ["", "\n42", "0", "1", "-42", "+42", "4 2", "99999999999", "abc", "0x10"] {
            let said = number(text).unwrap_err();
            assert!(said.starts_with("the file's first line is no process's number"), "{said}");
        }
    }

    #[test]
    fn a_later_line_in_any_language_hinders_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.pid");
        for before in 0..3 {
            fs::write(&path, format!("42\n{}{}\n", "/".repeat(before), "é".repeat(60))).unwrap();
            assert_eq!(number(&beginning(&path).unwrap()).unwrap().as_raw_nonzero().get(), 42);
        }
    }

    #[test]
    fn a_process_gets_the_signal() {
        let mut child = Command::new("/bin/sleep").arg("1000").spawn().unwrap();
        send(Pid::from_child(&child), usr1()).unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.signal(), Some(usr1().raw().as_raw()));
    }

    #[test]
    fn a_process_that_is_gone_is_a_failure() {
        let mut child = Command::new("/bin/true").spawn().unwrap();
        let pid = Pid::from_child(&child);
        child.wait().unwrap();
        assert_eq!(send(pid, usr1()), Err(Errno::SRCH));
    }

    #[test]
    fn a_missing_file_asks_whether_the_service_runs() {
        let said = signal(Path::new("/run/no-such.pid"), usr1(), 0).unwrap_err().to_string();
        let wanted = "SIGUSR1 to the process of /run/no-such.pid was not sent: \
                      /run/no-such.pid does not exist; is the service running?";
        assert_eq!(said, wanted);
    }

    #[test]
    fn a_file_that_anybody_can_put_there_is_not_believed() {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let path = folder.path().join("a.pid");
        fs::write(&path, "42\n").unwrap();
        let error = signal(&path, usr1(), 0).unwrap_err();
        assert!(matches!(error, ReactionError::Distrust { .. }), "{error}");
    }
}
