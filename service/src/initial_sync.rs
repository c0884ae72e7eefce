//! The first sync that `requireInitialSync` governs: a pure state machine.
//!
//! The guest agent holds dependent extensions back until it sees success or error, for at most
//! 90 minutes of one goal state (WALinuxAgent `ga/exthandlers.py`, `_DEFAULT_EXT_TIMEOUT_MINUTES`),
//! earlier extensions included. Both limits here lie below that, and count across restarts.

use std::time::{Duration, SystemTime};

use worker_state::{InitialSyncPhase, InitialSyncRecord, Timestamp};

/// An attempt is one try of every missing certificate.
pub(crate) const ATTEMPTS: u32 = 25;
/// Counted from the assignment.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(80 * 60);

/// How the first sync of one assignment stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum InitialSync {
    /// None is required.
    NotRequired,
    /// One is required.
    Required(InitialSyncRecord),
}

impl InitialSync {
    /// The first sync of an assignment that has no record yet.
    pub(crate) fn begin(assignment: String, begun_at: Timestamp) -> Self {
        let phase = InitialSyncPhase::Pending;
        Self::Required(InitialSyncRecord { assignment, begun_at, attempts: 0, phase })
    }

    /// The first sync that goes on after a restart at `now`, from what the last worker of the same
    /// settings kept of it: neither its attempts nor its time begin anew, unless the settings were
    /// given after that; `fresh` is one that does. Only where it was done
    /// and certificates are missing again (a store that does not survive a reboot, say), dependents
    /// have to wait again.
    pub(crate) fn resume(
        before: Option<InitialSyncRecord>,
        complete: bool,
        fresh: Self,
        given_at: Timestamp,
        now: SystemTime,
    ) -> Self {
        let is_done = |record: &InitialSyncRecord| {
            matches!(record.phase, InitialSyncPhase::Done | InitialSyncPhase::Healed)
        };
        match before {
            None => fresh,
            // The same settings, given once more.
            Some(record) if record.begun_at < given_at && !(is_done(&record) && complete) => fresh,
            Some(record) if is_done(&record) && !complete => {
                Self::begin(record.assignment, now.into())
            }
            Some(record) => Self::Required(record),
        }
    }

    /// How it stands, where one is required.
    pub(crate) fn phase(&self) -> Option<InitialSyncPhase> {
        match self {
            Self::NotRequired => None,
            Self::Required(record) => Some(record.phase),
        }
    }

    /// Whether certificates are being waited for.
    #[cfg(test)]
    pub(crate) fn is_pending(&self) -> bool {
        self.phase() == Some(InitialSyncPhase::Pending)
    }

    /// When it is given up, where it is pending.
    pub(crate) fn deadline(&self) -> Option<SystemTime> {
        match self {
            Self::Required(record) if record.phase == InitialSyncPhase::Pending => {
                record.begun_at.moment().checked_add(TIME_LIMIT)
            }
            _ => None,
        }
    }

    /// Moves its beginning along with a wall clock that shows `now` where it would have shown
    /// `expected`.
    pub(crate) fn shift(&mut self, expected: SystemTime, now: SystemTime) {
        let Self::Required(record) = self else { return };
        let begun = record.begun_at.moment();
        let moved = match now.duration_since(expected) {
            Ok(ahead) => begun.checked_add(ahead),
            Err(error) => begun.checked_sub(error.duration()),
        };
        record.begun_at = moved.unwrap_or(begun).into();
    }

    /// How it stands after a look at the certificates at `now`. `attempted`: every missing
    /// certificate has just been tried; `missing`: how many are not installed.
    pub(crate) fn next(self, attempted: bool, missing: usize, now: SystemTime) -> Self {
        let Self::Required(mut record) = self else { return self };
        if attempted && record.phase == InitialSyncPhase::Pending {
            record.attempts = record.attempts.saturating_add(1);
        }
        record.phase = match record.phase {
            InitialSyncPhase::Pending if missing == 0 => InitialSyncPhase::Done,
            InitialSyncPhase::Pending if is_over(&record, now) => InitialSyncPhase::GaveUp,
            InitialSyncPhase::GaveUp if missing == 0 => InitialSyncPhase::Healed,
            phase => phase,
        };
        Self::Required(record)
    }
}

/// A wall clock that was set back does not extend the first sync for ever: attempts count too.
fn is_over(record: &InitialSyncRecord, now: SystemTime) -> bool {
    let spent = now.duration_since(record.begun_at.moment()).unwrap_or_default();
    record.attempts >= ATTEMPTS || spent >= TIME_LIMIT
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule;

    fn begun() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
    }

    fn pending() -> InitialSync {
        InitialSync::begin("a".into(), begun().into())
    }

    #[test]
    fn it_is_done_when_nothing_is_missing_and_stays_done() {
        let done = pending().next(true, 0, begun());
        assert_eq!(done.phase(), Some(InitialSyncPhase::Done));
        let later = done.next(true, 3, begun() + TIME_LIMIT * 2);
        assert_eq!(later.phase(), Some(InitialSyncPhase::Done));
    }

    #[test]
    fn a_restart_goes_on_where_it_stood() {
        let resumed = |before: &InitialSync, complete| {
            let InitialSync::Required(record) = before.clone() else { panic!("required") };
            let later = begun() + TIME_LIMIT;
            InitialSync::resume(Some(record), complete, pending(), begun().into(), later)
        };
        let tried = pending().next(true, 1, begun());
        assert_eq!(resumed(&tried, false), tried);
        let given_up = pending().next(false, 1, begun() + TIME_LIMIT);
        assert_eq!(resumed(&given_up, false), given_up);
        let done = pending().next(true, 0, begun());
        assert_eq!(resumed(&done, true), done);
        let InitialSync::Required(old) = given_up.clone() else { panic!("required") };
        let anew = begun() + TIME_LIMIT * 3;
        let fresh = InitialSync::begin("a".into(), anew.into());
        let given_again = InitialSync::resume(Some(old), false, fresh.clone(), anew.into(), anew);
        assert_eq!(given_again, fresh);
        let again = resumed(&done, false);
        assert_eq!(again.deadline(), Some(begun() + TIME_LIMIT * 2), "dependents wait again");
        let first = InitialSync::resume(None, false, pending(), begun().into(), anew);
        assert_eq!(first, pending());
    }

    #[test]
    fn it_is_given_up_after_25_attempts() {
        let mut state = pending();
        for attempt in 1..ATTEMPTS {
            state = state.next(true, 1, begun());
            assert!(state.is_pending(), "attempt {attempt}");
        }
        let state = state.next(true, 1, begun());
        assert_eq!(state.phase(), Some(InitialSyncPhase::GaveUp));
    }

    #[test]
    fn it_is_given_up_after_80_minutes_even_between_attempts() {
        let before = begun() + TIME_LIMIT - Duration::from_secs(1);
        let state = pending().next(false, 1, before);
        assert!(state.is_pending());
        assert_eq!(state.deadline(), Some(begun() + TIME_LIMIT));
        let state = state.next(false, 1, begun() + TIME_LIMIT);
        assert_eq!(state.phase(), Some(InitialSyncPhase::GaveUp));
        assert_eq!(state.deadline(), None);
    }

    #[test]
    fn what_was_given_up_heals_once_and_says_so() {
        let state = pending().next(false, 1, begun() + TIME_LIMIT).next(true, 0, begun());
        assert_eq!(state.phase(), Some(InitialSyncPhase::Healed));
        assert_eq!(state.next(true, 2, begun()).phase(), Some(InitialSyncPhase::Healed));
    }

    #[test]
    fn a_part_of_the_missing_certificates_is_no_attempt() {
        let InitialSync::Required(record) = pending().next(false, 2, begun()) else {
            panic!("required")
        };
        assert_eq!(record.attempts, 0);
    }

    #[test]
    fn the_25_attempts_fill_most_of_the_80_minutes_and_no_more() {
        let hour = Duration::from_secs(3600);
        let total = |chance| -> Duration {
            (1..ATTEMPTS).map(|n| schedule::retry_delay(n, hour, None, chance)).sum()
        };
        assert!(total(1.0) <= TIME_LIMIT, "{:?}", total(1.0));
        assert!(total(0.0) >= TIME_LIMIT / 3, "{:?}", total(0.0));
    }

    #[test]
    fn none_required_is_none_for_ever() {
        let state = InitialSync::NotRequired.next(true, 1, begun() + TIME_LIMIT);
        assert_eq!(state, InitialSync::NotRequired);
    }
}
