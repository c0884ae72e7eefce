//! How long something may take: the only file that reads a clock or pauses.

#![expect(clippy::disallowed_methods, reason = "this file is the edge to time")]

use std::time::{Duration, Instant};

/// The moment at which something has to be over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    at: Option<Instant>,
}

impl Deadline {
    /// So long from now; never, where that is later than a clock can tell.
    pub(crate) fn after(limit: Duration) -> Self {
        Self { at: Instant::now().checked_add(limit) }
    }

    /// What is left: zero where it has passed.
    pub(crate) fn left(&self) -> Duration {
        match self.at {
            Some(at) => at.saturating_duration_since(Instant::now()),
            None => Duration::MAX,
        }
    }

    pub(crate) fn has_passed(&self) -> bool {
        self.left().is_zero()
    }

    /// Lets some time pass, though never more than is left.
    pub(crate) fn pause(&self, duration: Duration) {
        std::thread::sleep(duration.min(self.left()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_passes() {
        let deadline = Deadline::after(Duration::from_millis(5));
        deadline.pause(Duration::from_secs(3600));
        assert!(deadline.has_passed());
        assert_eq!(deadline.left(), Duration::ZERO);
    }

    #[test]
    fn what_no_clock_can_tell_never_comes() {
        assert!(!Deadline::after(Duration::MAX).has_passed());
    }
}
