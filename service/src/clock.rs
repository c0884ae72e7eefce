//! The only file that reads time, and the only one that waits for nothing else.

#![expect(clippy::disallowed_methods, reason = "this is the clock")]

use std::time::{Duration, Instant, SystemTime};

use crate::moment::Moment;

/// The machine's clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    began: Instant,
}

impl Clock {
    /// A clock whose steady side begins at zero.
    pub(crate) fn start() -> Self {
        Self { began: Instant::now() }
    }

    /// Both clocks.
    pub(crate) fn now(&self) -> Moment {
        Moment { wall: SystemTime::now(), steady: self.began.elapsed() }
    }

    /// Lets time pass.
    pub(crate) fn pause(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}
