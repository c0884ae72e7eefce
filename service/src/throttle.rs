//! Vaults that asked to be left alone for a while. What one certificate was told counts for all of
//! the same vault: the vault counts transactions, not certificates.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::code::Code;
use crate::failure::{Failure, Retry};

/// A wall clock that was set back must not close a vault for longer than a vault may ask.
const LONGEST: Duration = Duration::from_secs(3600);

/// Which vaults are not to be asked, until when, and what they said.
#[derive(Debug, Default)]
pub(crate) struct Throttles {
    closed: Mutex<BTreeMap<String, (SystemTime, Failure)>>,
}

impl Throttles {
    /// What `vault` said when it asked to be left alone, if it is not to be asked at `now`.
    pub(crate) fn objection(&self, vault: &str, now: SystemTime) -> Option<Failure> {
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        let (until, failure) = closed.get(vault)?;
        match until.duration_since(now) {
            Ok(left) if !left.is_zero() && left <= LONGEST => {
                Some(Failure { retry: Retry::After(left), ..failure.clone() })
            }
            _ => {
                closed.remove(vault);
                None
            }
        }
    }

    /// Takes note of a failure that may close the vault.
    pub(crate) fn note(&self, vault: &str, failure: &Failure, now: SystemTime) {
        let (Code::Throttled, Retry::After(wait)) = (failure.code, failure.retry) else { return };
        let Some(until) = now.checked_add(wait.min(LONGEST)) else { return };
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        closed.insert(vault.to_owned(), (until, failure.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 + seconds)
    }

    fn throttled(seconds: u64) -> Failure {
        let retry = Retry::After(Duration::from_secs(seconds));
        Failure::plain(Code::Throttled, retry, "too many requests".into())
    }

    #[test]
    fn a_vault_that_throttles_is_left_alone_for_as_long_as_it_asked_and_no_other_is() {
        let throttles = Throttles::default();
        throttles.note("a", &throttled(30), at(0));
        let left = throttles.objection("a", at(10)).unwrap().retry;
        assert_eq!(left, Retry::After(Duration::from_secs(20)));
        assert_eq!(throttles.objection("b", at(10)), None);
        assert_eq!(throttles.objection("a", at(30)), None);
    }

    #[test]
    fn other_failures_close_nothing() {
        let throttles = Throttles::default();
        let retry = Retry::After(Duration::from_secs(9));
        throttles.note("a", &Failure::plain(Code::VaultUnavailable, retry, String::new()), at(0));
        throttles.note("a", &Failure { retry: Retry::Backoff, ..throttled(9) }, at(0));
        assert_eq!(throttles.objection("a", at(0)), None);
    }

    #[test]
    fn a_clock_that_was_set_back_opens_the_vault() {
        let throttles = Throttles::default();
        throttles.note("a", &throttled(30), at(100_000));
        assert_eq!(throttles.objection("a", at(0)), None);
    }
}
