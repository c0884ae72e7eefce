//! Waiting for what another process does.

use std::thread;
use std::time::{Duration, Instant};

/// Longer than anything here takes on a busy machine. Only a test that fails waits that long.
pub const LONG: Duration = Duration::from_secs(60);

/// Looks until there is something to see.
///
/// # Panics
/// Where nothing has come after [`LONG`].
#[track_caller]
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LONG;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < deadline, "not within {LONG:?}: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}
