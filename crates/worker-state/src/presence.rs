//! Which process the worker is, for those who must see it or stop it.

use std::os::fd::OwnedFd;
use std::path::PathBuf;

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

use crate::{Directories, Lease, LeaseError, StateError, Timestamp, document};

/// A process that cannot be mistaken for a later one with the same number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessIdentity {
    /// The process number.
    pub pid: u32,
    /// When it started, in clock ticks since boot: field 22 of `/proc/PID/stat`, proc(5).
    pub start_ticks: u64,
}

impl ProcessIdentity {
    /// This very process; `None` where `/proc` is not mounted.
    pub fn current() -> Option<Self> {
        Self::of(std::process::id())
    }

    /// The process that has this number now.
    pub fn of(pid: u32) -> Option<Self> {
        let stat = std::fs::read_to_string(PathBuf::from(format!("/proc/{pid}/stat"))).ok()?;
        Some(Self { pid, start_ticks: start_ticks(&stat)? })
    }

    /// Whether this process still runs (a zombie does not).
    pub fn is_alive(&self) -> bool {
        Self::of(self.pid).as_ref() == Some(self)
    }

    /// Whether a process has this number whose start cannot be seen: `/proc` shows this one only
    /// its own kind (`hidepid=` of proc(5), `ProtectProc=` of systemd.exec(5)).
    pub(crate) fn is_hidden(&self) -> bool {
        let number = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        let exists = |number| {
            matches!(rustix::process::test_kill_process(number), Ok(()) | Err(Errno::PERM))
        };
        Self::of(self.pid).is_none()
            && !PathBuf::from(format!("/proc/{}", self.pid)).exists()
            && number.is_some_and(exists)
    }

    /// Sends a signal to this process, and to no other that may have inherited its number.
    /// `false` where it has ended.
    ///
    /// Where the kernel has pidfds (Linux 5.3), the descriptor pins the process between the
    /// check and the signal; elsewhere the check comes right before it.
    ///
    /// # Errors
    /// Where the process may not be signalled.
    pub fn signal(&self, signal: Signal) -> std::io::Result<bool> {
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else {
            return Ok(false);
        };
        self.signal_by(pid, pidfd_open(pid, PidfdFlags::empty()), signal)
    }

    /// Sends a signal by a descriptor of the process, or by its number where there is none.
    fn signal_by(
        &self,
        pid: Pid,
        descriptor: rustix::io::Result<OwnedFd>,
        signal: Signal,
    ) -> std::io::Result<bool> {
        if !self.is_alive() {
            return Ok(false);
        }
        let sent = match descriptor.map(|process| pidfd_send_signal(process, signal)) {
            Err(_) | Ok(Err(Errno::NOSYS)) => rustix::process::kill_process(pid, signal),
            Ok(sent) => sent,
        };
        match sent {
            Ok(()) => Ok(true),
            Err(Errno::SRCH) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// Field 22 of a `stat` line. The second field, the command, may itself hold spaces and
/// parentheses: counting begins behind the last parenthesis. A zombie has no start.
fn start_ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// What the worker says of itself while it holds the lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Presence {
    /// Its process.
    pub process: ProcessIdentity,
    /// Its version.
    pub version: String,
    /// The identity of the assignment it serves; none for a worker that was started by hand.
    pub assignment: Option<String>,
    /// Since when.
    pub since: Timestamp,
}

impl Presence {
    /// The worker that has announced itself and lives; `None` also for one that is so young that
    /// it has not. Takes no lease and writes nothing, so that anybody may look.
    pub fn announced(directories: &Directories) -> Option<Self> {
        // What a kill left behind is not the present worker's.
        let presence: Self = document::read(&directories.presence_path()).ok().flatten()?;
        (presence.process.is_alive() || presence.process.is_hidden()).then_some(presence)
    }

    /// Announces the worker.
    ///
    /// # Errors
    /// Where the file cannot be replaced.
    pub fn announce(&self, directories: &Directories, _lease: &Lease) -> Result<(), StateError> {
        document::replace(&directories.presence_path(), self)
    }
}

/// What can be seen of a worker from outside.
#[derive(Debug)]
pub enum WorkerSight {
    /// There is none, and none can begin while this lease is held.
    Absent(Lease),
    /// One holds the lease. It may not have announced itself yet.
    Present(Option<Presence>),
}

impl WorkerSight {
    /// Looks.
    ///
    /// # Errors
    /// Where the lease file cannot be used.
    pub fn look(directories: &Directories) -> Result<Self, LeaseError> {
        match Lease::acquire(directories) {
            Ok(lease) => Ok(Self::Absent(lease)),
            Err(LeaseError::Held) => Ok(Self::Present(Presence::announced(directories))),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presence() -> Presence {
        Presence {
            process: ProcessIdentity::current().unwrap(),
            version: "1.0.0".into(),
            assignment: Some("a".into()),
            since: std::time::SystemTime::UNIX_EPOCH.into(),
        }
    }

    #[test]
    fn the_start_is_found_behind_a_command_with_parentheses() {
        let fields: Vec<String> = (3..=52).map(|number| number.to_string()).collect();
        let stat = format!("12 (a) b) S {}", fields[1..].join(" "));
        assert_eq!(start_ticks(&stat), Some(22));
        assert_eq!(start_ticks(&stat.replace(" S ", " Z ")), None);
        assert_eq!(start_ticks("garbage"), None);
    }

    #[test]
    fn this_process_is_alive_and_a_namesake_is_not() {
        let this = ProcessIdentity::current().unwrap();
        assert!(this.is_alive());
        let namesake = ProcessIdentity { start_ticks: this.start_ticks + 1, ..this };
        assert!(!namesake.is_alive());
        assert!(!namesake.signal(Signal::KILL).unwrap());
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test needs a process to end")]
    fn without_process_descriptors_it_is_the_number_that_is_signalled_and_only_if_it_is_the_same() {
        let mut child = std::process::Command::new("/bin/cat")
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let process = ProcessIdentity::of(child.id()).unwrap();
        let pid = Pid::from_child(&child);
        let later = ProcessIdentity { start_ticks: process.start_ticks + 1, ..process.clone() };
        let none = || Err(Errno::NOSYS);
        assert!(!later.signal_by(pid, none(), Signal::KILL).unwrap());
        assert!(process.signal_by(pid, none(), Signal::CONT).unwrap());
        assert!(process.signal_by(pid, none(), Signal::KILL).unwrap());
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&child.wait().unwrap()), Some(9));
        assert!(!process.signal_by(pid, none(), Signal::KILL).unwrap());
    }

    #[test]
    fn a_process_that_can_be_seen_is_not_hidden_and_neither_is_one_that_is_not_there() {
        assert!(!ProcessIdentity::current().unwrap().is_hidden());
        assert!(!ProcessIdentity { pid: u32::MAX, start_ticks: 0 }.is_hidden());
        assert!(!ProcessIdentity { pid: i32::MAX as u32, start_ticks: 0 }.is_hidden());
    }

    #[test]
    fn a_worker_is_present_while_it_holds_the_lease() {
        let folder = tempfile::tempdir().unwrap();
        let directories = Directories::below(folder.path());
        directories.create().unwrap();
        let lease = Lease::acquire(&directories).unwrap();
        assert!(matches!(WorkerSight::look(&directories), Ok(WorkerSight::Present(None))));
        presence().announce(&directories, &lease).unwrap();
        let seen = WorkerSight::look(&directories).unwrap();
        assert!(matches!(seen, WorkerSight::Present(Some(seen)) if seen == presence()));
        drop(lease);
        assert!(matches!(WorkerSight::look(&directories), Ok(WorkerSight::Absent(_))));
    }

    #[test]
    fn an_announcement_of_a_dead_worker_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let directories = Directories::below(folder.path());
        directories.create().unwrap();
        let lease = Lease::acquire(&directories).unwrap();
        let mut stale = presence();
        stale.process.start_ticks += 1;
        stale.announce(&directories, &lease).unwrap();
        assert!(matches!(WorkerSight::look(&directories), Ok(WorkerSight::Present(None))));
    }
}
