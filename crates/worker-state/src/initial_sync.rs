//! How far the first sync has come, so that a restart neither extends nor repeats it.

use serde::{Deserialize, Serialize};

use crate::{Directories, Lease, StateError, Timestamp, document};

/// The first sync of one assignment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InitialSyncRecord {
    /// The identity of the assignment it belongs to; another assignment begins anew.
    pub assignment: String,
    /// When it began: the time limit counts from here.
    pub begun_at: Timestamp,
    /// How often all missing certificates have been tried.
    pub attempts: u32,
    /// How it stands.
    pub phase: InitialSyncPhase,
}

/// How a first sync stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum InitialSyncPhase {
    /// Something is missing yet.
    Pending,
    /// Every certificate has been installed.
    Done,
    /// The attempts or the time ran out; the worker goes on all the same.
    GaveUp,
    /// Every certificate has been installed, after the first sync had been given up.
    Healed,
}

impl InitialSyncRecord {
    /// The record, if it is that of `assignment`.
    ///
    /// # Errors
    /// Where the file cannot be read, or is damaged: what it knew is lost.
    pub fn read(directories: &Directories, assignment: &str) -> Result<Option<Self>, StateError> {
        let record: Option<Self> = document::read(&directories.initial_sync_path())?;
        Ok(record.filter(|record| record.assignment == assignment))
    }

    /// Records how it stands now.
    ///
    /// # Errors
    /// Where the file cannot be replaced.
    pub fn replace(&self, directories: &Directories, _lease: &Lease) -> Result<(), StateError> {
        document::replace(&directories.initial_sync_path(), self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_counts_for_its_own_assignment_only() {
        let folder = tempfile::tempdir().unwrap();
        let directories = Directories::below(folder.path());
        directories.create().unwrap();
        let lease = Lease::acquire(&directories).unwrap();
        let record = InitialSyncRecord {
            assignment: "a".into(),
            begun_at: std::time::SystemTime::UNIX_EPOCH.into(),
            attempts: 7,
            phase: InitialSyncPhase::Pending,
        };
        record.replace(&directories, &lease).unwrap();
        let read = |assignment| InitialSyncRecord::read(&directories, assignment);
        assert_eq!(read("a").unwrap(), Some(record));
        assert_eq!(read("b").unwrap(), None);
        atomic_file::replace_file(&directories.initial_sync_path(), 0o600, b"{").unwrap();
        assert!(read("a").unwrap_err().to_string().contains("initial-sync.json: is damaged"));
    }
}
