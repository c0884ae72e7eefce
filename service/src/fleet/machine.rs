//! A machine of the fleet: a pass as `pass`, `queue` and `source` make it.

use std::time::Duration;

use super::vault::Vault;
use crate::closed_vaults::ClosedVaults;
use crate::failure::Failure;
use crate::moment::Moment;
use crate::outcome::Outcome;
use crate::queue::{AT_FIRST, MORE_WITH_EACH};
use crate::roster::Roster;
use crate::simulation::{dawn, failed, installed};

const VAULT: &str = "contoso";
/// A round trip, in which one machine's looks that are under way at once are answered.
const ROUND: Duration = Duration::from_millis(30);

/// The worker's own parts that decide when a vault is asked.
pub(super) struct Machine {
    pub(super) roster: Roster,
    pub(super) closed: ClosedVaults,
    /// When its last certificate became current.
    pub(super) current: Option<Duration>,
}

pub(super) fn moment(steady: Duration) -> Moment {
    Moment { wall: dawn() + steady, steady }
}

impl Machine {
    /// One pass, with every look answered within a round; when it ended.
    pub(super) fn pass(
        &mut self,
        vault: &mut Vault,
        at: Duration,
        chance: &mut fastrand::Rng,
    ) -> Duration {
        let begun = moment(at);
        let Some(items) = self.roster.work(begun) else { return at };
        let due: Vec<_> = items.into_iter().filter(|item| item.due).collect();
        let first = if self.closed.was_closed(VAULT) { 1 } else { AT_FIRST };
        let (mut now, mut open, mut left) = (at, first, due.as_slice());
        while !left.is_empty() {
            let (together, rest) = left.split_at(open.min(left.len()));
            // Those that are under way at once know nothing of each other's refusal yet.
            let objections: Vec<_> =
                together.iter().map(|_| self.closed.objection(VAULT, begun.wall)).collect();
            for (item, objection) in together.iter().zip(objections) {
                let answer = match objection {
                    Some(failure) => Err(failure),
                    None => vault.ask(now),
                };
                if let Err(failure) = &answer {
                    self.closed.close(VAULT, failure, begun.wall);
                }
                let present = item.record.is_some();
                let outcome = outcome(item.target.name(), answer, present, moment(now));
                self.roster.note(item.index, outcome, moment(now));
            }
            (now, open, left) = (now + ROUND, open * (1 + MORE_WITH_EACH), rest);
        }
        let looked: Vec<usize> = due.iter().map(|item| item.index).collect();
        self.roster.end_pass(&looked, moment(now), &mut || chance.f64());
        let well = self.roster.entries().iter().all(|entry| entry.present && entry.failures == 0);
        self.current = self.current.or(well.then_some(now));
        now
    }
}

fn outcome(name: &str, answer: Result<(), Failure>, present: bool, now: Moment) -> Outcome {
    match answer {
        Ok(()) => installed(name, now),
        Err(failure) => failed(present, failure.code, failure.retry),
    }
}
