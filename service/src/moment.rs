//! A point in time on both of a machine's clocks.

use std::time::{Duration, SystemTime};

/// Now, on the wall and since the machine's start.
///
/// The wall clock jumps (NTP at boot, a person): it serves for validity dates, documents and what
/// is counted across restarts. Everything that is waited for goes by the steady clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// The wall clock.
    pub(crate) wall: SystemTime,
    /// A clock that only goes forward, at one second a second.
    pub(crate) steady: Duration,
}

impl Moment {
    /// What the wall clock will show when the steady clock shows `steady`, if nobody sets it.
    pub(crate) fn wall_at(&self, steady: Duration) -> SystemTime {
        let moment = match steady.checked_sub(self.steady) {
            Some(ahead) => self.wall.checked_add(ahead),
            None => self.wall.checked_sub(self.steady.saturating_sub(steady)),
        };
        moment.unwrap_or(self.wall)
    }

    /// What the steady clock will show when the wall clock shows `wall`, at most so much later.
    pub(crate) fn steady_at(&self, wall: SystemTime, most: Duration) -> Duration {
        let ahead = wall.duration_since(self.wall).unwrap_or_default().min(most);
        self.steady.saturating_add(ahead)
    }
}
