//! Lines for systemd's journal, which adds the time itself: with their fields by its native
//! protocol (<https://systemd.io/JOURNAL_NATIVE_PROTOCOL>), so that `journalctl
//! AKVVM_CERTIFICATE=contoso.web` finds them; where its socket cannot be reached, on standard error
//! with a priority in front (sd-daemon(3)).

use std::io::{ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use log::{Level, Record};
use worker_state::{Environment, environment_name as name};

use crate::failure::one_line;
use crate::log_fields;
use crate::sink::Sink;

/// Whether standard error leads into the journal: `$JOURNAL_STREAM` names its device and inode
/// (systemd.exec(5)). A terminal or a pipe that was put in its place does not match.
pub(crate) fn listens(environment: &Environment) -> bool {
    let Ok(stream) = std::fs::metadata("/proc/self/fd/2") else { return false };
    let own = format!("{}:{}", stream.dev(), stream.ino());
    environment.value(name::JOURNAL_STREAM) == Some(&own)
}

/// Where the journal takes entries.
const SOCKET: &str = "/run/systemd/journal/socket";

/// A journal that takes nothing for so long is not waited for any more, until it takes something.
const PATIENCE: Duration = Duration::from_secs(1);

/// The way into the journal.
#[derive(Debug)]
pub(crate) struct Journal {
    socket: Option<UnixDatagram>,
    is_stuck: AtomicBool,
}

impl Journal {
    pub(crate) fn new() -> Self {
        Self::at(Path::new(SOCKET))
    }

    fn at(path: &Path) -> Self {
        let socket = UnixDatagram::unbound().and_then(|socket| {
            socket.connect(path)?;
            socket.set_write_timeout(Some(PATIENCE))?;
            Ok(socket)
        });
        Self { socket: socket.ok(), is_stuck: AtomicBool::default() }
    }

    /// Whether the entry needs no other way: the journal has it, or would not have it by that either.
    fn send(&self, entry: &str) -> bool {
        let Some(socket) = &self.socket else { return false };
        let sent = socket.send(entry.as_bytes());
        let is_full = sent.as_ref().is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
        if self.is_stuck.swap(is_full, Ordering::Relaxed) != is_full {
            let _ = socket.set_nonblocking(is_full); // otherwise each entry is waited for
        }
        is_full || sent.is_ok()
    }
}

impl Sink for Journal {
    fn take(&self, record: &Record<'_>) {
        if self.send(&entry(record)) {
            return;
        }
        let line = line(record.level(), &record.args().to_string());
        // With nowhere to say it, the log file still has it.
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }
}

/// An entry with its fields, one a line: no value of ours has a line break.
fn entry(record: &Record<'_>) -> String {
    let mut entry = format!(
        "MESSAGE={}\nPRIORITY={}\nSYSLOG_IDENTIFIER=akvvm_service\n",
        one_line(&record.args().to_string()),
        priority(record.level())
    );
    for (name, value) in log_fields::fields(record) {
        entry.push_str(&format!("AKVVM_{}={}\n", name.to_ascii_uppercase(), one_line(&value)));
    }
    entry
}

/// One line; a line break would begin another entry, with a priority of its own.
fn line(level: Level, text: &str) -> String {
    format!("<{}>{}\n", priority(level), one_line(text))
}

fn priority(level: Level) -> u8 {
    match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_priority_and_no_line_break_within() {
        assert_eq!(line(Level::Error, "a\n<0>b"), "<3>a <0>b\n");
        assert_eq!(line(Level::Warn, "c"), "<4>c\n");
        assert_eq!(line(Level::Info, "d"), "<6>d\n");
    }

    #[test]
    fn an_entry_has_its_fields() {
        let pairs = [("certificate", "web\nPRIORITY=0")];
        let record = Record::builder()
            .level(Level::Warn)
            .args(format_args!("a\nb"))
            .key_values(&pairs)
            .build();
        let expected = "MESSAGE=a b\nPRIORITY=4\nSYSLOG_IDENTIFIER=akvvm_service\n\
                        AKVVM_CERTIFICATE=web PRIORITY=0\n";
        assert_eq!(entry(&record), expected);
    }

    #[test]
    fn a_journal_that_takes_nothing_is_waited_for_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let journald = UnixDatagram::bind(&path).unwrap();
        let journal = Journal::at(&path);
        let entries = || (0..100_000).take_while(|_| journal.send("entry\n"));
        let taken = entries().take_while(|_| !journal.is_stuck.load(Ordering::Relaxed)).count();
        assert_eq!(entries().count(), 100_000, "none is waited for");
        journald.set_nonblocking(true).unwrap();
        let drain = || std::iter::from_fn(|| journald.recv(&mut [0; 64]).ok()).count();
        assert_eq!(drain(), taken);
        assert!(journal.send("entry\n") && !journal.is_stuck.load(Ordering::Relaxed));
        assert_eq!(drain(), 1);
        drop(journald);
        assert!(!journal.send("entry\n"), "standard error has it then");
    }

    #[test]
    fn the_journal_listens_only_where_standard_error_is_its_stream() {
        let environment = |value: String| Environment::of([(name::JOURNAL_STREAM.into(), value)]);
        let own = std::fs::metadata("/proc/self/fd/2").unwrap();
        assert!(listens(&environment(format!("{}:{}", own.dev(), own.ino()))));
        assert!(!listens(&environment(format!("{}:{}", own.dev(), own.ino() + 1))));
        assert!(!listens(&Environment::default()));
    }
}
