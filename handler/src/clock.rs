//! The handler's only source of time and the only place that waits.
#![expect(clippy::disallowed_methods, reason = "this file is the edge to time")]

use std::time::{Duration, Instant, SystemTime};

/// Time, as far as the commands need it.
pub trait Clock {
    /// The time of day.
    fn now(&self) -> SystemTime;
    /// Time since some fixed moment; never goes back.
    fn elapsed(&self) -> Duration;
    /// Lets time pass.
    fn sleep(&self, duration: Duration);
}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    /// A clock that starts at zero now.
    #[must_use]
    pub fn start() -> Self {
        Self { origin: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn elapsed(&self) -> Duration {
        self.origin.elapsed()
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

/// Most of what is waited for comes within milliseconds, the rest within seconds.
const SHORTEST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Asks `probe` until it finds something; `None` when it has not within `limit`.
///
/// # Errors
/// The probe's own, at once.
pub(crate) fn wait_for<T, E>(
    clock: &dyn Clock,
    limit: Duration,
    mut probe: impl FnMut() -> Result<Option<T>, E>,
) -> Result<Option<T>, E> {
    let end = clock.elapsed() + limit;
    let mut pause = SHORTEST_PAUSE;
    loop {
        if let Some(found) = probe()? {
            return Ok(Some(found));
        }
        let left = end.saturating_sub(clock.elapsed());
        if left.is_zero() {
            return Ok(None);
        }
        clock.sleep(pause.min(left));
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::Cell;
    use std::convert::Infallible;

    use super::*;

    /// A clock that passes time only by being waited on.
    #[derive(Default)]
    pub(crate) struct StillClock {
        elapsed: Cell<Duration>,
    }

    impl Clock for StillClock {
        fn now(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000) + self.elapsed.get()
        }

        fn elapsed(&self) -> Duration {
            self.elapsed.get()
        }

        fn sleep(&self, duration: Duration) {
            self.elapsed.set(self.elapsed.get() + duration);
        }
    }

    #[test]
    fn waiting_ends_when_the_probe_finds_something() {
        let clock = StillClock::default();
        let mut asked = 0;
        let found: Result<_, Infallible> = wait_for(&clock, Duration::from_secs(9), || {
            asked += 1;
            Ok((asked == 4).then_some("found"))
        });
        assert_eq!(found, Ok(Some("found")));
        assert_eq!(clock.elapsed(), Duration::from_millis(2 + 4 + 8));
    }

    #[test]
    fn waiting_ends_at_the_limit_after_a_last_look() {
        let clock = StillClock::default();
        let mut last_asked = Duration::ZERO;
        let found: Result<Option<()>, Infallible> =
            wait_for(&clock, Duration::from_secs(1), || {
                last_asked = clock.elapsed();
                Ok(None)
            });
        assert_eq!(found, Ok(None));
        assert_eq!(last_asked, Duration::from_secs(1));
    }

    #[test]
    fn an_error_of_the_probe_ends_the_waiting() {
        let clock = StillClock::default();
        let found: Result<Option<()>, &str> =
            wait_for(&clock, Duration::from_secs(1), || Err("no"));
        assert_eq!(found, Err("no"));
        assert_eq!(clock.elapsed(), Duration::ZERO);
    }
}
