//! The thread between a queue and a receiver.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::connection::{Connection, Endpoint};
use crate::{Event, encode};

/// So many events wait for a receiver that is away.
const WAITING: usize = 1024;
/// So many go in one message.
const BATCH: usize = 128;
/// The pauses between two tries to connect.
const SHORTEST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Ships events. Dropped, it makes one more try to deliver what waits, and ends.
#[derive(Debug)]
pub struct Forwarder {
    queue: Option<SyncSender<Event>>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Events that did not fit into the queue since the receiver was told last.
    lost: AtomicU64,
    stop: AtomicBool,
}

impl Forwarder {
    /// Begins to ship to `endpoint`; every event bears `tag`. Connects when there is something to
    /// say.
    ///
    /// # Errors
    /// Where no thread can be had.
    pub fn start(endpoint: Endpoint, tag: String) -> std::io::Result<Self> {
        let (queue, events) = sync_channel(WAITING);
        let shared = Arc::new(Shared::default());
        let shipping = Shipping {
            endpoint,
            tag,
            events,
            shared: Arc::clone(&shared),
            connection: None,
            pause: SHORTEST_PAUSE,
        };
        let builder = thread::Builder::new().name("fluent-forward".into()).stack_size(256 * 1024);
        let thread = builder.spawn(move || shipping.run())?;
        Ok(Self { queue: Some(queue), shared, thread: Some(thread) })
    }

    /// Hands an event over. Never waits: where the queue is full, the event is counted as lost.
    pub fn send(&self, event: Event) {
        let Some(queue) = &self.queue else { return };
        if let Err(TrySendError::Full(_)) = queue.try_send(event) {
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

/// The thread's side.
struct Shipping {
    endpoint: Endpoint,
    tag: String,
    events: Receiver<Event>,
    shared: Arc<Shared>,
    connection: Option<Connection>,
    pause: Duration,
}

impl Shipping {
    fn run(mut self) {
        while let Ok(first) = self.events.recv() {
            let mut batch = vec![first];
            batch.extend(self.events.try_iter().take(BATCH - 1));
            batch.extend(self.confession(&batch));
            if !self.deliver(&batch) {
                return;
            }
        }
    }

    /// What the receiver is told of events that were lost.
    fn confession(&self, batch: &[Event]) -> Option<Event> {
        let lost = self.shared.lost.swap(0, Ordering::Relaxed);
        let time = batch.last().filter(|_| lost > 0)?.time;
        let message = format!("{lost} events were lost while no receiver took them");
        Some(Event { time, fields: vec![("level", "warn".into()), ("message", message)] })
    }

    /// Tries until the receiver has taken the batch; `false` where it is time to end.
    fn deliver(&mut self, batch: &[Event]) -> bool {
        let chunk = format!("{:032x}", fastrand::u128(..));
        let message = encode::message(&self.tag, batch, &chunk);
        loop {
            if self.try_once(&message, &chunk).is_ok() {
                self.pause = SHORTEST_PAUSE;
                return true;
            }
            self.connection = None;
            if self.shared.stop.load(Ordering::Relaxed) {
                return false;
            }
            // Whoever drops the forwarder ends the pause.
            thread::park_timeout(self.pause.mul_f64(0.5 + 0.5 * fastrand::f64()));
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn try_once(&mut self, message: &[u8], chunk: &str) -> std::io::Result<()> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(&self.endpoint)?,
        };
        self.connection.insert(connection).deliver(message, chunk)
    }
}
