//! The sequence number: which `N.settings` counts, and which `N.status` the agent will read.

use std::fmt;
use std::time::SystemTime;

/// The number of one set of settings. It comes from the goal state and may go down or be used
/// again (exthandlers.py:1785), so two of them can be compared for equality only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SequenceNumber(u64);

/// Why there is no sequence number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SequenceNumberError {
    /// The text is not a whole number.
    NotANumber(String),
    /// `ConfigSequenceNumber` was not given and the config folder holds no `N.settings`.
    NoSettingsFile,
}

impl SequenceNumber {
    /// The number itself as one.
    #[must_use]
    pub fn new(number: u64) -> Self {
        Self(number)
    }

    /// The plain number.
    #[must_use]
    pub fn value(self) -> u64 {
        self.0
    }

    /// Reads a number in plain digits, white space around them ignored.
    ///
    /// # Errors
    /// [`SequenceNumberError::NotANumber`] for everything else.
    pub fn parse(text: &str) -> Result<Self, SequenceNumberError> {
        let digits = text.trim();
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(SequenceNumberError::NotANumber(text.to_owned()));
        }
        digits.parse().map(Self).map_err(|_| SequenceNumberError::NotANumber(text.to_owned()))
    }

    /// The number that the agent gave in `ConfigSequenceNumber`; where it gave none (Azure Arc, a
    /// call by hand), that of the newest `N.settings` in `listing`: pairs of file name and
    /// modification time. Never the highest number. Of several with the same time the highest
    /// number is taken, so that the choice is at least always the same.
    ///
    /// # Errors
    /// When the variable holds something else than a number, or neither source has one.
    pub fn choose<'a>(
        config_sequence_number: Option<&str>,
        listing: impl IntoIterator<Item = (&'a str, SystemTime)>,
    ) -> Result<Self, SequenceNumberError> {
        match config_sequence_number {
            Some(text) if !text.trim().is_empty() => Self::parse(text),
            _ => listing
                .into_iter()
                .filter_map(|(name, modified)| Some((modified, Self::of_settings_file(name)?.0)))
                .max()
                .map(|(_, number)| Self(number))
                .ok_or(SequenceNumberError::NoSettingsFile),
        }
    }

    /// `N.settings`.
    #[must_use]
    pub fn settings_file_name(self) -> String {
        format!("{}.settings", self.0)
    }

    /// `N.status`.
    #[must_use]
    pub fn status_file_name(self) -> String {
        format!("{}.status", self.0)
    }

    /// `None` for every name that [`Self::settings_file_name`] would not give, `007.settings` say:
    /// what is chosen must be found again.
    fn of_settings_file(name: &str) -> Option<Self> {
        let number = Self::parse(name.strip_suffix(".settings")?).ok()?;
        (number.settings_file_name() == name).then_some(number)
    }
}

impl fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for SequenceNumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotANumber(text) => {
                write!(f, "not a sequence number: \"{}\"", text.escape_debug())
            }
            Self::NoSettingsFile => f.write_str(
                "ConfigSequenceNumber is not set and the config folder holds no N.settings file",
            ),
        }
    }
}

impl std::error::Error for SequenceNumberError {}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn the_agents_number_wins_over_every_file() {
        let chosen = SequenceNumber::choose(Some(" 2 "), [("9.settings", at(9))]);
        assert_eq!(chosen, Ok(SequenceNumber(2)));
    }

    #[test]
    fn without_a_number_the_newest_file_counts_not_the_highest() {
        let listing = [("7.settings", at(10)), ("3.settings", at(20)), ("5.settings", at(15))];
        assert_eq!(SequenceNumber::choose(None, listing), Ok(SequenceNumber(3)));
        assert_eq!(SequenceNumber::choose(Some(""), listing), Ok(SequenceNumber(3)));
    }

    #[test]
    fn files_of_one_moment_are_told_apart_by_number() {
        let listing = [("9.settings", at(1)), ("10.settings", at(1))];
        assert_eq!(SequenceNumber::choose(None, listing), Ok(SequenceNumber(10)));
    }

    #[test]
    fn other_files_are_no_settings() {
        let names = ["HandlerState", "1.status", ".settings", "-1.settings", "01.settings"];
        let more =
            ["web.1.settings", " 1.settings", "1.settings.tmp", "99999999999999999999.settings"];
        let listing = names.into_iter().chain(more).map(|name| (name, at(1)));
        assert_eq!(SequenceNumber::choose(None, listing), Err(SequenceNumberError::NoSettingsFile));
    }

    #[test]
    fn what_is_not_a_number_is_quoted() {
        for text in ["-1", "+1", "1.0", "one", "99999999999999999999"] {
            let refusal = SequenceNumber::choose(Some(text), []).unwrap_err();
            assert_eq!(refusal.to_string(), format!("not a sequence number: \"{text}\""));
        }
    }

    #[test]
    fn the_files_are_named_by_the_number() {
        let number = SequenceNumber::new(12);
        assert_eq!(number.settings_file_name(), "12.settings");
        assert_eq!(number.status_file_name(), "12.status");
        assert_eq!(number.to_string(), "12");
    }
}
