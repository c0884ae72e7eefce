//! The report: how every certificate stands, for people and for whatever shows it to them.
//!
//! It is the one source of the status command, of metrics and of the substatuses. Its schema is
//! `schema/report.schema.json`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::certificate_record::InstalledCertificate;
use crate::delivery_record::EventRecord;
use crate::{Directories, InitialSyncPhase, Lease, StateError, Timestamp, document};

/// How the worker and its certificates stand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Version of this document's shape.
    pub report_version: u32,
    /// When it was written.
    pub written_at: Timestamp,
    /// Who wrote it.
    pub worker: WorkerReport,
    /// How the required first sync stands; `null` where none is required.
    pub initial_sync: Option<InitialSyncPhase>,
    /// How many passes have ended since the worker started.
    pub passes: u64,
    /// Those of them that somebody asked for, and that began after the question.
    pub asked_passes: u64,
    /// When the last pass ended.
    pub last_pass_at: Option<Timestamp>,
    /// When the next one is due.
    pub next_pass_at: Option<Timestamp>,
    /// What is odd about the settings, without hindering anything.
    pub warnings: Vec<String>,
    /// Every observed certificate, in the settings' order.
    pub certificates: Vec<CertificateReport>,
}

/// The worker that wrote a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkerReport {
    /// Its process number.
    pub pid: u32,
    /// Its version.
    pub version: String,
    /// When it started.
    pub started_at: Timestamp,
    /// The number of the settings it serves; `null` where it was started by hand.
    pub sequence_number: Option<u64>,
}

/// How one observed certificate stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateReport {
    /// The link's name.
    pub name: String,
    /// The observed URL.
    pub url: String,
    /// The link's path.
    pub path: PathBuf,
    /// How it stands.
    pub state: CertificateState,
    /// Status code: 0 fine, positive what the customer can mend, negative what lies with Azure
    /// or this machine.
    pub code: i32,
    /// The installed version; `null` while there is none.
    pub version: Option<String>,
    /// The installed certificate; `null` while there is none.
    pub certificate: Option<InstalledCertificate>,
    /// The output files that consumers open beside the store.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<PathBuf>,
    /// What follows a change, in words for a person: units, signals and commands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub used_by: Vec<String>,
    /// What happened to it last.
    #[serde(default)]
    pub last_change: Option<EventRecord>,
    /// A version that the vault offers and that stays outside.
    #[serde(default)]
    pub held_version: Option<String>,
    /// Whether its consumers have yet to take up what is installed.
    #[serde(default)]
    pub reaction_pending: bool,
    /// What is wrong and what to do, in words for a person; `null` where all is well.
    pub problem: Option<String>,
    /// Failed tries in a row.
    pub failures: u32,
    /// When the vault last answered for it and all was in order.
    pub last_success_at: Option<Timestamp>,
    /// When it is looked at next.
    pub next_attempt_at: Option<Timestamp>,
}

/// How one observed certificate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CertificateState {
    /// Not looked at yet.
    Pending,
    /// Installed and in order.
    Ok,
    /// Installed, but something about it wants attention.
    Warning,
    /// Missing, or no longer of use.
    Error,
}

impl Report {
    /// The shape that this version writes.
    pub const VERSION: u32 = 1;

    /// The last report; `None` where there never was one, and where a power cut took it.
    ///
    /// # Errors
    /// Where the file cannot be read, or is damaged.
    pub fn read(directories: &Directories) -> Result<Option<Self>, StateError> {
        document::read_published(&directories.report_path())
    }

    /// Publishes this report. It is not brought to the disk: after a power cut the one before it, or
    /// none, can be there, until the worker starts again.
    ///
    /// # Errors
    /// Where the file cannot be replaced.
    pub fn replace(&self, directories: &Directories, _lease: &Lease) -> Result<(), StateError> {
        document::publish(&directories.report_path(), self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let time: Timestamp = std::time::SystemTime::UNIX_EPOCH.into();
        let certificate = CertificateReport {
            name: "contoso.web".into(),
            url: "https://contoso.vault.azure.net/secrets/web".into(),
            path: "/store/contoso.web".into(),
            state: CertificateState::Warning,
            code: 10,
            version: Some("v".into()),
            certificate: Some(InstalledCertificate {
                subject: "CN=web".into(),
                issuer: "CN=ca".into(),
                serial: "01".into(),
                not_before: time,
                not_after: time,
                installed_at: time,
            }),
            outputs: vec!["/etc/web.pem".into()],
            used_by: vec!["reload nginx.service".into()],
            last_change: Some(EventRecord {
                at: time,
                what: "rolledBack".into(),
                version: "v".into(),
                detail: Some("it broke".into()),
            }),
            held_version: Some("w".into()),
            reaction_pending: true,
            problem: Some("a problem".into()),
            failures: 1,
            last_success_at: None,
            next_attempt_at: Some(time),
        };
        Report {
            report_version: Report::VERSION,
            written_at: time,
            worker: WorkerReport {
                pid: 1,
                version: "1.0.0".into(),
                started_at: time,
                sequence_number: None,
            },
            initial_sync: Some(InitialSyncPhase::GaveUp),
            passes: 2,
            asked_passes: 1,
            last_pass_at: None,
            next_pass_at: Some(time),
            warnings: vec!["odd".into()],
            certificates: vec![certificate],
        }
    }

    #[test]
    fn a_report_that_a_power_cut_took_is_none_and_a_damaged_one_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let directories = Directories::below(folder.path());
        directories.create().unwrap();
        let left = |bytes: &[u8]| {
            atomic_file::replace_file(&directories.report_path(), 0o600, bytes).unwrap();
            Report::read(&directories)
        };
        assert_eq!(left(b"").unwrap(), None);
        assert_eq!(left(&[0; 1311]).unwrap(), None);
        let error = left(b"{\0\0\0").unwrap_err().to_string();
        assert!(error.contains("report.json: is damaged"), "{error}");
    }

    #[test]
    fn a_report_keeps_to_its_schema_and_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let directories = Directories::below(folder.path());
        directories.create().unwrap();
        let lease = Lease::acquire(&directories).unwrap();
        report().replace(&directories, &lease).unwrap();
        assert_eq!(Report::read(&directories).unwrap(), Some(report()));

        let schema = serde_json::from_str(include_str!("../schema/report.schema.json")).unwrap();
        let bytes = std::fs::read(directories.report_path()).unwrap();
        let document: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        if let Err(error) = validator.validate(&document) {
            panic!("{error} at {}", error.instance_path());
        }
        let stranger = serde_json::json!({"reportVersion": 1});
        assert!(!validator.is_valid(&stranger));
        let example = serde_json::from_str(include_str!("../examples/report.json")).unwrap();
        assert!(validator.is_valid(&example));
    }
}
