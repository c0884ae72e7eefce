//! What whoever supervises this process is told, and when. Pure; `notify` sends it.

use std::fmt;
use std::time::Duration;

/// A boot that waits for this service goes on after so long, however the vaults are.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// systemd before 235 reads 4 KiB of a message.
const LONGEST_STATUS: usize = 1000;

/// One message. Displays as sd_notify(3) has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// Whoever needs the certificates can start.
    Ready,
    /// How things stand, for people.
    Status(String),
    /// The loop is alive.
    Alive,
    /// The order is being read again.
    Reloading,
    /// The process is about to end.
    Stopping,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready => f.write_str("READY=1"),
            Self::Status(text) => write!(f, "STATUS={}", one_line(text)),
            Self::Alive => f.write_str("WATCHDOG=1"),
            Self::Reloading => f.write_str("RELOADING=1"),
            Self::Stopping => f.write_str("STOPPING=1"),
        }
    }
}

/// A line break would begin another assignment.
fn one_line(text: &str) -> String {
    let end = text.floor_char_boundary(LONGEST_STATUS);
    text[..end].chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// What was told so far of one order.
#[derive(Debug)]
pub(crate) struct Supervision {
    ready: bool,
    ready_by: Duration,
    status: Option<String>,
    /// How often the supervisor wants to hear of us.
    interval: Option<Duration>,
    next_alive: Duration,
}

impl Supervision {
    /// Nothing has been told yet at `now`. Somebody who hears nothing for as long as `watchdog`
    /// takes the process for dead.
    pub(crate) fn begin(now: Duration, watchdog: Option<Duration>) -> Self {
        let interval = watchdog.map(|limit| limit / 3);
        Self { ready: false, ready_by: now + READY_WITHIN, status: None, interval, next_alive: now }
    }

    /// What is to be told at `now`; `settled`: nothing better will come of waiting.
    pub(crate) fn due(&mut self, settled: bool, now: Duration) -> Vec<Notice> {
        let mut notices = Vec::new();
        if !self.ready && (settled || self.ready_by <= now) {
            self.ready = true;
            notices.push(Notice::Ready);
        }
        if let Some(interval) = self.interval.filter(|_| self.next_alive <= now) {
            self.next_alive = now + interval;
            notices.push(Notice::Alive);
        }
        notices
    }

    /// The status, if it is news.
    pub(crate) fn status(&mut self, text: String) -> Option<Notice> {
        if self.status.as_ref() == Some(&text) {
            return None;
        }
        self.status = Some(text.clone());
        Some(Notice::Status(text))
    }

    /// Whether readiness has been told.
    pub(crate) fn is_ready(&self) -> bool {
        self.ready
    }

    /// When something is to be told next, whatever happens.
    pub(crate) fn next(&self) -> Option<Duration> {
        let ready = (!self.ready).then_some(self.ready_by);
        ready.into_iter().chain(self.interval.map(|_| self.next_alive)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_status_is_one_short_line() {
        let notice = Notice::Status("fine\nMAINPID=1\r".into()).to_string();
        assert_eq!(notice, "STATUS=fine MAINPID=1 ");
        let long = Notice::Status("é".repeat(3000)).to_string();
        assert_eq!(long.len(), "STATUS=".len() + LONGEST_STATUS);
    }

    #[test]
    fn readiness_is_told_once_when_settled_or_after_the_time_limit() {
        let mut supervision = Supervision::begin(SECOND, None);
        assert_eq!(supervision.due(false, 2 * SECOND), []);
        assert_eq!(supervision.next(), Some(31 * SECOND));
        assert_eq!(supervision.due(true, 3 * SECOND), [Notice::Ready]);
        assert_eq!(supervision.due(true, 4 * SECOND), []);
        assert_eq!(supervision.next(), None);
        let mut supervision = Supervision::begin(SECOND, None);
        assert_eq!(supervision.due(false, 31 * SECOND), [Notice::Ready]);
    }

    #[test]
    fn a_watchdog_hears_of_us_three_times_as_often_as_it_must() {
        let mut supervision = Supervision::begin(SECOND, Some(90 * SECOND));
        assert_eq!(supervision.due(true, SECOND), [Notice::Ready, Notice::Alive]);
        assert_eq!(supervision.next(), Some(31 * SECOND));
        assert_eq!(supervision.due(true, 30 * SECOND), []);
        assert_eq!(supervision.due(true, 32 * SECOND), [Notice::Alive]);
    }

    #[test]
    fn the_same_status_is_told_once() {
        let mut supervision = Supervision::begin(SECOND, None);
        assert!(supervision.status("a".into()).is_some());
        assert!(supervision.status("a".into()).is_none());
        assert!(supervision.status("b".into()).is_some());
    }
}
