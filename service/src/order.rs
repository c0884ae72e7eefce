//! What the worker serves: an assignment of the guest agent's handler, or a file of settings.

use std::fmt;
use std::path::PathBuf;
use std::time::SystemTime;

use extension_settings::{Parsed, Settings};
use object_id::VaultSuffixes;
use serde_json::Value;
use sha2::{Digest, Sha256};
use status_schema::RuntimeSettings;
use worker_state::{
    AgentPaths, Assignment, Directories, Environment, Refusal, Timestamp, environment_name as name,
};

/// Where settings lie on a machine without a guest agent.
pub(crate) const DEFAULT_SETTINGS: &str = "/etc/akvvm/settings.json";

/// Who gives the order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The handler, on behalf of the guest agent.
    Assignment,
    /// A person, by a file.
    File(PathBuf),
}

/// The variables of this process, and those of the environment file.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings {
    pub(crate) process: Environment,
    pub(crate) file: Environment,
}

/// An order that can be served.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) settings: Settings,
    /// What is odd about the settings.
    pub(crate) warnings: Vec<String>,
    /// Equal for orders that need no change of what is being served.
    pub(crate) identity: String,
    /// When it was given.
    pub(crate) given_at: Timestamp,
    /// The guest agent that gave it, if one did.
    pub(crate) agent: Option<Agent>,
    /// Newer settings that were refused.
    pub(crate) refusal: Option<Refusal>,
    /// All steering variables, in their order of precedence.
    pub(crate) environment: Environment,
}

/// Where the guest agent looks.
#[derive(Clone, Debug)]
pub(crate) struct Agent {
    pub(crate) paths: AgentPaths,
    pub(crate) sequence_number: u64,
}

/// There is nothing to serve, or nothing that can be served.
#[derive(Debug)]
pub(crate) enum OrderError {
    /// Nobody assigned anything.
    Nothing,
    /// The extension that was assigned is not installed here any more.
    ExtensionGone(PathBuf),
    /// What was assigned cannot be read or served.
    Unusable(String),
    /// The settings are wrong; who gave them, if the agent did.
    Settings(String, Option<Box<Agent>>),
}

impl fmt::Display for OrderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => write!(
                f,
                "nothing to serve: no extension assigned anything, and there is no {DEFAULT_SETTINGS}"
            ),
            Self::ExtensionGone(folder) => write!(
                f,
                "{}: the extension that gave this machine its settings is not installed here; \
                 waiting for one that is",
                folder.display()
            ),
            Self::Unusable(why) | Self::Settings(why, _) => f.write_str(why),
        }
    }
}

/// Reads the order. `now` dates an order that bears no date.
///
/// # Errors
/// See [`OrderError`].
pub(crate) fn read(
    origin: &Origin,
    directories: &Directories,
    surroundings: &Surroundings,
    now: SystemTime,
) -> Result<Order, OrderError> {
    match origin {
        Origin::Assignment => assigned(directories, surroundings),
        Origin::File(file) => from_file(file, surroundings, now),
    }
}

fn assigned(directories: &Directories, around: &Surroundings) -> Result<Order, OrderError> {
    let read = Assignment::read(directories);
    let assignment = read.map_err(|error| OrderError::Unusable(error.to_string()))?;
    let assignment = assignment.ok_or(OrderError::Nothing)?;
    let environment = around.process.clone();
    let environment = environment.over(Environment::of(assignment.environment.clone()));
    let environment = environment.over(around.file.clone());
    let agent =
        Agent { paths: assignment.agent.clone(), sequence_number: assignment.sequence_number };
    let parsed = parse(&assignment.settings, &environment)
        .map_err(|why| OrderError::Settings(why, Some(Box::new(agent.clone()))))?;
    Ok(Order {
        settings: parsed.settings,
        warnings: parsed.warnings.iter().map(ToString::to_string).collect(),
        identity: assignment.identity(),
        given_at: assignment.assigned_at,
        agent: Some(agent),
        refusal: assignment.refusal,
        environment,
    })
}

fn from_file(file: &PathBuf, around: &Surroundings, now: SystemTime) -> Result<Order, OrderError> {
    let wrong = |why: String| OrderError::Settings(format!("{}: {why}", file.display()), None);
    let bytes = std::fs::read(file).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    let document =
        RuntimeSettings::parse_any_form(&bytes).map_err(|error| wrong(error.to_string()))?.public;
    let environment = around.process.clone().over(around.file.clone());
    let parsed = parse(&document, &environment).map_err(wrong)?;
    let digest = Sha256::digest(document.to_string().as_bytes());
    Ok(Order {
        settings: parsed.settings,
        warnings: parsed.warnings.iter().map(ToString::to_string).collect(),
        identity: format!("file {digest:x?}"),
        given_at: now.into(),
        agent: None,
        refusal: None,
        environment,
    })
}

fn parse(document: &Value, environment: &Environment) -> Result<Parsed, String> {
    let allowed = environment.value(name::VAULT_DNS_SUFFIXES).unwrap_or_default();
    let suffixes = VaultSuffixes::known()
        .allow(allowed)
        .map_err(|error| format!("{}: {error}", name::VAULT_DNS_SUFFIXES))?;
    extension_settings::parse(document, &suffixes).map_err(|problems| problems.to_string())
}
