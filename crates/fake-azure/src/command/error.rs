//! Why a command did not do what it should.

use std::fmt;
use std::io;
use std::path::PathBuf;

use fake_azure::{IssueError, ScenarioError, StartError};

/// Why a command did not do what it should.
#[derive(Debug)]
pub(crate) enum CommandError {
    Usage(lexopt::Error),
    NoDirectory,
    Unknown(String),
    Words { command: &'static str, usage: &'static str },
    File(PathBuf, io::Error),
    Scenario(PathBuf, ScenarioError),
    Start(StartError),
    Issue(IssueError),
    NotRunning(PathBuf),
    Conversation(String),
    Refused(String),
    Io(io::Error),
}

impl CommandError {
    /// 2 for what is wrong with the command line, 1 for the rest.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::NoDirectory | Self::Unknown(_) | Self::Words { .. } => 2,
            _ => 1,
        }
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(error) => write!(f, "{error}; see fake-azure --help"),
            Self::NoDirectory => f.write_str("--directory DIR is missing"),
            Self::Unknown(command) => {
                write!(f, "there is no command {command:?}; see fake-azure --help")
            }
            Self::Words { command, usage } => write!(f, "{command} wants {usage}"),
            Self::File(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Scenario(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Start(error) => error.fmt(f),
            Self::Issue(error) => error.fmt(f),
            Self::NotRunning(directory) => write!(
                f,
                "nothing serves from {}: start it with fake-azure serve --directory {0}",
                directory.display()
            ),
            Self::Conversation(sentence) => {
                write!(f, "no conversation with the server: {sentence}")
            }
            Self::Refused(sentence) => f.write_str(sentence),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CommandError {}

impl From<lexopt::Error> for CommandError {
    fn from(error: lexopt::Error) -> Self {
        Self::Usage(error)
    }
}

impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
