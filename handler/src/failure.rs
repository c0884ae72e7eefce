//! Why a command fails, as the portal, the agent and a person are told.

use std::fmt;

use worker_state::StateError;

/// More than this of a sentence is never shown: the agent reads 3200 bytes of what a command
/// prints (WALinuxAgent 2.15, `ga/extensionprocessutil.py:142`).
const LONGEST_SENTENCE: usize = 3000;

/// Status codes, the same as the worker's: positive where the customer can mend it, negative where
/// it lies with this machine. `docs/status-codes.md` explains each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The settings cannot be served.
    SettingsRefused,
    /// Another extension, or a worker started by hand, is in the way.
    NotAlone,
    /// The worker could not be started or stopped.
    Worker,
    /// The state, run-time or status files could not be read or written.
    State,
}

impl Code {
    /// The number in statuses.
    #[must_use]
    pub fn number(self) -> i32 {
        match self {
            Self::SettingsRefused => 1,
            Self::NotAlone => 3,
            Self::Worker => -1,
            Self::State => -31,
        }
    }
}

/// A command has failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The kind of failure.
    pub code: Code,
    /// What is wrong and what to do.
    pub sentence: String,
    /// Whether the status already tells it, because the worker published it; or must not, because
    /// it is another command's to write.
    pub told: bool,
}

impl Failure {
    pub(crate) fn new(code: Code, sentence: impl Into<String>) -> Self {
        Self { code, sentence: shortened(sentence.into()), told: false }
    }

    /// A failure of this machine's to keep our files.
    pub(crate) fn of_state(error: &dyn fmt::Display) -> Self {
        Self::new(Code::State, error.to_string())
    }

    /// A failure to start or stop the worker, with the whole chain of causes.
    pub(crate) fn of_worker(error: &anyhow::Error) -> Self {
        Self::new(Code::Worker, chain(error))
    }

    /// A failure to write the agent's files or the unit, likewise.
    pub(crate) fn of_files(error: &anyhow::Error) -> Self {
        Self::new(Code::State, chain(error))
    }

    pub(crate) fn told(self) -> Self {
        Self { told: true, ..self }
    }
}

/// An error and its causes, but for those whose words an error above them has taken over.
pub(crate) fn chain(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.ends_with(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Self {
        Self::of_state(&error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl std::error::Error for Failure {}

fn shortened(mut sentence: String) -> String {
    if sentence.len() > LONGEST_SENTENCE {
        let end = sentence.floor_char_boundary(LONGEST_SENTENCE);
        sentence.truncate(end);
        sentence.push('…');
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_explained() {
        let page = include_str!("../../docs/status-codes.md");
        for code in [Code::SettingsRefused, Code::NotAlone, Code::Worker, Code::State] {
            assert!(page.contains(&format!("| {} |", code.number())), "{code:?}");
        }
    }

    #[test]
    fn no_cause_is_said_twice() {
        let full = || std::io::Error::from_raw_os_error(28);
        let named =
            anyhow::Error::new(full()).context(format!("cannot write \"0.status\": {}", full()));
        assert_eq!(chain(&named).matches("No space left").count(), 1);
        let plain = anyhow::Error::new(full()).context("0.status");
        assert!(chain(&plain).starts_with("0.status: No space left"), "{}", chain(&plain));
    }

    #[test]
    fn a_long_sentence_is_cut_between_characters() {
        let failure = Failure::new(Code::SettingsRefused, "é".repeat(3000));
        assert_eq!(failure.sentence.chars().count(), 1501);
        assert!(failure.sentence.ends_with("é…"));
    }
}
