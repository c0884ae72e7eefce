//! How long the commands wait for what, in one place.
//!
//! The guest agent gives `enable` 300 s and kills it then (WALinuxAgent 2.15,
//! `ga/exthandlers.py:1615`). Once it has its turn, `enable` is done within [`Limits::whole`] plus
//! one stop, a minute in all, unless systemd itself takes its time.

use std::time::Duration;

/// Time limits. Tests shorten them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For another command of the handler to end.
    pub turn: Duration,
    /// For a worker that holds the lease to say which process it is.
    pub announcement: Duration,
    /// For somebody who only looks whether the lease is free.
    pub glance: Duration,
    /// For a worker that was started to serve its assignment.
    pub served: Duration,
    /// For a worker to publish why newer settings were refused.
    pub publication: Duration,
    /// For a worker to end after SIGTERM.
    pub graceful_end: Duration,
    /// For a worker to end after SIGKILL.
    pub forced_end: Duration,
    /// For one call of `systemctl`.
    pub systemctl: Duration,
    /// For a freshly unpacked program to become executable: while any process still has it open
    /// for writing, the kernel says ETXTBSY (execve(2)).
    pub unpacking: Duration,
    /// For everything that `enable` does up to seeing its worker.
    pub whole: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            turn: Duration::from_secs(60),
            announcement: Duration::from_secs(5),
            glance: Duration::from_secs(1),
            served: Duration::from_secs(20),
            publication: Duration::from_secs(10),
            graceful_end: Duration::from_secs(5),
            forced_end: Duration::from_secs(5),
            systemctl: Duration::from_secs(10),
            unpacking: Duration::from_secs(5),
            whole: Duration::from_secs(40),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_enable_that_meets_every_trouble_is_done_before_the_agent_kills_it() {
        let limits = Limits::default();
        let stop = limits.systemctl + limits.graceful_end + limits.forced_end;
        assert!(limits.whole + stop <= Duration::from_secs(60));
        // Every call of systemctl as slow as it may be: reload, enable, restart; then show.
        let start = limits.systemctl * 3 + limits.served + limits.systemctl;
        let worst = limits.turn + limits.announcement + stop + start + stop + limits.glance;
        assert!(worst + limits.publication < Duration::from_secs(200), "{worst:?}");
    }
}
