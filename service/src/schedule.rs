//! When to look again. Pure arithmetic: time and chance are parameters.
//!
//! Ten thousand machines that were deployed at once, or that all saw the same outage end, must
//! not come back at once: everything but the very first pass is spread out.

use std::time::Duration;

/// The shortest wait after a failed try.
const FIRST_RETRY: Duration = Duration::from_secs(2);
/// The longest wait after failed tries, where the polling interval is not shorter.
const LONGEST_RETRY: Duration = Duration::from_secs(300);
/// How much longer each wait is than the one before.
const GROWTH: f64 = 1.5;
/// The longest wait before a refused version is tried again.
const LONGEST_HOLD: Duration = Duration::from_secs(24 * 3600);
/// Of several versions that were taken back together, each is tried again so long after the one
/// before it: one that does not work holds up no other for more than a turn.
pub(crate) const TURN_OF_ONE: Duration = Duration::from_secs(60);
/// Whoever is put off comes back at random within so long after the moment that it was given: so
/// many machines as a vault puts off in one window have to find room in the next ones. Chosen by
/// simulation (`fleet`): half of it does not converge where refused requests count.
const FIRST_SPREAD: Duration = Duration::from_secs(150);
/// Whoever is put off once more comes back within so long: mostly those are few by then.
const SECOND_SPREAD: Duration = Duration::from_secs(75);
/// How much wider each spread is than the one before: where they are not few, there must be a
/// spread in which a vault has room for all.
const SPREAD_GROWTH: f64 = 1.25;
/// The widest spread, where the polling interval is not shorter.
const LONGEST_SPREAD: Duration = Duration::from_secs(1800);
/// A server cannot put us off for longer than this.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// The wait until the next poll: the interval, or up to a tenth less. The first poll of a worker
/// that has just begun may come much sooner: machines that began together part here.
///
/// `chance` is a random number in `0.0..1.0`.
pub(crate) fn poll_delay(is_first: bool, interval: Duration, chance: f64) -> Duration {
    let spread = if is_first { 0.9 } else { 0.1 };
    interval.mul_f64(1.0 - spread * unit(chance))
}

/// The wait after `failures` failed tries in a row (at least 1): it grows by half each time, up
/// to five minutes or the polling interval, and lies in the upper half of that.
///
/// What the server asked for (`retry_after`) is a lower bound, to which a random part is added of up
/// to two minutes and a half, then half of that, growing to half an hour or the polling interval:
/// whoever comes back exactly when told, or soon after, comes back together with everybody else.
pub(crate) fn retry_delay(
    failures: u32,
    interval: Duration,
    retry_after: Option<Duration>,
    chance: f64,
) -> Duration {
    let longest = |longest: Duration| longest.min(interval.max(FIRST_RETRY));
    match retry_after {
        None => {
            let wait = grown(FIRST_RETRY, GROWTH, failures, longest(LONGEST_RETRY));
            wait.mul_f64(0.5 + 0.5 * unit(chance))
        }
        Some(asked) => {
            let spread = spread(failures).min(longest(LONGEST_SPREAD));
            asked.min(LONGEST_RETRY_AFTER) + spread.mul_f64(unit(chance))
        }
    }
}

/// Within how long whoever was put off so many times in a row comes back.
fn spread(failures: u32) -> Duration {
    match failures {
        0 | 1 => FIRST_SPREAD,
        _ => grown(SECOND_SPREAD, SPREAD_GROWTH, failures - 1, LONGEST_SPREAD),
    }
}

/// The wait before a version that consumers refused is tried again, after so many tries: one
/// polling interval, then twice as long each time, up to a day. Each try moves what works aside
/// for a moment, so it is not made in haste.
pub(crate) fn hold_delay(attempts: u32, interval: Duration) -> Duration {
    let doubled = 1_u32.checked_shl(attempts.saturating_sub(1)).unwrap_or(u32::MAX);
    interval.saturating_mul(doubled.max(1)).min(LONGEST_HOLD.max(interval))
}

fn grown(first: Duration, growth: f64, failures: u32, longest: Duration) -> Duration {
    let exponent = i32::try_from(failures.saturating_sub(1).min(60)).unwrap_or(60);
    let grown = first.as_secs_f64() * growth.powi(exponent);
    Duration::from_secs_f64(grown.min(longest.as_secs_f64()))
}

/// Chance comes from outside; a caller's mistake must not become a negative wait.
fn unit(chance: f64) -> f64 {
    if chance.is_finite() { chance.clamp(0.0, 1.0) } else { 0.5 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_poll_is_never_later_than_the_interval_and_at_most_a_tenth_earlier() {
        assert_eq!(poll_delay(false, HOUR, 0.0), HOUR);
        assert_eq!(poll_delay(false, HOUR, 1.0), HOUR.mul_f64(0.9));
    }

    #[test]
    fn the_first_poll_may_come_at_any_time_of_the_interval_but_not_at_once() {
        assert_eq!(poll_delay(true, HOUR, 0.0), HOUR);
        assert_eq!(poll_delay(true, HOUR, 1.0).as_secs(), 360);
    }

    #[test]
    fn retries_grow_from_seconds_to_five_minutes() {
        let delays: Vec<u64> =
            (1..=16).map(|failures| retry_delay(failures, HOUR, None, 1.0).as_secs()).collect();
        assert_eq!(delays, [2, 3, 4, 6, 10, 15, 22, 34, 51, 76, 115, 172, 259, 300, 300, 300]);
    }

    #[test]
    fn retries_of_a_short_interval_are_not_slower_than_its_polls() {
        let interval = Duration::from_secs(30);
        assert_eq!(retry_delay(50, interval, None, 1.0), interval);
        assert_eq!(retry_delay(50, Duration::from_secs(1), None, 1.0), FIRST_RETRY);
    }

    #[test]
    fn ten_thousand_machines_that_were_deployed_or_failed_at_once_come_back_one_by_one() {
        let machines = || (0..10_000).map(|machine| f64::from(machine) / 10_000.0);
        let busiest = |delays: Vec<Duration>| -> usize {
            let mut seconds = std::collections::BTreeMap::new();
            delays.iter().for_each(|delay| *seconds.entry(delay.as_secs()).or_default() += 1);
            seconds.into_values().max().unwrap()
        };
        // A tenth of an hour for polls; for a vault that asked 10,000 machines to wait a minute,
        // almost five minutes after the eighth refusal.
        assert!(busiest(machines().map(|chance| poll_delay(false, HOUR, chance)).collect()) <= 28);
        let minute = Some(Duration::from_secs(60));
        let told = machines().map(|chance| retry_delay(8, HOUR, minute, chance)).collect();
        assert!(busiest(told) <= 300);
    }

    #[test]
    fn a_refused_version_is_tried_again_less_and_less_often() {
        let hours = |attempts| hold_delay(attempts, HOUR).as_secs() / 3600;
        assert_eq!([0, 1, 2, 3, 4, 5, 6, 60, u32::MAX].map(hours), [1, 1, 2, 4, 8, 16, 24, 24, 24]);
        assert_eq!(hold_delay(9, 48 * HOUR), 48 * HOUR);
    }

    #[test]
    fn whoever_is_put_off_comes_back_within_minutes_after_it_may() {
        let asked = Some(Duration::from_secs(10));
        let latest = |failures| retry_delay(failures, HOUR, asked, 1.0).as_secs();
        assert_eq!([1, 2, 3, 4, 5, 9, 99].map(latest), [160, 85, 103, 127, 156, 367, 1810]);
        assert_eq!(retry_delay(9, HOUR, asked, 0.0).as_secs(), 10);
        assert_eq!(retry_delay(9, Duration::from_secs(30), asked, 1.0).as_secs(), 40);
    }

    #[test]
    fn an_absurd_retry_after_is_cut_to_an_hour() {
        let year = Duration::from_secs(365 * 24 * 3600);
        assert_eq!(retry_delay(1, HOUR, Some(year), 0.0), LONGEST_RETRY_AFTER);
    }

    proptest! {
        #[test]
        fn a_retry_is_never_immediate_and_never_before_the_server_allows_it(
            failures in 0_u32..,
            interval in 1_u64..10_000_000,
            asked in proptest::option::of(0_u64..3600),
            chance in proptest::num::f64::ANY,
        ) {
            let asked = asked.map(Duration::from_secs);
            let delay = retry_delay(failures, Duration::from_secs(interval), asked, chance);
            match asked {
                Some(asked) => prop_assert!(delay >= asked && delay <= asked + LONGEST_SPREAD),
                None => prop_assert!(delay >= FIRST_RETRY / 2 && delay <= LONGEST_RETRY),
            }
        }

        #[test]
        fn polls_keep_to_the_interval(interval in 1_u64..10_000_000, chance in proptest::num::f64::ANY) {
            let interval = Duration::from_secs(interval);
            let delay = poll_delay(false, interval, chance);
            prop_assert!(delay <= interval && delay >= interval.mul_f64(0.899));
        }
    }
}
