//! When one certificate is looked at next. Pure.

use std::time::Duration;

use crate::failure::Retry;
use crate::moment::Moment;
use crate::roster::Entry;
use crate::schedule;

impl Entry {
    /// The moment on the steady clock; `next_poll` is when all that is well is looked at again.
    pub(crate) fn next_look(
        &self,
        next_poll: Duration,
        interval: Duration,
        now: Moment,
        chance: f64,
    ) -> Duration {
        let Some(failure) = &self.failure else {
            // Room on the disk is found again within minutes; the next poll may be a day away.
            let soon = now.steady + schedule::retry_delay(u32::MAX, interval, None, chance);
            return if self.unkept { soon.min(next_poll) } else { next_poll };
        };
        let asked = match failure.retry {
            // What stands will do until the next poll; what is missing is wanted sooner, because
            // somebody may be mending the cause right now.
            Retry::NextPoll if self.present => return next_poll,
            Retry::NextPoll | Retry::Backoff => None,
            Retry::After(asked) => Some(asked),
        };
        let delay = schedule::retry_delay(self.failures, interval, asked, chance);
        let retry = now.steady + delay;
        if asked.is_some() { retry } else { retry.min(next_poll) }
    }
}
