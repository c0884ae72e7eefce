//! Signals, as events of the loop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use crate::run::{End, Event};

/// A loop that is in the middle of something (writing a report to a slow disk, waiting for a processor
/// while dozens of threads decode) has so long to end by itself. Then the process ends as if nobody had
/// listened: every file is replaced atomically, so that a start after a kill is as good as any.
const PATIENCE: Duration = Duration::from_millis(20);

/// From now on SIGTERM and SIGINT ask the loop to stop, SIGHUP to look at everything anew. What is
/// returned becomes true before the former's event is sent: hundreds of others may wait in front of it.
///
/// # Errors
/// Where the handlers or their thread cannot be set up.
pub(crate) fn listen(events: Sender<Event>) -> std::io::Result<Arc<AtomicBool>> {
    let stops = Arc::new(AtomicBool::default());
    let told = Arc::clone(&stops);
    // A write beyond `ulimit -f` (systemd's LimitFSIZE=) fails with a reason then, and ends nothing.
    flag::register(SIGXFSZ, Arc::default())?;
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    let forward = move || {
        for signal in signals.forever() {
            let ends = signal != SIGHUP;
            told.fetch_or(ends, Ordering::Relaxed);
            let event = if ends { Event::End(End::Stop) } else { Event::Reload };
            if events.send(event).is_err() {
                return;
            }
            if ends {
                // Nothing ever comes: this waits.
                let (_keep, never) = channel::<()>();
                _ = never.recv_timeout(PATIENCE);
                _ = emulate_default_handler(signal);
            }
        }
    };
    std::thread::Builder::new().name("signals".into()).spawn(forward)?;
    Ok(stops)
}
