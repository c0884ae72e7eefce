//! What holds of any value. Shared by the property test and the fuzz target.

use std::time::{Duration, SystemTime};

use crate::retry_after::parse;

/// Whatever a header says, at whatever time, nobody waits less than a second or more than an hour.
pub(crate) fn hold(value: &str) {
    for years in [0, 24, 55, 5000] {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(years * 31_557_600);
        if let Some(wait) = parse(value, now) {
            assert!((1..=3600).contains(&wait.as_secs()), "{value}: {wait:?}");
        }
    }
}
