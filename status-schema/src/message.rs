//! `formattedMessage`, which status, substatus and heartbeat share.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// The agent reports every message as en-US, whatever stands here; the key must be there.
const LANGUAGE: &str = "en-US";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FormattedMessage<'a> {
    lang: Cow<'a, str>,
    pub(crate) message: Cow<'a, str>,
}

impl<'a> FormattedMessage<'a> {
    pub(crate) fn new(text: &'a str, fallback: &'static str) -> Self {
        Self { lang: Cow::Borrowed(LANGUAGE), message: printable(text, fallback) }
    }
}

/// `text` fit for a report. In a large status file the agent loses the report of the whole
/// machine over one missing message or name (exthandlers.py:2418), so a blank one becomes
/// `fallback`; control characters, which not every reader on the way accepts even when escaped,
/// become spaces.
pub(crate) fn printable<'a>(text: &'a str, fallback: &'static str) -> Cow<'a, str> {
    let unprintable = |c: char| c.is_control() && c != '\n' && c != '\t';
    if text.trim().is_empty() {
        Cow::Borrowed(fallback)
    } else if text.contains(unprintable) {
        Cow::Owned(text.replace(unprintable, " "))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blank_text_becomes_the_fallback() {
        assert_eq!(printable(" \n", "nothing said"), "nothing said");
    }

    #[test]
    fn control_characters_become_spaces_but_lines_stay() {
        assert_eq!(printable("a\u{0}b\u{1b}[1m\nc\té", "-"), "a b [1m\nc\té");
    }
}
