//! What the handler asks the worker to serve.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{Directories, HandlerLock, StateError, Timestamp, document, fingerprint};

/// The order that the worker serves, with everything it needs to serve it.
///
/// The settings are embedded: the guest agent rewrites `N.settings` in place, so they must never
/// be read live (WALinuxAgent `ga/exthandlers.py`, `update_settings_file`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Assignment {
    /// Number of the settings, as the agent counts them; names the status file.
    pub sequence_number: u64,
    /// The extension's version.
    pub version: String,
    /// The public settings, checked by the handler before it assigned them.
    pub settings: serde_json::Value,
    /// Where the agent looks.
    pub agent: AgentPaths,
    /// The steering variables that the handler saw; a unit does not inherit them.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// When it was assigned: the first sync's time limit counts from here.
    pub assigned_at: Timestamp,
    /// Newer settings that the handler had to refuse while these are being served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refusal>,
}

/// The paths of the guest agent's handler environment that the worker writes to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentPaths {
    /// The extension's own directory; gone after an uninstall or update.
    pub extension_folder: PathBuf,
    /// Where `N.status` belongs.
    pub status_folder: PathBuf,
    /// The heartbeat file.
    pub heartbeat_file: PathBuf,
    /// The extension's log folder.
    pub log_folder: PathBuf,
}

/// Settings that cannot be served.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// The number of the refused settings; the refusal becomes this number's status.
    pub sequence_number: u64,
    /// Why, in words for a status.
    pub reason: String,
}

impl Assignment {
    /// The assignment in force; `None` where nothing was ever assigned.
    ///
    /// # Errors
    /// Where the file cannot be read, or is damaged.
    pub fn read(directories: &Directories) -> Result<Option<Self>, StateError> {
        document::read(&directories.assignment_path())
    }

    /// Puts this assignment in force.
    ///
    /// # Errors
    /// Where the file cannot be replaced.
    pub fn replace(
        &self,
        directories: &Directories,
        _sole_handler: &HandlerLock,
    ) -> Result<(), StateError> {
        document::replace(&directories.assignment_path(), self)
    }

    /// Withdraws the assignment in force, if there is one.
    ///
    /// # Errors
    /// Where the file cannot be removed.
    pub fn withdraw(
        directories: &Directories,
        _sole_handler: &HandlerLock,
    ) -> Result<(), StateError> {
        document::remove(&directories.assignment_path())
    }

    /// Names what is to be served: equal where a worker that serves the one need not be touched
    /// for the other. When it was assigned and what was refused since make no difference.
    pub fn identity(&self) -> String {
        let Self { sequence_number, version, settings, agent, environment, .. } = self;
        let served = serde_json::json!([sequence_number, version, settings, agent, environment]);
        fingerprint(&[served.to_string().as_bytes()])
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::SystemTime;

    use super::*;

    pub(crate) fn assignment() -> Assignment {
        Assignment {
            sequence_number: 3,
            version: "1.2.3".into(),
            settings: serde_json::json!({"secretsManagementSettings": {}}),
            agent: AgentPaths {
                extension_folder: "/e".into(),
                status_folder: "/e/status".into(),
                heartbeat_file: "/e/heartbeat.log".into(),
                log_folder: "/l".into(),
            },
            environment: BTreeMap::new(),
            assigned_at: SystemTime::UNIX_EPOCH.into(),
            refusal: None,
        }
    }

    #[test]
    fn an_assignment_reads_back_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let directories = Directories::below(folder.path());
        directories.create().unwrap();
        assert_eq!(Assignment::read(&directories).unwrap(), None);
        let lock = HandlerLock::acquire(&directories).unwrap();
        assignment().replace(&directories, &lock).unwrap();
        assert_eq!(Assignment::read(&directories).unwrap(), Some(assignment()));
        Assignment::withdraw(&directories, &lock).unwrap();
        assert_eq!(Assignment::read(&directories).unwrap(), None);
    }

    #[test]
    fn identity_follows_what_is_served_and_nothing_else() {
        let served = assignment();
        let mut later = served.clone();
        later.assigned_at = (SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(9)).into();
        later.refusal = Some(Refusal { sequence_number: 4, reason: "no".into() });
        assert_eq!(later.identity(), served.identity());
        let mut renumbered = served.clone();
        renumbered.sequence_number = 4;
        assert_ne!(renumbered.identity(), served.identity());
        let mut updated = served.clone();
        updated.version = "1.2.4".into();
        assert_ne!(updated.identity(), served.identity());
    }

    #[test]
    fn a_damaged_assignment_is_an_error_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let directories = Directories::below(folder.path());
        directories.create().unwrap();
        #[expect(clippy::disallowed_methods, reason = "a test damages a file")]
        std::fs::write(directories.assignment_path(), b"{\"sequen").unwrap();
        let error = Assignment::read(&directories).unwrap_err();
        assert!(error.to_string().contains("assignment.json: is damaged"), "{error}");
    }
}
