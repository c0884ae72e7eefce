//! Vaults that are not to be asked for a while. What one certificate met counts for all of the
//! same vault: a vault counts transactions, not certificates, and one that cannot be reached is
//! not found by asking it a hundred times.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::failure::{Failure, Retry};

/// A wall clock that was set back must not close a vault for longer than a vault may ask.
const LONGEST: Duration = Duration::from_secs(3600);

/// Which vaults are not to be asked, until when, and why.
#[derive(Debug, Default)]
pub(crate) struct ClosedVaults {
    closed: Mutex<BTreeMap<String, Closed>>,
}

#[derive(Debug)]
struct Closed {
    since: SystemTime,
    until: SystemTime,
    failure: Failure,
}

impl ClosedVaults {
    /// Why `vault` is not to be asked at `now`; `None` where it may be.
    pub(crate) fn objection(&self, vault: &str, now: SystemTime) -> Option<Failure> {
        let mut all = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        let closed = all.get(vault)?;
        if now == closed.since {
            return Some(closed.failure.clone());
        }
        match closed.until.duration_since(now) {
            Ok(left) if !left.is_zero() && left <= LONGEST => {
                Some(Failure { retry: Retry::After(left), ..closed.failure.clone() })
            }
            _ => {
                all.remove(vault);
                None
            }
        }
    }

    /// Whether the vault was closed when somebody wanted to ask it last.
    pub(crate) fn was_closed(&self, vault: &str) -> bool {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner).contains_key(vault)
    }

    /// Closes a vault because of a failure that every other request would meet too: for as long
    /// as it asked, at least for the rest of the pass that began at `now`.
    pub(crate) fn close(&self, vault: &str, failure: &Failure, now: SystemTime) {
        let wait = match failure.retry {
            Retry::After(wait) => wait.min(LONGEST),
            Retry::Backoff | Retry::NextPoll => Duration::ZERO,
        };
        let until = now.checked_add(wait).unwrap_or(now);
        let closed = Closed { since: now, until, failure: failure.clone() };
        let mut all = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(vault.to_owned(), closed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::Code;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 + seconds)
    }

    fn throttled(seconds: u64) -> Failure {
        let retry = Retry::After(Duration::from_secs(seconds));
        Failure::plain(Code::Throttled, retry, "too many requests".into())
    }

    #[test]
    fn a_vault_that_throttles_is_left_alone_for_as_long_as_it_asked_and_no_other_is() {
        let vaults = ClosedVaults::default();
        assert!(!vaults.was_closed("a"));
        vaults.close("a", &throttled(30), at(0));
        assert!(vaults.was_closed("a"));
        let left = vaults.objection("a", at(10)).unwrap().retry;
        assert_eq!(left, Retry::After(Duration::from_secs(20)));
        assert_eq!(vaults.objection("b", at(10)), None);
        assert_eq!(vaults.objection("a", at(30)), None);
        assert!(!vaults.was_closed("a"));
    }

    #[test]
    fn a_vault_that_cannot_be_reached_is_closed_for_the_rest_of_the_pass() {
        let vaults = ClosedVaults::default();
        let failure = Failure::plain(Code::VaultUnreachable, Retry::Backoff, "no route".into());
        vaults.close("a", &failure, at(0));
        assert_eq!(vaults.objection("a", at(0)), Some(failure));
        assert_eq!(vaults.objection("a", at(1)), None);
    }

    #[test]
    fn a_clock_that_was_set_back_opens_the_vault() {
        let vaults = ClosedVaults::default();
        vaults.close("a", &throttled(30), at(100_000));
        assert_eq!(vaults.objection("a", at(0)), None);
    }
}
