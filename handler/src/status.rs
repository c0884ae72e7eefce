//! Writing the status and the heartbeat, as far as they are the handler's to write.

use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context, Result};
use atomic_file::{Directory, FileOptions};
use status_schema::{
    HandlerEnvironment, Heartbeat, HeartbeatState, SequenceNumber, State, Status, StatusReport,
};

use crate::command::Command;
use crate::failure::Failure;
use crate::sole_writer::SoleWriter;

/// What the status calls the extension where the agent does not say.
const NAME: &str = "Key Vault VM extension";

/// What the handler can say of itself. It never says success: that is for the worker to find out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Word<'a> {
    /// Under way, doing this.
    Transitioning(&'a str),
    /// Over, for this reason.
    Failed(&'a Failure),
}

/// Replaces `N.status`.
///
/// # Errors
/// Names the file that cannot be written.
pub(crate) fn write(
    _right: &SoleWriter,
    agent: &HandlerEnvironment,
    number: SequenceNumber,
    command: Command,
    word: &Word<'_>,
    now: SystemTime,
) -> Result<()> {
    let (state, code, message) = match word {
        Word::Transitioning(message) => (State::Transitioning, 0, (*message).to_owned()),
        Word::Failed(failure) => (State::Error, failure.code.number(), failure.sentence.clone()),
    };
    let status = Status {
        name: agent.name.clone().unwrap_or_else(|| NAME.into()),
        operation: command.operation().into(),
        applied: now,
        state,
        code,
        message,
        substatuses: Vec::new(),
    };
    let report = StatusReport { written: now, status };
    replace(&agent.status_folder.join(number.status_file_name()), &report.to_json())
}

/// Replaces the heartbeat by `NotReady`. That the extension is ready is for the worker to say.
///
/// # Errors
/// Names the file that cannot be written.
pub(crate) fn write_not_ready(
    _right: &SoleWriter,
    agent: &HandlerEnvironment,
    code: i32,
    message: &str,
) -> Result<()> {
    let beat = Heartbeat { state: HeartbeatState::NotReady, code, message: message.into() };
    replace(&agent.heartbeat_file, &beat.to_json())
}

/// Makes sure that status and heartbeat could be written now, and leaves both as they are: while a
/// worker is at work, they are its to write.
///
/// # Errors
/// Names the file that could not be.
pub(crate) fn rehearse(agent: &HandlerEnvironment, number: SequenceNumber) -> Result<()> {
    // More than either takes.
    let content = [b' '; 8 * 1024];
    let status = agent.status_folder.join(number.status_file_name());
    for path in [&status, &agent.heartbeat_file] {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { continue };
        make_where_missing(folder)?;
        let folder = Directory::open(folder)?;
        // Written beside, and removed as it is let go.
        drop(folder.stage(name, &FileOptions::mode(0o600), &content)?);
    }
    Ok(())
}

fn replace(path: &Path, content: &[u8]) -> Result<()> {
    path.parent().map_or(Ok(()), make_where_missing)?;
    Ok(atomic_file::replace_file(path, 0o600, content)?)
}

fn make_where_missing(folder: &Path) -> Result<()> {
    if folder.exists() { Ok(()) } else { make_private(folder) }
}

/// As the agent makes it (WALinuxAgent 2.15, `ga/exthandlers.py:1510`).
fn make_private(folder: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(folder).with_context(|| folder.display().to_string())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::failure::Code;

    fn agent(root: &Path) -> HandlerEnvironment {
        HandlerEnvironment {
            name: Some("Open.KeyVault".into()),
            log_folder: root.join("log"),
            config_folder: root.join("config"),
            status_folder: root.join("status"),
            heartbeat_file: root.join("heartbeat.log"),
            events_folder: None,
        }
    }

    #[test]
    fn a_status_is_written_under_its_number_even_where_the_folder_is_missing() {
        let root = tempfile::tempdir().unwrap();
        let agent = agent(root.path());
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let (right, number) = (SoleWriter::NoLease, SequenceNumber::new(4));
        let word = Word::Transitioning("starting");
        write(&right, &agent, number, Command::Enable, &word, now).unwrap();
        let report =
            StatusReport::parse(&std::fs::read(root.path().join("status/4.status")).unwrap());
        let status = report.unwrap().status;
        assert_eq!((&*status.name, &*status.operation), ("Open.KeyVault", "Enable"));
        assert_eq!((status.state, &*status.message), (State::Transitioning, "starting"));
        assert_eq!(status.applied, now);
    }

    #[test]
    fn a_failure_is_an_error_with_its_code() {
        let root = tempfile::tempdir().unwrap();
        let agent = agent(root.path());
        let failure = Failure::new(Code::Worker, "it did not start");
        let (right, number) = (SoleWriter::NoLease, SequenceNumber::new(0));
        let word = Word::Failed(&failure);
        write(&right, &agent, number, Command::Install, &word, SystemTime::UNIX_EPOCH).unwrap();
        write_not_ready(&right, &agent, failure.code.number(), &failure.sentence).unwrap();
        let report =
            StatusReport::parse(&std::fs::read(root.path().join("status/0.status")).unwrap());
        let status = report.unwrap().status;
        assert_eq!((status.state, status.code), (State::Error, -1));
        let beat = Heartbeat::parse(&std::fs::read(&agent.heartbeat_file).unwrap()).unwrap();
        assert_eq!((beat.state, &*beat.message), (HeartbeatState::NotReady, "it did not start"));
    }
}
