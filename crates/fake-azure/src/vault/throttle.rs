//! Limits: how many transactions a vault carries out in a window of time.
//!
//! Key Vault's own is 4,000 in 10 seconds for secrets
//! (<https://learn.microsoft.com/azure/key-vault/general/service-limits>); how its windows move
//! and whether refused requests count is not documented, so both extremes are here.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// A limit on a vault's transactions.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Throttle {
    /// Transactions in one window.
    pub limit: usize,
    /// The window, in seconds.
    pub seconds: u64,
    /// How windows move, and what counts.
    pub window: Window,
}

/// Kinds of windows.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Window {
    /// Windows follow one another, and refused requests do not count: the lenient extreme.
    Fixed,
    /// Every moment ends a window, and refused requests count too: the strict extreme.
    Sliding,
}

impl Throttle {
    /// Key Vault's limit for secrets.
    #[must_use]
    pub fn key_vault(window: Window) -> Self {
        Self { limit: 4000, seconds: 10, window }
    }
}

/// A limit at work.
#[derive(Default)]
pub(crate) struct Gate {
    throttle: Option<Throttle>,
    counted: VecDeque<SystemTime>,
}

impl Gate {
    pub(crate) fn new(throttle: Option<Throttle>) -> Self {
        Self { throttle, counted: VecDeque::new() }
    }

    /// Lets a request through, or says in how many seconds to come back.
    pub(crate) fn enter(&mut self, now: SystemTime) -> Result<(), u64> {
        let Some(throttle) = self.throttle else { return Ok(()) };
        let window = Duration::from_secs(throttle.seconds);
        match throttle.window {
            Window::Fixed => {
                if self.counted.front().is_none_or(|start| elapsed(*start, now) >= window) {
                    self.counted.clear();
                }
            }
            Window::Sliding => {
                while self.counted.front().is_some_and(|first| elapsed(*first, now) >= window) {
                    self.counted.pop_front();
                }
            }
        }
        let free = self.counted.len() < throttle.limit;
        if free || throttle.window == Window::Sliding {
            self.counted.push_back(now);
        }
        if free {
            return Ok(());
        }
        let oldest = self.counted.front().copied().unwrap_or(now);
        Err(window.saturating_sub(elapsed(oldest, now)).as_secs_f64().ceil() as u64)
    }
}

fn elapsed(since: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(since).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn gate(window: Window) -> Gate {
        Gate::new(Some(Throttle { limit: 2, seconds: 10, window }))
    }

    #[test]
    fn a_fixed_window_ends_for_all_at_once_and_refusals_do_not_count() {
        let mut gate = gate(Window::Fixed);
        assert_eq!(gate.enter(at(0)), Ok(()));
        assert_eq!(gate.enter(at(4)), Ok(()));
        assert_eq!(gate.enter(at(5)), Err(5));
        assert_eq!(gate.enter(at(9)), Err(1));
        assert_eq!(gate.enter(at(10)), Ok(()));
        assert_eq!(gate.enter(at(11)), Ok(()));
    }

    #[test]
    fn a_sliding_window_counts_what_it_refuses() {
        let mut gate = gate(Window::Sliding);
        assert_eq!(gate.enter(at(0)), Ok(()));
        assert_eq!(gate.enter(at(4)), Ok(()));
        assert!(gate.enter(at(5)).is_err());
        assert!(gate.enter(at(10)).is_err(), "the one refused at 5 counts");
        assert_eq!(gate.enter(at(20)), Ok(()));
    }

    #[test]
    fn no_limit_lets_everything_through() {
        let mut gate = Gate::default();
        assert!((0..10_000).all(|_| gate.enter(at(0)).is_ok()));
    }
}
