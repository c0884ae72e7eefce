//! What the worker serves: an assignment of the guest agent's handler, or a file of settings.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use extension_settings::{Parsed, Problems, Remark, Settings};
use object_id::VaultSuffixes;
use reaction::Permission;
use serde_json::Value;
use status_schema::RuntimeSettings;
use worker_state::{
    AgentPaths, Assignment, Directories, Environment, Refusal, Timestamp, environment_name as name,
    fingerprint, read_bounded, read_trusted,
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
    /// Why the file was not read, for commands that do without it.
    pub(crate) passed_over: Option<String>,
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
                "nothing to serve: no extension assigned anything, and there is no \
                 {DEFAULT_SETTINGS}; name a file with --settings"
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

/// What was given to be served, not yet read as settings.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    /// The settings as they were given.
    pub(crate) document: Value,
    /// Equal for orders that need no change of what is being served.
    identity: String,
    given_at: Timestamp,
    /// The guest agent that gave it, if one did.
    pub(crate) agent: Option<Agent>,
    /// Newer settings that were refused.
    pub(crate) refusal: Option<Refusal>,
    /// Whether protected settings came along, which nobody reads.
    pub(crate) has_protected: bool,
    /// Keys that stand there more than once, which cannot be seen in `document` any more.
    repeated: Vec<Remark>,
    /// What a worker that is started for this order sees, as far as the order and the environment
    /// file say.
    pub(crate) handed_over: Environment,
    /// All steering variables, in their order of precedence.
    pub(crate) environment: Environment,
}

/// Why what was given cannot be read as settings.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The administrator's list of vault suffixes is wrong.
    Suffixes(String),
    /// The settings are.
    Settings(Problems),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Suffixes(why) => write!(f, "{}: {why}", name::VAULT_DNS_SUFFIXES),
            Self::Settings(problems) => problems.fmt(f),
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
    let given = given(origin, directories, surroundings, now).map_err(|e| e.located(origin))?;
    let parsed = given.parse().map_err(|refused| {
        let agent = given.agent.clone().map(Box::new);
        OrderError::Settings(refused.to_string(), agent).located(origin)
    })?;
    Ok(Order {
        warnings: parsed.warnings.iter().map(ToString::to_string).collect(),
        settings: parsed.settings,
        identity: given.identity,
        given_at: given.given_at,
        agent: given.agent,
        refusal: given.refusal,
        environment: given.environment,
    })
}

/// Reads what was given, without a look at the settings in it. Writes nothing. Complaints about
/// a file do not repeat its name.
///
/// # Errors
/// See [`OrderError`].
pub(crate) fn given(
    origin: &Origin,
    directories: &Directories,
    surroundings: &Surroundings,
    now: SystemTime,
) -> Result<Given, OrderError> {
    match origin {
        Origin::Assignment => assigned(directories, surroundings),
        Origin::File(file) => {
            from_file(file, surroundings, now).map_err(|why| OrderError::Settings(why, None))
        }
    }
}

impl OrderError {
    /// The same, with the name of the file in front.
    fn located(self, origin: &Origin) -> Self {
        match (self, origin) {
            (Self::Settings(why, agent), Origin::File(file)) => {
                Self::Settings(format!("{}: {why}", file.display()), agent)
            }
            (other, _) => other,
        }
    }
}

fn assigned(directories: &Directories, around: &Surroundings) -> Result<Given, OrderError> {
    let read = Assignment::read(directories);
    let assignment = read.map_err(|error| OrderError::Unusable(error.to_string()))?;
    let assignment = assignment.ok_or(OrderError::Nothing)?;
    let identity = assignment.identity();
    let handed_over = Environment::of(assignment.environment).over(around.file.clone());
    let sequence_number = assignment.sequence_number;
    Ok(Given {
        document: assignment.settings,
        identity,
        given_at: assignment.assigned_at,
        agent: Some(Agent { paths: assignment.agent, sequence_number }),
        refusal: assignment.refusal,
        has_protected: false,
        repeated: Vec::new(),
        environment: around.process.clone().over(handed_over.clone()),
        handed_over,
    })
}

/// What root serves without being asked each time, nobody else may have written.
fn settings_of(file: &Path) -> Result<Vec<u8>, String> {
    let read = if file == Path::new(DEFAULT_SETTINGS) { read_trusted } else { read_bounded };
    match read(file) {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err("not found".into()),
        Err(error) => {
            let said = error.to_string();
            let name = format!("{}: ", file.display());
            Err(said.strip_prefix(&name).map(str::to_owned).unwrap_or(said))
        }
    }
}

fn from_file(file: &Path, around: &Surroundings, now: SystemTime) -> Result<Given, String> {
    let bytes = settings_of(file)?;
    let read = RuntimeSettings::parse_any_form(&bytes).map_err(|error| error.to_string())?;
    let written = std::fs::metadata(file).and_then(|metadata| metadata.modified());
    Ok(Given {
        identity: fingerprint(&[read.public.to_string().as_bytes()]),
        given_at: written.unwrap_or(now).into(),
        agent: None,
        refusal: None,
        has_protected: read.protected_present,
        repeated: extension_settings::repeated_keys(without_byte_order_mark(&bytes)),
        handed_over: around.file.clone(),
        environment: around.process.clone().over(around.file.clone()),
        document: read.public,
    })
}

/// As editors on Windows leave one.
fn without_byte_order_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)
}

impl Given {
    /// Reads the settings in it.
    ///
    /// # Errors
    /// See [`Refused`].
    pub(crate) fn parse(&self) -> Result<Parsed, Refused> {
        let parsed = extension_settings::parse(&self.document, &self.suffixes()?);
        self.unambiguous(parsed).map_err(Refused::Settings)
    }

    /// The hosts that are vaults on this machine.
    ///
    /// # Errors
    /// [`Refused::Suffixes`].
    pub(crate) fn suffixes(&self) -> Result<VaultSuffixes, Refused> {
        let allowed = self.environment.value(name::VAULT_DNS_SUFFIXES).unwrap_or_default();
        let suffixes = VaultSuffixes::known().allow(allowed);
        suffixes.map_err(|error| Refused::Suffixes(error.to_string()))
    }

    fn unambiguous(&self, parsed: Result<Parsed, Problems>) -> Result<Parsed, Problems> {
        if self.repeated.is_empty() {
            return parsed;
        }
        let found = match parsed {
            Ok(Parsed { warnings, .. }) => Problems { problems: Vec::new(), warnings },
            Err(found) => found,
        };
        Err(found.with_repeated(&self.repeated))
    }
}

/// How far the administrator lets settings reach: what the environment file says, and it alone.
///
/// # Errors
/// Where that is no permission.
pub(crate) fn permission(surroundings: &Surroundings) -> Result<Permission, String> {
    let written = surroundings.file.value(name::REACTIONS).map(Permission::parse).transpose();
    written.map(Option::unwrap_or_default).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_environment_file_permits_anything() {
        let commands = || Environment::of([(name::REACTIONS.into(), "commands".into())]);
        let said = |process, file| permission(&Surroundings { process, file, passed_over: None });
        assert_eq!(said(commands(), Environment::default()), Ok(Permission::Units));
        assert_eq!(said(Environment::default(), commands()), Ok(Permission::Commands));
    }
}
