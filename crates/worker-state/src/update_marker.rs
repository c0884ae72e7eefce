//! A note between the commands of one update.
//!
//! The agent runs `uninstall` of the old version in the middle of every update without saying so
//! (WALinuxAgent `ga/exthandlers.py`, `_update_extension_handler_and_return_if_failed`): this
//! marker, left by `update`, is what tells it from a real uninstall.

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

    /// The marker of an update that is under way at `now`. A damaged one counts as none.
    pub fn fresh(directories: &Directories, now: SystemTime) -> Option<Self> {
        let marker: Self = document::read(&directories.update_marker_path()).ok().flatten()?;
        let age = now.duration_since(marker.begun_at.moment()).unwrap_or_default();
        (age <= Self::LONGEST_UPDATE).then_some(marker)
    }

    /// Ends the update.
    ///
    /// # Errors
    /// Where the file cannot be removed.
    pub fn consume(directories: &Directories, _lock: &HandlerLock) -> Result<(), StateError> {
        document::remove(&directories.update_marker_path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(UpdateMarker::fresh(&directories, begun + hour), Some(marker.clone()));
        let second = Duration::from_secs(1);
        assert_eq!(UpdateMarker::fresh(&directories, begun + hour + second), None);
        assert_eq!(UpdateMarker::fresh(&directories, begun - hour), Some(marker));
        UpdateMarker::consume(&directories, &lock).unwrap();
        assert_eq!(UpdateMarker::fresh(&directories, begun), None);
    }
}
