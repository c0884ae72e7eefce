//! The only file that reads time, and the only one that waits for nothing else.

#![expect(clippy::disallowed_methods, reason = "this is the clock")]

use std::time::{Duration, SystemTime};

use rustix::time::{ClockId, clock_gettime};

use crate::moment::Moment;

/// The wall clock, for whoever has nothing to wait for.
pub(crate) fn wall() -> SystemTime {
    SystemTime::now()
}

/// The machine's clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    began: Duration,
}

impl Clock {
    /// A clock whose steady side begins at zero.
    pub(crate) fn start() -> Self {
        Self { began: since_boot() }
    }

    /// Both clocks.
    pub(crate) fn now(&self) -> Moment {
        Moment { wall: SystemTime::now(), steady: since_boot().saturating_sub(self.began) }
    }

    /// Lets time pass.
    pub(crate) fn pause(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

/// With the time that the machine was suspended (clock_gettime(2), `CLOCK_BOOTTIME`): what was due
/// meanwhile is due when it wakes up.
fn since_boot() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    let (seconds, nanoseconds) = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
    Duration::new(seconds.unwrap_or_default(), nanoseconds.unwrap_or_default())
}
