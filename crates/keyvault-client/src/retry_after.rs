//! The `Retry-After` header (RFC 9110 §10.2.3): seconds, or a date.

use std::time::{Duration, SystemTime};

/// Whatever the other side asks for, nobody waits less or longer than this.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(3600);

/// How long to wait, between one second and one hour. `None` if the value is neither a number
/// of seconds nor a date.
pub(crate) fn parse(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    let wait = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        value.parse().map_or(LONGEST, Duration::from_secs)
    } else {
        let date = httpdate::parse_http_date(value).ok()?;
        date.duration_since(now).unwrap_or_default()
    };
    Some(wait.clamp(SHORTEST, LONGEST))
}

// The path is said in full because the fuzz target includes this file by its path.
#[cfg(test)]
#[path = "retry_after/invariants.rs"]
mod invariants;

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn no_value_makes_it_panic_or_leave_its_bounds(value in ".{0,40}", number: u64) {
            for value in [value, number.to_string(), format!("Sun, 06 Nov {} 08:49:37 GMT", number % 20_000)] {
                invariants::hold(&value);
            }
        }
    }

    /// Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110 §5.6.7.
    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777)
    }

    #[test]
    fn seconds_and_dates_are_understood_and_clamped() {
        for (value, seconds) in [
            ("7", Some(7)),
            (" 120 ", Some(120)),
            ("0", Some(1)),
            ("86400", Some(3600)),
            ("99999999999999999999999999", Some(3600)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10)),
            ("Sunday, 06-Nov-94 08:50:37 GMT", Some(60)),
            ("Sun Nov  6 08:50:07 1994", Some(30)),
            ("Sat, 05 Nov 1994 08:49:37 GMT", Some(1)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(3600)),
            ("", None),
            ("-5", None),
            ("1.5", None),
            ("soon", None),
        ] {
            assert_eq!(parse(value, now()).map(|wait| wait.as_secs()), seconds, "{value}");
        }
    }
}
