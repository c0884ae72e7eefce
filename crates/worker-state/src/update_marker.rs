//! A note between the commands of one update.
//!
//! The agent runs `uninstall` of the old version in the middle of every update without saying so
//! (WALinuxAgent `ga/exthandlers.py`, `_update_extension_handler_and_return_if_failed`): this
//! marker, left by `update`, is what tells it from a real uninstall.

use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::{Directories, HandlerLock, StateError, Timestamp, document};

/// An update is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateMarker {
    /// When it began.
    pub begun_at: Timestamp,
    /// The version it leads to.
    pub to_version: String,
}

impl UpdateMarker {
    /// How long an update may take: its commands may run 900 + 300 + 900 + 300 s. An older
    /// marker belongs to an update that was given up.
    pub const LONGEST_UPDATE: Duration = Duration::from_secs(3600);

    /// Notes that an update begins.
    ///
    /// # Errors
    /// Where the file cannot be replaced.
    pub fn leave(&self, directories: &Directories, _lock: &HandlerLock) -> Result<(), StateError> {
        document::replace(&directories.update_marker_path(), self)
    }

    /// The marker of an update that is under way at `now`.
    ///
    /// # Errors
    /// Where there is a marker that cannot be read, and its file is not older than the longest
    /// update: one may be under way. Whoever is about to remove state then keeps it: state that
    /// stays costs little, state that goes in an update cannot be had back.
    pub fn fresh(directories: &Directories, now: SystemTime) -> Result<Option<Self>, StateError> {
        let path = directories.update_marker_path();
        match document::read::<Self>(&path) {
            Ok(marker) => Ok(marker.filter(|marker| is_fresh(marker.begun_at.moment(), now))),
            Err(error) if written_at(&path).is_none_or(|then| is_fresh(then, now)) => Err(error),
            Err(_) => Ok(None),
        }
    }

    /// Ends the update.
    ///
    /// # Errors
    /// Where the file cannot be removed.
    pub fn consume(directories: &Directories, _lock: &HandlerLock) -> Result<(), StateError> {
        document::remove(&directories.update_marker_path())
    }
}

/// A moment to come counts as fresh: the clock was set back meanwhile.
fn is_fresh(begun: SystemTime, now: SystemTime) -> bool {
    now.duration_since(begun).unwrap_or_default() <= UpdateMarker::LONGEST_UPDATE
}

fn written_at(path: &Path) -> Option<SystemTime> {
    std::fs::symlink_metadata(path).and_then(|metadata| metadata.modified()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh(directories: &Directories, now: SystemTime) -> Option<UpdateMarker> {
        UpdateMarker::fresh(directories, now).unwrap()
    }

    #[test]
    fn a_marker_is_fresh_for_an_hour_and_gone_once_consumed() {
        let folder = tempfile::tempdir().unwrap();
        let directories = Directories::below(folder.path());
        directories.create().unwrap();
        let lock = HandlerLock::acquire(&directories).unwrap();
        let begun = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let marker = UpdateMarker { begun_at: begun.into(), to_version: "2.0.0".into() };
        marker.leave(&directories, &lock).unwrap();
        let hour = UpdateMarker::LONGEST_UPDATE;
        assert_eq!(fresh(&directories, begun + hour), Some(marker.clone()));
        let second = Duration::from_secs(1);
        assert_eq!(fresh(&directories, begun + hour + second), None);
        assert_eq!(fresh(&directories, begun - hour), Some(marker));
        UpdateMarker::consume(&directories, &lock).unwrap();
        assert_eq!(fresh(&directories, begun), None);
    }

    #[test]
    fn a_damaged_marker_counts_by_the_age_of_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let directories = Directories::below(folder.path());
        directories.create().unwrap();
        let path = directories.update_marker_path();
        for bytes in ["", "{\"begunAt\": \"2026-01-", "null", "{\"begunAt\": 7}"] {
            atomic_file::replace_file(&path, 0o600, bytes.as_bytes()).unwrap();
            let written = written_at(&path).unwrap();
            let hour = UpdateMarker::LONGEST_UPDATE;
            let refusal = UpdateMarker::fresh(&directories, written + hour).unwrap_err();
            assert!(refusal.to_string().contains("update.json: is damaged"), "{refusal}");
            assert_eq!(fresh(&directories, written + hour + Duration::from_secs(1)), None);
            assert!(UpdateMarker::fresh(&directories, written - hour).is_err(), "set back");
        }
    }

    #[test]
    fn a_marker_that_cannot_be_opened_may_be_of_an_update() {
        let folder = tempfile::tempdir().unwrap();
        let directories = Directories::below(folder.path());
        directories.create().unwrap();
        let path = directories.update_marker_path();
        std::os::unix::fs::symlink(&path, &path).unwrap();
        let refusal = UpdateMarker::fresh(&directories, written_at(&path).unwrap()).unwrap_err();
        assert!(refusal.to_string().contains("cannot be read"), "{refusal}");
    }
}
