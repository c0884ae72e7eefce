//! Points in time as the documents print them: RFC 3339, UTC, whole seconds.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point in time, to the second, printed as RFC 3339 section 5.6 in UTC (`2026-11-22T08:00:00Z`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(SystemTime);

impl Timestamp {
    /// The same moment without its fraction of a second; 1970 for everything before.
    pub fn new(moment: SystemTime) -> Self {
        let since_epoch = moment.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self(SystemTime::UNIX_EPOCH + Duration::from_secs(since_epoch.as_secs()))
    }

    /// The moment itself.
    pub fn moment(self) -> SystemTime {
        self.0
    }
}

impl From<SystemTime> for Timestamp {
    fn from(moment: SystemTime) -> Self {
        Self::new(moment)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&status_schema::timestamp::print(self.0))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let no_time = || serde::de::Error::custom("not a time as RFC 3339 writes it");
        status_schema::timestamp::parse(&text).map(Self::new).ok_or_else(no_time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_reads_back_what_it_prints() {
        for seconds in [0, 1_763_800_000, 4_102_444_800] {
            let timestamp = Timestamp::new(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
            let json = serde_json::to_string(&timestamp).unwrap();
            assert_eq!(serde_json::from_str::<Timestamp>(&json).unwrap(), timestamp, "{json}");
        }
    }

    #[test]
    fn a_timestamp_is_printed_in_utc_to_the_second() {
        let moment = SystemTime::UNIX_EPOCH + Duration::from_millis(1_763_800_000_999);
        assert_eq!(Timestamp::new(moment).to_string(), "2025-11-22T08:26:40Z");
    }
}
