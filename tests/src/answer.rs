//! What the guest agent would tell Azure, as the driver hands it over.

use serde::Deserialize;

/// The answer to one request.
#[derive(Clone, Debug, Deserialize)]
pub struct Answer {
    handlers: Option<Vec<HandlerStatus>>,
    /// The commands that the agent has run since the last answer.
    pub commands: Vec<Command>,
    /// How long the agent took for the goal state, waiting for other extensions included.
    pub seconds: f64,
    /// An exception that would have ended the agent.
    pub crash: Option<String>,
}

impl Answer {
    /// All extensions in the report.
    ///
    /// # Panics
    /// Where the agent lost the report: a document was so wrong that it gave up.
    #[track_caller]
    pub fn handlers(&self) -> &[HandlerStatus] {
        self.reported().expect("the agent lost the whole status report")
    }

    /// The same; `None` where the agent lost the report.
    pub fn reported(&self) -> Option<&[HandlerStatus]> {
        self.handlers.as_deref()
    }

    /// What was reported of one extension.
    #[track_caller]
    pub fn handler(&self, name: &str) -> &HandlerStatus {
        let found = self.handlers().iter().find(|handler| handler.handler == name);
        found.unwrap_or_else(|| panic!("nothing reported of {name}: {self:#?}"))
    }

    /// The commands in order, as `version command`: `0.1.0 bin/handler enable`.
    pub fn command_lines(&self) -> Vec<String> {
        self.commands.iter().map(|ran| format!("{} {}", ran.version, ran.command)).collect()
    }
}

/// One command that the agent ran.
#[derive(Clone, Debug, Deserialize)]
pub struct Command {
    /// The extension.
    pub handler: String,
    /// Its version.
    pub version: String,
    /// The command line from the manifest.
    pub command: String,
    /// How long it took; the agent itself adds about two seconds to each.
    pub seconds: f64,
    /// What the agent said about its failure.
    pub failure: Option<String>,
}

/// What was reported of one extension.
#[derive(Clone, Debug, Deserialize)]
pub struct HandlerStatus {
    /// Publisher and type.
    pub handler: String,
    /// The version in the goal state.
    pub version: String,
    /// `Ready`, `NotReady`, `Unresponsive` or what the heartbeat said.
    pub status: String,
    /// The agent's code; 0 if all is well.
    pub code: i64,
    /// The agent's words, or the heartbeat's.
    pub message: String,
    /// What the status file said; none for an extension without settings.
    pub extension: Option<ExtensionStatus>,
}

impl HandlerStatus {
    /// What the status file said.
    #[track_caller]
    pub fn extension(&self) -> &ExtensionStatus {
        self.extension.as_ref().unwrap_or_else(|| panic!("no extension status: {self:#?}"))
    }
}

/// The extension's own status.
#[derive(Clone, Debug, Deserialize)]
pub struct ExtensionStatus {
    /// Whose settings this is about.
    pub sequence_number: u64,
    /// `transitioning`, `error`, `success` or `warning`.
    pub status: Option<String>,
    /// The extension's code.
    pub code: Option<i64>,
    /// What the portal shows.
    pub message: String,
    /// One for each certificate.
    pub substatuses: Vec<Substatus>,
}

impl ExtensionStatus {
    /// The substatus of this name.
    #[track_caller]
    pub fn substatus(&self, name: &str) -> &Substatus {
        let found = self.substatuses.iter().find(|substatus| substatus.name == name);
        found.unwrap_or_else(|| panic!("no substatus {name}: {self:#?}"))
    }
}

/// The status of one certificate.
#[derive(Clone, Debug, Deserialize)]
pub struct Substatus {
    /// The link's name.
    pub name: String,
    /// As for the extension.
    pub status: String,
    /// As for the extension.
    pub code: i64,
    /// As for the extension.
    pub message: String,
}
