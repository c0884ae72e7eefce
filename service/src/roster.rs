//! How every certificate stands, and when it is looked at next. Pure: time and chance come in.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use worker_state::{CertificateRecord, ReactionRecord};

use crate::code::Code;
use crate::failure::{Failure, Retry};
use crate::initial_sync::InitialSync;
use crate::item::Item;
use crate::moment::Moment;
use crate::outcome::{Outcome, Remark};
use crate::schedule;
use crate::target::Target;

/// All observed certificates of one assignment.
#[derive(Debug)]
pub(crate) struct Roster {
    entries: Vec<Entry>,
    /// How many of them are not installed: asked for with every piece of news.
    missing: usize,
    interval: Duration,
    /// When all that is well is looked at again, on the steady clock.
    next_poll: Duration,
    initial_sync: InitialSync,
    /// Whether a pass has ended: until then no first sync is given up, however late it is.
    tried: bool,
}

/// One observed certificate.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) target: Arc<Target>,
    pub(crate) record: Option<Arc<CertificateRecord>>,
    /// Whether that could not be written to the disk yet.
    pub(crate) unkept: bool,
    /// Whether it stands on the disk as it should.
    pub(crate) present: bool,
    pub(crate) failure: Option<Failure>,
    pub(crate) remarks: Vec<Remark>,
    /// Failed tries in a row.
    pub(crate) failures: u32,
    /// When it is looked at next, on the steady clock.
    pub(crate) next: Duration,
    /// When its consumers are told, on the steady clock, if they have yet to be.
    pub(crate) next_reaction: Option<Duration>,
    pub(crate) last_success: Option<SystemTime>,
}

/// A certificate that is known from before: what was kept of it, and whether it still stands.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) target: Target,
    pub(crate) record: Option<CertificateRecord>,
    pub(crate) present: bool,
}

impl Roster {
    /// Everything is due at once.
    pub(crate) fn new(
        known: Vec<Known>,
        interval: Duration,
        initial_sync: InitialSync,
        now: Moment,
    ) -> Self {
        let entry = |known: Known| Entry {
            // Told in the first pass, however long it was to wait before the restart.
            next_reaction: reaction_of(known.record.as_ref()).map(|_| now.steady),
            target: Arc::new(known.target),
            record: known.record.map(Arc::new),
            unkept: false,
            present: known.present,
            failure: None,
            remarks: Vec::new(),
            failures: 0,
            next: now.steady,
            last_success: None,
        };
        let entries: Vec<Entry> = known.into_iter().map(entry).collect();
        let missing = entries.iter().filter(|entry| !entry.present).count();
        Self { entries, missing, interval, next_poll: now.steady, initial_sync, tried: false }
    }

    /// The certificates, in the settings' order.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// How the first sync stands.
    pub(crate) fn initial_sync(&self) -> &InitialSync {
        &self.initial_sync
    }

    /// How many certificates are not installed.
    pub(crate) fn missing(&self) -> usize {
        self.missing
    }

    /// Whether every certificate is installed as it should be, and has not expired.
    pub(crate) fn is_whole(&self, now: SystemTime) -> bool {
        self.missing == 0 && self.entries.iter().all(|entry| entry.expired(now).is_none())
    }

    /// When something is due next, on the steady clock.
    pub(crate) fn next_look(&self) -> Duration {
        let of = |entry: &Entry| entry.next_reaction.map_or(entry.next, |at| at.min(entry.next));
        self.entries.iter().map(of).min().unwrap_or(self.next_poll)
    }

    /// The work of a pass at `now`; none where nothing is due.
    pub(crate) fn work(&self, now: Moment) -> Option<Vec<Item>> {
        if self.next_look() > now.steady {
            return None;
        }
        let item = |(index, entry): (usize, &Entry)| Item {
            index,
            target: Arc::clone(&entry.target),
            record: entry.record.clone(),
            unkept: entry.unkept,
            due: entry.next <= now.steady,
            reacts: entry.next_reaction.is_some_and(|at| at <= now.steady),
            requests: Vec::new(),
            delivered: false,
            wanted: !entry.present,
        };
        Some(self.entries.iter().enumerate().map(item).collect())
    }

    /// Makes everything due, as an operator asked: whoever has just put a service right wants it
    /// told now, not when the wait is over that has grown meanwhile.
    pub(crate) fn look_at_all(&mut self, now: Moment) {
        for entry in &mut self.entries {
            entry.next = now.steady;
            entry.next_reaction = entry.next_reaction.map(|_| now.steady);
        }
    }

    /// Notes what a look at one certificate led to.
    pub(crate) fn note(&mut self, index: usize, outcome: Outcome, now: Moment) {
        let Some(entry) = self.entries.get_mut(index) else { return };
        self.missing -= usize::from(!entry.present);
        self.missing += usize::from(!outcome.present);
        entry.present = outcome.present;
        entry.unkept = outcome.unkept.is_some();
        if let Some(record) = outcome.record {
            entry.know(record, self.interval, now);
        }
        match outcome.result {
            Ok(done) => {
                entry.failure = None;
                entry.failures = 0;
                entry.remarks = done.remarks;
                entry.remarks.extend(outcome.unkept.map(unkept_remark));
                entry.last_success = Some(now.wall);
            }
            Err(failure) => {
                entry.failures = entry.failures.saturating_add(1);
                entry.failure = Some(failure);
            }
        }
        // Until the pass has ended and the schedule is made, it is not due again.
        entry.next = now.steady.saturating_add(self.interval);
    }

    /// Notes what is kept of a certificate beside looks: its consumers were told, or files of it
    /// were removed.
    pub(crate) fn note_record(&mut self, index: usize, record: CertificateRecord, now: Moment) {
        if let Some(entry) = self.entries.get_mut(index) {
            entry.know(Arc::new(record), self.interval, now);
        }
    }

    /// Notes that what is known of a certificate could not be written to the disk.
    pub(crate) fn note_unkept(&mut self, index: usize) {
        if let Some(entry) = self.entries.get_mut(index) {
            entry.unkept = true;
        }
    }

    /// Ends a pass over `items` (in ascending order) at `now`: the first sync moves on, and
    /// everything that was looked at gets its next time. `chance` draws numbers in `0.0..1.0`.
    ///
    /// One draw for all retries: what failed together is tried together, so that an identity or a
    /// vault that is gone is asked once and not once for each certificate. Machines still spread.
    pub(crate) fn end_pass(
        &mut self,
        items: &[usize],
        now: Moment,
        chance: &mut dyn FnMut() -> f64,
    ) {
        let attempted = self
            .entries
            .iter()
            .enumerate()
            .all(|(i, e)| e.present || items.binary_search(&i).is_ok());
        let is_first = !std::mem::replace(&mut self.tried, true);
        self.move_initial_sync(attempted, now);
        if self.next_poll <= now.steady {
            self.next_poll = now.steady + schedule::poll_delay(is_first, self.interval, chance());
        }
        let drawn = chance();
        let together = self.attempt_gap(now, drawn);
        for &index in items {
            let next_poll = self.next_poll;
            let Some(entry) = self.entries.get_mut(index) else { continue };
            entry.next = match together {
                Some(together) if !entry.present => together,
                _ => entry.next_look(next_poll, self.interval, now, drawn),
            };
            entry.next = entry.held_until(now).map_or(entry.next, |at| at.min(entry.next));
        }
    }

    /// When the first sync is given up, on the wall clock, where that can happen.
    pub(crate) fn deadline(&self) -> Option<SystemTime> {
        self.initial_sync.deadline().filter(|_| self.tried)
    }

    /// Gives a first sync up when its time is over, between attempts too.
    pub(crate) fn check_deadline(&mut self, now: Moment) {
        if self.tried {
            self.move_initial_sync(false, now);
        }
    }

    /// The wall clock shows `now` where it would have shown `expected`: what is left of the first
    /// sync's time stays the same.
    pub(crate) fn clock_was_set(&mut self, expected: SystemTime, now: SystemTime) {
        self.initial_sync.shift(expected, now);
    }

    /// What was kept on disk is lost: each look keeps what is known.
    pub(crate) fn keep_all_anew(&mut self) {
        for entry in &mut self.entries {
            entry.unkept = entry.record.is_some();
        }
    }

    fn move_initial_sync(&mut self, attempted: bool, now: Moment) {
        let before = std::mem::replace(&mut self.initial_sync, InitialSync::NotRequired);
        self.initial_sync = before.next(attempted, self.missing(), now.wall);
    }

    /// While a first sync is pending, all missing certificates are tried together: an attempt is
    /// one try of each. A server's Retry-After counts, but not beyond the deadline.
    fn attempt_gap(&self, now: Moment, chance: f64) -> Option<Duration> {
        let InitialSync::Required(record) = &self.initial_sync else { return None };
        let deadline = self.initial_sync.deadline()?;
        let left = deadline.duration_since(now.wall).unwrap_or_default();
        let waiting = self.entries.iter().filter(|entry| !entry.present);
        let asked = waiting.map(|entry| match entry.failure.as_ref()?.retry {
            Retry::After(asked) => Some(asked),
            Retry::Backoff | Retry::NextPoll => None,
        });
        // Only where every vault asked for time: the certificates of another need not wait for
        // one that throttles, which is not really asked before its time has passed.
        let asked = asked.min().flatten();
        let gap = schedule::retry_delay(record.attempts, self.interval, asked, chance);
        Some(now.steady + gap.min(left))
    }
}

/// The certificate is installed; what it costs is that a later start of the worker knows less.
fn unkept_remark(why: String) -> Remark {
    let text = format!("what the worker knows of it cannot be kept on disk: {why}");
    Remark { code: Code::State, text }
}

fn reaction_of(record: Option<&CertificateRecord>) -> Option<&ReactionRecord> {
    record?.delivery.reaction.as_ref()
}

impl Entry {
    fn know(&mut self, record: Arc<CertificateRecord>, interval: Duration, now: Moment) {
        // No longer than an interval, whatever the wall clock has been set to since.
        let at = |due: &ReactionRecord| now.steady_at(due.next_attempt_at.moment(), interval);
        self.next_reaction = reaction_of(Some(&record)).map(at);
        self.record = Some(record);
    }

    /// When a version that its consumers refused is tried again, on the steady clock.
    fn held_until(&self, now: Moment) -> Option<Duration> {
        let record = self.record.as_ref()?;
        let held = record.delivery.held.iter().filter(|held| {
            let active = record.active.as_ref();
            active.is_none_or(|active| !active.version.eq_ignore_ascii_case(&held.version))
        });
        let retries = held.filter_map(|held| held.retry_at);
        let retries = retries.map(|retry| now.steady_at(retry.moment(), Duration::MAX));
        // What was due already had its turn, and could not even be asked for.
        retries.filter(|at| *at > now.steady).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::{dawn, failed, installed, worker};

    #[test]
    fn what_is_missing_is_counted_as_it_comes_and_goes() {
        let now = Moment { wall: dawn(), steady: Duration::ZERO };
        let mut roster = worker(&["a", "b"], InitialSync::NotRequired).roster;
        let gone = || failed(false, Code::State, Retry::NextPoll);
        let notes = [installed("a", now), installed("a", now), gone(), gone(), installed("a", now)];
        let counts = notes.map(|outcome| {
            roster.note(0, outcome, now);
            roster.missing()
        });
        assert_eq!(counts, [1, 1, 2, 2, 1]);
        assert!(!roster.is_whole(now.wall));
        roster.note(1, installed("b", now), now);
        assert!(roster.is_whole(now.wall));
    }

    #[test]
    fn whoever_asks_for_a_look_has_consumers_told_that_were_to_wait() {
        let now = Moment { wall: dawn(), steady: Duration::ZERO };
        let mut roster = worker(&["web"], InitialSync::NotRequired).roster;
        roster.note(0, installed("contoso.web", now), now);
        let mut record = Arc::unwrap_or_clone(installed("contoso.web", now).record.unwrap());
        record.delivery.reaction = Some(ReactionRecord {
            reason: "rotated".into(),
            since: now.wall.into(),
            attempts: 9,
            next_attempt_at: (now.wall + Duration::from_secs(300)).into(),
            problem: Some("nginx would not".into()),
        });
        roster.note_record(0, record, now);
        assert!(roster.work(now).is_none());
        roster.look_at_all(now);
        assert!(roster.work(now).unwrap()[0].reacts);
    }
}
