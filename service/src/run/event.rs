//! What can happen while the loop waits.

use super::End;
use crate::item::News;

/// What can happen while the loop waits.
#[derive(Debug)]
pub(crate) enum Event {
    /// News from the pass that is under way, in the order in which it came.
    News(Vec<News>),
    /// It has ended.
    PassEnded,
    /// Somebody asks for a look now, at the assignment first (SIGHUP).
    Reload,
    /// The worker is to end: SIGTERM, SIGINT, a sandbox that no longer fits.
    End(End),
}
