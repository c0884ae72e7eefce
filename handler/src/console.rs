//! What the commands print. The guest agent keeps it in `CommandExecution.log`, and shows the
//! beginning of it (3200 bytes) when a command fails.

use std::io::Write;

/// Takes the commands' lines.
pub trait Console {
    /// A line of progress.
    fn say(&self, line: &str);
    /// Why a command fails.
    fn complain(&self, line: &str);
}

/// Standard output and standard error. Where nobody listens any more, nothing is lost.
#[derive(Clone, Copy, Debug, Default)]
pub struct StandardStreams;

impl Console for StandardStreams {
    fn say(&self, line: &str) {
        let _ = writeln!(std::io::stdout(), "{line}");
    }

    fn complain(&self, line: &str) {
        let _ = writeln!(std::io::stderr(), "{line}");
    }
}
