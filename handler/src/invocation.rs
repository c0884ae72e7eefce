//! What the handler is asked to do, and by whom: the arguments, the environment and the extension's
//! folder, read once.
//!
//! The guest agent sets the variables (WALinuxAgent 2.15, `ga/exthandlers.py:2087-2110`), but its
//! own environment wins over what it sets, and Azure Arc's agent is not known to set any: all of
//! them may be missing.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

use status_schema::HandlerEnvironment;
use worker_state::{Account, Directories, Environment, EnvironmentError, environment_name};

use crate::command::Command;
use crate::extension_folder::{self, AgentFolders};
use crate::supervisor::WorkerProgram;

/// The worker's program, beside the handler's.
const WORKER: &str = "akvvm_service";

/// Everything about this process that the handler depends on.
pub struct Surroundings<'a> {
    /// The arguments, without the program's name.
    pub arguments: Vec<OsString>,
    /// Looks up an environment variable.
    pub lookup: &'a dyn Fn(&str) -> Option<OsString>,
    /// The path of this program.
    pub program: PathBuf,
    /// The working directory.
    pub working_directory: PathBuf,
    /// The file of steering variables, [`Environment::FILE`] but for tests.
    pub environment_file: &'a Path,
    /// Whose directories are used.
    pub account: Account,
}

impl fmt::Debug for Surroundings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings").field("arguments", &self.arguments).finish_non_exhaustive()
    }
}

/// One call of the handler.
#[derive(Debug)]
pub struct Invocation {
    /// What to do.
    pub command: Command,
    /// The extension's folder, the guest agent's name for it where there is one.
    pub extension_folder: PathBuf,
    /// Where the agent looks, or why that is not known.
    pub agent: AgentFolders,
    /// `ConfigSequenceNumber`, as given.
    pub sequence_number: Option<String>,
    /// The version whose handler this is.
    pub version: String,
    /// The version that an update leads to.
    pub update_to: Option<String>,
    /// The worker.
    pub worker: WorkerProgram,
    /// What the process environment says of our variables.
    pub environment: Environment,
    /// What the administrator's file says, or why it is not used.
    pub environment_file: Result<Environment, EnvironmentError>,
    /// Where the state is.
    pub directories: Directories,
}

/// The arguments make no sense. Displays the usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsageError;

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("usage: akvvm_handler ")?;
        for command in Command::ALL {
            write!(f, "{}|", command.name())?;
        }
        f.write_str("--version")
    }
}

impl std::error::Error for UsageError {}

impl Invocation {
    /// Reads the surroundings.
    ///
    /// # Errors
    /// Where the arguments are not one command. Everything else that is wrong is kept for the
    /// command to judge: `disable` and `uninstall` need little.
    pub fn read(surroundings: &Surroundings<'_>) -> Result<Self, UsageError> {
        let command = match surroundings.arguments.as_slice() {
            [name] => Command::named(name).ok_or(UsageError)?,
            _ => return Err(UsageError),
        };
        let text = |name: &str| text_of((surroundings.lookup)(name));
        let (extension_folder, agent) = extension_folder::find(
            text("AZURE_GUEST_AGENT_EXTENSION_PATH").map(PathBuf::from),
            &surroundings.program,
            &surroundings.working_directory,
        );
        let environment = Environment::from_lookup(surroundings.lookup);
        let environment_file = Environment::from_file(surroundings.environment_file);
        let known = match &environment_file {
            Ok(file) => environment.clone().over(file.clone()),
            Err(_) => environment.clone(),
        };
        Ok(Self {
            command,
            sequence_number: text("ConfigSequenceNumber"),
            version: text("AZURE_GUEST_AGENT_EXTENSION_VERSION")
                .unwrap_or_else(|| extension_folder::version(&extension_folder)),
            update_to: text("VERSION"),
            worker: WorkerProgram {
                path: surroundings.program.with_file_name(WORKER),
                environment: own_directories(&environment),
            },
            directories: Directories::new(&known, &surroundings.account),
            extension_folder,
            agent,
            environment,
            environment_file,
        })
    }

    /// Where the agent looks.
    ///
    /// # Errors
    /// The sentence that says why it is not known.
    pub fn agent(&self) -> Result<&HandlerEnvironment, &str> {
        self.agent.as_ref().map_err(String::as_str)
    }

    /// The variables that steer the programs: the process environment over the file.
    ///
    /// # Errors
    /// Where there is a file that must not be used.
    pub fn steering(&self) -> Result<Environment, &EnvironmentError> {
        self.environment_file.as_ref().map(|file| self.environment.clone().over(file.clone()))
    }
}

/// A variable that is set to something.
fn text_of(value: Option<OsString>) -> Option<String> {
    let value = value.as_deref().map(OsStr::to_string_lossy)?;
    let value = value.trim();
    (!value.is_empty()).then(|| value.to_owned())
}

/// The worker reads the administrator's file itself; what only this process was told, it must be
/// told too.
fn own_directories(environment: &Environment) -> Vec<(String, String)> {
    environment.only(&environment_name::DIRECTORIES).into_iter().collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests lay out an extension's folder")]

    use std::fs;

    use super::*;

    struct Bed {
        root: tempfile::TempDir,
    }

    impl Bed {
        fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            let extension = root.path().join("Open.Ext-1.2.3");
            fs::create_dir_all(extension.join("bin/x86_64")).unwrap();
            let environment = r#"[{"handlerEnvironment": {"logFolder": "/l", "configFolder": "/c",
                "statusFolder": "/s", "heartbeatFile": "/h"}}]"#;
            fs::write(extension.join("HandlerEnvironment.json"), environment).unwrap();
            Self { root }
        }

        fn extension(&self) -> PathBuf {
            self.root.path().join("Open.Ext-1.2.3")
        }

        fn read(
            &self,
            arguments: &[&str],
            variables: &[(&str, &str)],
        ) -> Result<Invocation, UsageError> {
            let lookup = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| OsString::from(value))
            };
            Invocation::read(&Surroundings {
                arguments: arguments.iter().map(OsString::from).collect(),
                lookup: &lookup,
                program: self.extension().join("bin/x86_64/akvvm_handler"),
                working_directory: "/".into(),
                environment_file: &self.root.path().join("environment"),
                account: Account::Root,
            })
        }
    }

    #[test]
    fn the_agents_variables_are_read() {
        let bed = Bed::new();
        let folder = bed.extension().display().to_string();
        let variables = [
            ("AZURE_GUEST_AGENT_EXTENSION_PATH", &*folder),
            ("AZURE_GUEST_AGENT_EXTENSION_VERSION", "9.9.9"),
            ("ConfigSequenceNumber", " 7 "),
            ("VERSION", "10.0.0"),
        ];
        let invocation = bed.read(&["update"], &variables).unwrap();
        assert_eq!(invocation.command, Command::Update);
        assert_eq!(invocation.extension_folder, bed.extension());
        assert_eq!(invocation.agent().unwrap().config_folder, Path::new("/c"));
        assert_eq!(invocation.sequence_number.as_deref(), Some("7"));
        assert_eq!(invocation.version, "9.9.9");
        assert_eq!(invocation.update_to.as_deref(), Some("10.0.0"));
    }

    #[test]
    fn without_variables_the_programs_own_place_tells_enough() {
        let bed = Bed::new();
        let invocation = bed.read(&["enable"], &[]).unwrap();
        assert_eq!(invocation.extension_folder, bed.extension());
        assert_eq!(invocation.version, "1.2.3");
        assert_eq!(invocation.sequence_number, None);
        assert_eq!(invocation.worker.path, bed.extension().join("bin/x86_64/akvvm_service"));
        assert_eq!(invocation.worker.environment, []);
        assert_eq!(invocation.directories.state(), Path::new("/var/lib/akvvm"));
    }

    #[test]
    fn the_worker_is_told_where_the_state_is_and_nothing_else() {
        let bed = Bed::new();
        let variables =
            [("STATE_DIRECTORY", "/s"), ("HTTPS_PROXY", "http://u:p@proxy"), ("HOME", "/root")];
        let invocation = bed.read(&["enable"], &variables).unwrap();
        assert_eq!(invocation.worker.environment, [("STATE_DIRECTORY".into(), "/s".into())]);
        assert_eq!(invocation.directories.state(), Path::new("/s"));
    }

    #[test]
    fn the_administrators_file_counts_below_the_process_environment() {
        let bed = Bed::new();
        let file = "STATE_DIRECTORY=/file\nRUNTIME_DIRECTORY=/file\n";
        fs::write(bed.root.path().join("environment"), file).unwrap();
        let invocation = bed.read(&["enable"], &[("STATE_DIRECTORY", "/s")]).unwrap();
        assert_eq!(invocation.directories.state(), Path::new("/s"));
        assert_eq!(invocation.directories.runtime(), Path::new("/file"));
        assert_eq!(invocation.steering().unwrap().value("STATE_DIRECTORY"), Some("/s"));
    }

    #[test]
    fn a_file_that_must_not_be_used_is_kept_as_an_error() {
        let bed = Bed::new();
        fs::write(bed.root.path().join("environment"), "nonsense\n").unwrap();
        let invocation = bed.read(&["disable"], &[]).unwrap();
        assert!(invocation.steering().unwrap_err().to_string().contains("line 1"));
    }

    #[test]
    fn anything_but_one_known_command_is_answered_with_the_usage() {
        let bed = Bed::new();
        for arguments in [&[][..], &["start"], &["enable", "now"], &["Enable"]] {
            assert_eq!(bed.read(arguments, &[]).unwrap_err(), UsageError);
        }
        let usage = "usage: akvvm_handler install|enable|disable|update|uninstall|--version";
        assert_eq!(UsageError.to_string(), usage);
    }
}
