//! What the worker stands on: the lease, its directories and the clock. All of them can change
//! under it, and none of that ends it.

use std::time::{Duration, SystemTime};

use super::{Outside, Worker};
use crate::initial_sync::InitialSync;
use crate::moment::Moment;
use crate::narrate;

/// A clock that is set by less than this was not set by anybody: it was slewed, or the process
/// did not run between two looks.
const JUMP: Duration = Duration::from_secs(5);

/// How the worker's own place on the disk was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Footing {
    /// As it was left.
    Firm,
    /// The lease was lost with its directory, and taken anew: nothing is kept there any more.
    Renewed,
    /// Another worker has the lease.
    Lost,
}

impl Worker {
    /// Makes sure of the lease, whenever something is about to be written because of it; whether
    /// it is this worker's still.
    pub(super) fn stands(&mut self, outside: &mut impl Outside, now: Moment) -> bool {
        let begins = self.passing.is_none() && self.roster.next_look() <= now.steady;
        if !begins && self.next_beat > now.steady {
            return true;
        }
        match outside.confirm() {
            Footing::Firm => true,
            Footing::Lost => false,
            Footing::Renewed => {
                self.roster.keep_all_anew();
                self.kept = InitialSync::NotRequired;
                self.publish(outside);
                true
            }
        }
    }

    /// What is counted on the wall clock goes along when somebody sets it.
    pub(super) fn heed_clock(&mut self, now: Moment) {
        let expected = self.seen.map_or(now.wall, |seen| seen.wall_at(now.steady));
        self.seen = Some(now);
        if distance(expected, now.wall) >= JUMP {
            narrate::clock_set(expected, now.wall);
            self.roster.clock_was_set(expected, now.wall);
        }
    }
}

fn distance(one: SystemTime, other: SystemTime) -> Duration {
    one.duration_since(other).unwrap_or_else(|error| error.duration())
}
