//! Instants as the documents print them: RFC 3339, UTC, whole seconds, `Z`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, SecondsFormat};

/// The last second that a four-digit year can name: 9999-12-31T23:59:59Z.
const LAST: i64 = 253_402_300_799;

/// Prints an instant, for example `2026-01-31T09:30:00Z` (RFC 3339 §5.6). Fractions of a second
/// are cut off; instants outside the years 1970 to 9999 are moved to the nearest end.
#[must_use]
pub fn print(at: SystemTime) -> String {
    let seconds = at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let seconds = i64::try_from(seconds).unwrap_or(LAST).min(LAST);
    DateTime::from_timestamp(seconds, 0)
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Reads an RFC 3339 instant with any offset; `None` where the text is not one, or lies before
/// 1970.
#[must_use]
pub fn parse(text: &str) -> Option<SystemTime> {
    let instant = DateTime::parse_from_rfc3339(text).ok()?;
    let seconds = u64::try_from(instant.timestamp()).ok()?;
    UNIX_EPOCH
        .checked_add(Duration::new(seconds, instant.timestamp_subsec_nanos().min(999_999_999)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn instants_are_printed_in_utc_with_a_z() {
        let at = UNIX_EPOCH + Duration::from_millis(1_769_851_800_999);
        assert_eq!(print(at), "2026-01-31T09:30:00Z");
    }

    #[test]
    fn absurd_instants_are_clamped_instead_of_panicking() {
        assert_eq!(print(UNIX_EPOCH - Duration::from_secs(5)), "1970-01-01T00:00:00Z");
        let far = UNIX_EPOCH + Duration::from_secs(1 << 60);
        assert_eq!(print(far), "9999-12-31T23:59:59Z");
    }

    #[test]
    fn offsets_are_understood_and_nonsense_is_not() {
        let at = UNIX_EPOCH + Duration::from_secs(1_769_851_800);
        assert_eq!(parse("2026-01-31T10:30:00+01:00"), Some(at));
        assert_eq!(parse("yesterday"), None);
        assert_eq!(parse("1969-12-31T23:59:59Z"), None);
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(seconds in 0..=LAST.unsigned_abs()) {
            let at = UNIX_EPOCH + Duration::from_secs(seconds);
            prop_assert_eq!(parse(&print(at)), Some(at));
        }
    }
}
