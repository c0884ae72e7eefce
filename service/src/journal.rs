//! Lines for systemd's journal: with a priority in front (sd-daemon(3)) and without a time, which
//! the journal adds itself.

use std::io::Write;
use std::os::unix::fs::MetadataExt;

use log::{Level, LevelFilter, Log, Metadata, Record};
use simplelog::{Config, SharedLogger};
use worker_state::{Environment, environment_name as name};

/// Whether standard error leads into the journal: `$JOURNAL_STREAM` names its device and inode
/// (systemd.exec(5)). A terminal or a pipe that was put in its place does not match.
pub(crate) fn listens(environment: &Environment) -> bool {
    let Ok(stream) = std::fs::metadata("/proc/self/fd/2") else { return false };
    let own = format!("{}:{}", stream.dev(), stream.ino());
    environment.value(name::JOURNAL_STREAM) == Some(&own)
}

/// A logger to standard error, for the journal.
#[derive(Debug)]
pub(crate) struct Journal;

impl Log for Journal {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= Level::Info && metadata.target().starts_with("service")
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let line = line(record.level(), &record.args().to_string());
            // With nowhere to say it, the log file still has it.
            let _ = std::io::stderr().lock().write_all(line.as_bytes());
        }
    }

    fn flush(&self) {}
}

impl SharedLogger for Journal {
    fn level(&self) -> LevelFilter {
        LevelFilter::Info
    }

    fn config(&self) -> Option<&Config> {
        None
    }

    fn as_log(self: Box<Self>) -> Box<dyn Log> {
        self
    }
}

/// One line; a line break would begin another entry, with a priority of its own.
fn line(level: Level, text: &str) -> String {
    let priority = match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    };
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("<{priority}>{text}\n")
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
    fn the_journal_listens_only_where_standard_error_is_its_stream() {
        let environment = |value: String| Environment::of([(name::JOURNAL_STREAM.into(), value)]);
        let own = std::fs::metadata("/proc/self/fd/2").unwrap();
        assert!(listens(&environment(format!("{}:{}", own.dev(), own.ino()))));
        assert!(!listens(&environment(format!("{}:{}", own.dev(), own.ino() + 1))));
        assert!(!listens(&Environment::default()));
    }
}
