//! The right to write what the guest agent reads.

use status_schema::HandlerEnvironment;
use worker_state::{Assignment, Directories, Lease, WorkerSight};

/// Proof that no worker writes this extension's status and heartbeat now, nor begins to while
/// this is held. Whoever writes them takes a `&SoleWriter`.
#[derive(Debug)]
pub(crate) enum SoleWriter {
    /// The lease is ours, so there is no worker.
    Holding(#[expect(dead_code, reason = "what counts is that it is held")] Lease),
    /// There is a worker, but it writes elsewhere.
    Elsewhere,
    /// Nobody can take the lease: the state directory cannot be used.
    NoLease,
}

impl SoleWriter {
    /// The lease that was seen to be free.
    pub(crate) fn holding(lease: Lease) -> Self {
        Self::Holding(lease)
    }

    /// Looks whether anybody else can write to `agent`'s files; `None` where a worker does. To be
    /// called by the only handler command at work.
    pub(crate) fn look(directories: &Directories, agent: &HandlerEnvironment) -> Option<Self> {
        match WorkerSight::look(directories) {
            Ok(WorkerSight::Absent(lease)) => Some(Self::Holding(lease)),
            // Started by hand: it serves no agent.
            Ok(WorkerSight::Present(Some(presence))) if presence.assignment.is_none() => {
                Some(Self::Elsewhere)
            }
            // It serves another version of this extension, or another extension.
            Ok(WorkerSight::Present(_)) => {
                let served = Assignment::read(directories).ok()??.agent;
                let elsewhere = served.status_folder != agent.status_folder
                    && served.heartbeat_file != agent.heartbeat_file;
                elsewhere.then_some(Self::Elsewhere)
            }
            Err(_) => Some(Self::NoLease),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;
    use std::time::SystemTime;

    use worker_state::{AgentPaths, HandlerLock, Presence, ProcessIdentity};

    use super::*;

    fn agent(folder: &str) -> HandlerEnvironment {
        let folder = Path::new(folder);
        HandlerEnvironment {
            name: None,
            log_folder: folder.join("log"),
            config_folder: folder.join("config"),
            status_folder: folder.join("status"),
            heartbeat_file: folder.join("heartbeat.log"),
            events_folder: None,
        }
    }

    fn assign(directories: &Directories, folder: &str) {
        let agent = agent(folder);
        let assignment = Assignment {
            sequence_number: 1,
            version: "1".into(),
            settings: serde_json::json!({}),
            agent: AgentPaths {
                extension_folder: folder.into(),
                status_folder: agent.status_folder,
                heartbeat_file: agent.heartbeat_file,
                log_folder: agent.log_folder,
            },
            environment: BTreeMap::new(),
            assigned_at: SystemTime::UNIX_EPOCH.into(),
            refusal: None,
        };
        assignment.replace(directories, &HandlerLock::acquire(directories).unwrap()).unwrap();
    }

    fn presence(assignment: Option<&str>) -> Presence {
        Presence {
            process: ProcessIdentity::current().unwrap(),
            version: "1".into(),
            assignment: assignment.map(str::to_owned),
            since: SystemTime::UNIX_EPOCH.into(),
        }
    }

    #[test]
    fn a_free_lease_is_taken() {
        let root = tempfile::tempdir().unwrap();
        let directories = Directories::below(root.path());
        directories.create().unwrap();
        let sole = SoleWriter::look(&directories, &agent("/e")).unwrap();
        assert!(matches!(sole, SoleWriter::Holding(_)));
        assert!(Lease::acquire(&directories).is_err());
    }

    #[test]
    fn a_worker_that_writes_these_files_keeps_everybody_else_away() {
        let root = tempfile::tempdir().unwrap();
        let directories = Directories::below(root.path());
        directories.create().unwrap();
        let lease = Lease::acquire(&directories).unwrap();
        assert!(SoleWriter::look(&directories, &agent("/e")).is_none(), "it is not known who");
        assign(&directories, "/e");
        assert!(SoleWriter::look(&directories, &agent("/e")).is_none(), "not announced yet");
        presence(Some("a")).announce(&directories, &lease).unwrap();
        assert!(SoleWriter::look(&directories, &agent("/e")).is_none());
    }

    #[test]
    fn a_worker_that_writes_elsewhere_is_no_hindrance() {
        let root = tempfile::tempdir().unwrap();
        let directories = Directories::below(root.path());
        directories.create().unwrap();
        let lease = Lease::acquire(&directories).unwrap();
        assign(&directories, "/other");
        presence(Some("a")).announce(&directories, &lease).unwrap();
        let sole = SoleWriter::look(&directories, &agent("/e")).unwrap();
        assert!(matches!(sole, SoleWriter::Elsewhere));
        assign(&directories, "/e");
        presence(None).announce(&directories, &lease).unwrap();
        let sole = SoleWriter::look(&directories, &agent("/e")).unwrap();
        assert!(matches!(sole, SoleWriter::Elsewhere));
    }

    #[test]
    fn without_a_state_directory_nobody_can_be_the_worker() {
        let root = tempfile::tempdir().unwrap();
        let sole = SoleWriter::look(&Directories::below(root.path()), &agent("/e")).unwrap();
        assert!(matches!(sole, SoleWriter::NoLease));
    }
}
