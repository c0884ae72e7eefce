//! The worker's loop: ask the roster what is due, wait, have it done, report. No policy in here.

mod event;
mod footing;
mod once;

use std::time::Duration;

use worker_state::{InitialSyncRecord, Refusal, Report};

use crate::initial_sync::InitialSync;
use crate::item::{Item, News};
use crate::moment::Moment;
use crate::narrate;
use crate::report::{self, Frame};
use crate::roster::Roster;
use crate::status;
use crate::supervision::{Notice, Supervision};

pub(crate) use event::Event;
pub(crate) use footing::Footing;

/// The guest agent calls a heartbeat older than 600 s unresponsive.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(60);
/// While a pass goes on, what it has brought so far is published this often; more seldom where that
/// would take more than a small part of the time (one in this many).
const PROGRESS: Duration = Duration::from_secs(2);
const SMALL_PART: u32 = 20;

/// Everything that the loop cannot do by thinking.
pub(crate) trait Outside {
    /// Both clocks.
    fn now(&self) -> Moment;
    /// A number in `0.0..1.0`.
    fn chance(&mut self) -> f64;
    /// The next event; `None` once the steady clock shows `until`.
    fn wait(&mut self, until: Duration) -> Option<Event>;
    /// Starts a pass; its news and its end become events.
    fn start_pass(&mut self, items: Vec<Item>, now: Moment);
    /// Replaces the report, and the status where a guest agent looks.
    fn publish(&mut self, report: &Report, refusal: Option<&Refusal>);
    /// Beats, where a guest agent looks.
    fn beat(&mut self, report: &Report);
    /// Keeps how the first sync stands, across restarts.
    fn keep(&mut self, initial_sync: &InitialSyncRecord);
    /// Tells whoever supervises the process.
    fn notify(&mut self, notice: &Notice);
    /// Makes sure of the lease and of the directories, and announces the worker where nothing does
    /// any more.
    fn confirm(&mut self) -> Footing;
    /// Reads the order that is being served once more.
    fn reread(&mut self) -> Reread;
}

/// What became of the order.
#[derive(Debug, PartialEq)]
pub(crate) enum Reread {
    /// It is the same; newer settings may have been refused.
    Same(Option<Refusal>),
    /// It is another one.
    Other,
}

/// Why the loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The process is to end.
    Stop,
    /// There is another order to serve.
    Reload,
    /// Another worker has the lease.
    Superseded,
    /// Another start is needed, in a new sandbox.
    Restart,
}

/// The pass that is under way.
struct Passing {
    /// What it looks at.
    due: Vec<usize>,
    /// Whether somebody asked for it before it began.
    asked: bool,
}

/// Serves one order until somebody wants otherwise.
pub(crate) struct Worker {
    pub(crate) roster: Roster,
    pub(crate) frame: Frame,
    pub(crate) refusal: Option<Refusal>,
    supervision: Supervision,
    passing: Option<Passing>,
    /// Somebody asked for a look that no pass has begun yet.
    asked: bool,
    reload_after_pass: bool,
    kept: InitialSync,
    next_progress: Duration,
    /// How each certificate stood in the last report.
    stood: Vec<narrate::Stood>,
    next_beat: Duration,
    /// What the last heartbeat said; nothing before the first.
    beaten: String,
    /// When the clocks were looked at last.
    seen: Option<Moment>,
}

impl Worker {
    /// Nothing has happened yet.
    pub(crate) fn new(roster: Roster, frame: Frame, refusal: Option<Refusal>) -> Self {
        let kept = InitialSync::NotRequired;
        Self {
            roster,
            frame,
            refusal,
            supervision: Supervision::begin(Duration::ZERO, None),
            passing: None,
            asked: false,
            reload_after_pass: false,
            kept,
            next_progress: Duration::ZERO,
            stood: Vec::new(),
            next_beat: Duration::ZERO,
            beaten: String::new(),
            seen: None,
        }
    }

    /// Goes on counting where the loop before this one stopped, which was asked for a look.
    pub(crate) fn take_over(&mut self, before: &Frame) {
        self.frame.passes = before.passes;
        self.frame.asked_passes = before.asked_passes;
        self.frame.last_pass = before.last_pass;
        self.asked = true;
    }

    /// The loop. Its first act is to publish how things stand, which is success where no first
    /// sync is required. A supervisor that hears nothing for as long as `watchdog` kills it.
    pub(crate) fn serve(&mut self, outside: &mut impl Outside, watchdog: Option<Duration>) -> End {
        self.supervision = Supervision::begin(outside.now().steady, watchdog);
        self.publish(outside);
        loop {
            let now = outside.now();
            self.heed_clock(now);
            if !self.stands(outside, now) {
                return End::Superseded;
            }
            self.beat_if_due(outside, now);
            self.roster.check_deadline(now);
            self.publish_if_new(outside, now);
            self.start_pass_if_due(outside, now);
            self.tell_supervisor(outside, now);
            let Some(event) = outside.wait(self.next_step(now)) else { continue };
            if let Some(end) = self.react(event, outside) {
                return end;
            }
        }
    }

    fn react(&mut self, event: Event, outside: &mut impl Outside) -> Option<End> {
        let now = outside.now();
        match event {
            Event::News(news) => self.note(news, now),
            Event::PassEnded => {
                self.end_pass(outside, now);
                return self.reload_after_pass.then_some(End::Reload);
            }
            Event::End(end) => return Some(end),
            Event::Reload => match self.reread(outside) {
                Reread::Same(refusal) => {
                    self.refusal = refusal;
                    self.asked = true;
                    self.publish(outside);
                }
                // Whoever asked gets an answer from the loop that serves the other order.
                Reread::Other if self.passing.is_some() => self.reload_after_pass = true,
                Reread::Other => return Some(End::Reload),
            },
        }
        None
    }

    fn reread(&self, outside: &mut impl Outside) -> Reread {
        if !self.supervision.is_ready() {
            return outside.reread();
        }
        outside.notify(&Notice::Reloading);
        let reread = outside.reread();
        outside.notify(&Notice::Ready);
        reread
    }

    /// It is ready where everything stands already, and else after the first pass.
    fn tell_supervisor(&mut self, outside: &mut impl Outside, now: Moment) {
        let settled = self.frame.passes > 0 || self.roster.is_whole(now.wall);
        for notice in self.supervision.due(settled, now.steady) {
            outside.notify(&notice);
        }
    }

    fn start_pass_if_due(&mut self, outside: &mut impl Outside, now: Moment) {
        if self.passing.is_some() {
            return;
        }
        if self.asked {
            self.roster.look_at_all(now);
        }
        if let Some(mut items) = self.roster.work(now) {
            items.iter_mut().for_each(|item| item.wanted |= self.asked);
            let due = items.iter().filter(|item| item.due).map(|item| item.index).collect();
            self.passing = Some(Passing { due, asked: std::mem::take(&mut self.asked) });
            self.next_progress = self.next_progress.max(now.steady + PROGRESS);
            outside.start_pass(items, now);
        }
    }

    fn note(&mut self, news: Vec<News>, now: Moment) {
        news.into_iter().for_each(|news| self.note_one(news, now));
    }

    fn note_one(&mut self, news: News, now: Moment) {
        narrate::news(&news, self.roster.entries());
        match news {
            News::Looked(index, outcome) => self.roster.note(index, *outcome, now),
            News::Retired(index, record, _) | News::Reacted(index, record, _) => {
                self.roster.note_record(index, *record, now);
            }
            News::Obeyed(index, Some(record), ..) => self.roster.note_record(index, *record, now),
            News::Unkept(index) => self.roster.note_unkept(index),
            News::Obeyed(_, None, ..) | News::Trouble(_) => {}
        }
    }

    fn end_pass(&mut self, outside: &mut impl Outside, now: Moment) {
        let Some(Passing { due, asked }) = self.passing.take() else { return };
        self.roster.end_pass(&due, now, &mut || outside.chance());
        self.frame.passes += 1;
        self.frame.asked_passes += u64::from(asked);
        self.frame.last_pass = Some(now.wall);
        self.publish(outside);
    }

    fn beat_if_due(&mut self, outside: &mut impl Outside, now: Moment) {
        if self.next_beat <= now.steady {
            self.beat(&report::report(&self.roster, &self.frame, now), outside, now);
        }
    }

    fn beat(&mut self, report: &Report, outside: &mut impl Outside, now: Moment) {
        outside.beat(report);
        self.beaten = status::message(report);
        self.next_beat = now.steady + HEARTBEAT;
    }

    /// A pass brings news, and first what a boot waits for; a first sync can run out of time.
    fn publish_if_new(&mut self, outside: &mut impl Outside, now: Moment) {
        let phase_moved = self.kept.phase() != self.roster.initial_sync().phase();
        let awaited = || !self.supervision.is_ready() && self.roster.is_whole(now.wall);
        let progress = self.passing.is_some() && (self.next_progress <= now.steady || awaited());
        if phase_moved || progress {
            self.publish(outside);
        }
    }

    fn publish(&mut self, outside: &mut impl Outside) {
        let now = outside.now();
        let state = self.roster.initial_sync();
        if let InitialSync::Required(record) = state
            && self.kept != *state
        {
            narrate::initial_sync(self.kept.phase(), record);
            outside.keep(record);
        }
        self.kept = state.clone();
        let report = report::report(&self.roster, &self.frame, now);
        narrate::expiry(&self.stood, &report);
        self.stood = report.certificates.iter().map(|one| (one.code, one.state)).collect();
        outside.publish(&report, self.refusal.as_ref());
        if let Some(notice) = self.supervision.status(status::message(&report)) {
            outside.notify(&notice);
        }
        // The agent shows both, side by side.
        if !self.beaten.is_empty() && self.beaten != status::message(&report) {
            self.beat(&report, outside, now);
        }
        let end = outside.now().steady;
        self.next_progress = end + PROGRESS.max(SMALL_PART * end.saturating_sub(now.steady));
    }

    /// When the loop has something to do again, on the steady clock.
    fn next_step(&self, now: Moment) -> Duration {
        let work = match self.passing {
            Some(_) => self.next_progress,
            None => self.roster.next_look(),
        };
        let deadline = self.roster.deadline();
        let left = deadline.map(|end| end.duration_since(now.wall).unwrap_or_default());
        let give_up = left.map(|left| now.steady + left);
        let told = self.supervision.next();
        give_up.into_iter().chain(told).chain([work, self.next_beat]).min().unwrap_or(work)
    }
}
