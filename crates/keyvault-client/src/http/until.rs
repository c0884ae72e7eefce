//! A limit for a whole stage of opening a connection.
//!
//! ureq allows the time for connecting to each read of a proxy's answer anew: a proxy that sends a
//! byte now and then would hold up a pass for hours.

use std::sync::Arc;
use std::time;

use ureq::unversioned::transport::time::{Duration, Instant};
use ureq::unversioned::transport::{ConnectionDetails, NextTimeout};

/// The end of a stage that has begun.
pub(super) struct Until {
    clock: Arc<dyn Fn() -> Instant + Send + Sync>,
    begun: Instant,
    limit: Duration,
}

impl Until {
    /// A stage that begins now and may take what connecting may.
    pub(super) fn of(details: &ConnectionDetails<'_>) -> Self {
        let clock = Arc::clone(&details.current_time);
        Self { begun: clock(), clock, limit: details.timeout.after }
    }

    /// A stage without an end.
    #[cfg(test)]
    pub(super) fn never() -> Self {
        let clock = Arc::new(|| Instant::NotHappening);
        Self { begun: Instant::NotHappening, clock, limit: Duration::NotHappening }
    }

    /// What is left for this wait, no more than it wants itself.
    ///
    /// # Errors
    ///
    /// The time is up.
    pub(super) fn left(&self, mut wanted: NextTimeout) -> Result<NextTimeout, ureq::Error> {
        if !self.limit.is_not_happening() {
            let left = self.limit.saturating_sub(since(self.begun, (self.clock)()));
            if left.is_zero() {
                return Err(ureq::Error::Timeout(wanted.reason));
            }
            wanted.after = wanted.after.min(left.into());
        }
        Ok(wanted)
    }
}

/// How much later `end` is; nothing where one of them never comes.
pub(super) fn since(start: Instant, end: Instant) -> time::Duration {
    match (start, end) {
        (Instant::Exact(start), Instant::Exact(end)) => end.saturating_duration_since(start),
        _ => time::Duration::ZERO,
    }
}
