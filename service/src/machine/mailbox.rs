//! News on the way from a pass to the loop. Each event wakes the loop's thread; that everything
//! stands as it stood is worth no such haste, so a poll hands that over in bundles.

use std::sync::mpsc::Sender;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::item::News;
use crate::run::Event;

/// So much news without haste waits for more.
const BUNDLE: usize = 32;

/// Where a pass puts its news, and the loop's thread finds it.
#[derive(Debug)]
pub(crate) struct Mailbox {
    events: Sender<Event>,
    waiting: Mutex<Vec<News>>,
}

impl Mailbox {
    /// Events go to this sender's receiver.
    pub(crate) fn new(events: Sender<Event>) -> Self {
        Self { events, waiting: Mutex::default() }
    }

    /// Brings a piece of news: at once, with all that waits before it, if it changes anything.
    pub(crate) fn bring(&self, news: News) {
        let mut waiting = self.waiting();
        let hurries = !news.is_calm();
        waiting.push(news);
        if hurries || waiting.len() >= BUNDLE {
            self.send(Event::News(std::mem::take(&mut waiting)));
        }
    }

    /// Sends an event after all news that was brought before it.
    pub(crate) fn send_after_news(&self, event: Event) {
        if let Some(news) = self.take() {
            self.send(news);
        }
        self.send(event);
    }

    /// What waits, for a loop that has time for it.
    pub(crate) fn take(&self) -> Option<Event> {
        let waiting = std::mem::take(&mut *self.waiting());
        (!waiting.is_empty()).then_some(Event::News(waiting))
    }

    /// Sends an event as it is.
    pub(crate) fn send(&self, event: Event) {
        drop(self.events.send(event)); // a loop that has ended wants none
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<News>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use cert_store::Change;

    use super::*;
    use crate::outcome::{Done, Outcome};

    fn unchanged(index: usize) -> News {
        let result = Ok(Done { change: Change::Same, remarks: Vec::new() });
        let (record, unkept, notes) = (None, None, Vec::new());
        News::Looked(index, Box::new(Outcome { present: true, result, record, unkept, notes }))
    }

    fn lengths(events: &Receiver<Event>) -> Vec<usize> {
        let length = |event| match event {
            Event::News(news) => news.len(),
            _ => 0,
        };
        events.try_iter().map(length).collect()
    }

    #[test]
    fn what_changes_nothing_comes_in_bundles_and_what_does_at_once() {
        let (sender, events) = channel();
        let mailbox = Mailbox::new(sender);
        (0..BUNDLE + 3).for_each(|index| mailbox.bring(unchanged(index)));
        assert_eq!(lengths(&events), [BUNDLE]);
        mailbox.bring(News::Trouble("the disk is full".into()));
        assert_eq!(lengths(&events), [4], "in order");
        mailbox.bring(unchanged(0));
        assert!(lengths(&events).is_empty());
        mailbox.send_after_news(Event::PassEnded);
        assert_eq!(lengths(&events), [1, 0]);
    }

    #[test]
    fn a_loop_with_time_takes_what_waits() {
        let mailbox = Mailbox::new(channel().0);
        mailbox.bring(unchanged(0));
        assert!(matches!(mailbox.take(), Some(Event::News(news)) if news.len() == 1));
        assert!(mailbox.take().is_none());
    }
}
