//! Signals that processes understand as "read your files again", or as "end".

use std::error::Error;
use std::fmt;

/// Names as in signal(7), each with what the system calls take. Those that nobody can handle (KILL,
/// STOP) and those that report a fault (SEGV, …) say nothing about a certificate.
const SIGNALS: [(&str, rustix::process::Signal); 7] = [
    ("HUP", rustix::process::Signal::HUP),
    ("INT", rustix::process::Signal::INT),
    ("QUIT", rustix::process::Signal::QUIT),
    ("TERM", rustix::process::Signal::TERM),
    ("USR1", rustix::process::Signal::USR1),
    ("USR2", rustix::process::Signal::USR2),
    ("WINCH", rustix::process::Signal::WINCH),
];

/// A signal that may follow a new certificate: HUP, INT, QUIT, TERM, USR1, USR2 or WINCH, written
/// with or without `SIG`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signal {
    name: &'static str,
}

impl Signal {
    /// As the system calls take it. Every signal is made of the table, so it is found there.
    pub(crate) fn raw(self) -> rustix::process::Signal {
        let known = SIGNALS.iter().find(|(name, _)| *name == self.name);
        known.map_or(rustix::process::Signal::HUP, |(_, raw)| *raw)
    }
}

impl Signal {
    /// A name of signal(7), in upper case, with or without `SIG`.
    ///
    /// # Errors
    /// Where it is another.
    pub fn parse(text: &str) -> Result<Self, NotASignal> {
        let bare = text.strip_prefix("SIG").unwrap_or(text);
        let known = SIGNALS.iter().find(|(name, _)| *name == bare);
        known.map(|(name, _)| Self { name }).ok_or_else(|| NotASignal { text: text.to_owned() })
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SIG{}", self.name)
    }
}

/// Not a [`Signal`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotASignal {
    text: String,
}

impl fmt::Display for NotASignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = SIGNALS.map(|(name, _)| format!("SIG{name}")).join(", ");
        write!(f, "{:?} is not a signal that can be sent; there are {names}", self.text)
    }
}

impl Error for NotASignal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_written_with_or_without_its_beginning() {
        let hangup = Signal::parse("HUP").unwrap();
        assert_eq!(Signal::parse("SIGHUP"), Ok(hangup));
        assert_eq!((hangup.to_string().as_str(), hangup.raw()), ("SIGHUP", SIGNALS[0].1));
        assert_eq!(Signal::parse("USR2").unwrap().raw(), rustix::process::Signal::USR2);
    }

    #[test]
    fn what_cannot_be_handled_is_no_message() {
        for text in ["KILL", "SIGSTOP", "9", "hup", "", "SIGSIGHUP"] {
            let said = Signal::parse(text).unwrap_err().to_string();
            assert!(said.starts_with(&format!("{text:?} is not a signal that can be sent")));
            assert!(said.contains("SIGHUP, SIGINT"));
        }
    }
}
