//! Signals that make a process read its files again.

use std::fmt;

use crate::field::{Field, word_for};
use crate::remark::Remarks;

/// A signal by which programs are told to read their files again (`signal(7)`). Those that end a
/// process at once (KILL) or stop it are not among them. `Display` prints the name without `SIG`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Signal {
    /// Hang-up: what most daemons reload at.
    Hup,
    /// Interrupt.
    Int,
    /// Quit: a graceful end for some.
    Quit,
    /// The first one free for programs: a graceful restart of Apache.
    Usr1,
    /// The second one free for programs: a reload of HAProxy's master.
    Usr2,
    /// Terminate: for a process that something else starts again.
    Term,
    /// Window size changed: a graceful stop of Apache and of nginx' workers.
    Winch,
}

const SIGNALS: [(&str, Signal); 14] = [
    ("HUP", Signal::Hup),
    ("INT", Signal::Int),
    ("QUIT", Signal::Quit),
    ("USR1", Signal::Usr1),
    ("USR2", Signal::Usr2),
    ("TERM", Signal::Term),
    ("WINCH", Signal::Winch),
    ("SIGHUP", Signal::Hup),
    ("SIGINT", Signal::Int),
    ("SIGQUIT", Signal::Quit),
    ("SIGUSR1", Signal::Usr1),
    ("SIGUSR2", Signal::Usr2),
    ("SIGTERM", Signal::Term),
    ("SIGWINCH", Signal::Winch),
];

impl Signal {
    pub(super) fn read(field: &Field, remarks: &mut Remarks) -> Option<Self> {
        let text = field.text(remarks)?;
        let known = SIGNALS.iter().find(|(name, _)| name.eq_ignore_ascii_case(&text));
        match known {
            Some((_, signal)) => Some(*signal),
            None => field.refuse("HUP, INT, QUIT, USR1, USR2, TERM or WINCH", remarks),
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(word_for(&SIGNALS, self))
    }
}
