//! Why a certificate could not be brought up to date: whose fault it is, when to try again, what
//! to tell people, and what to tell the log.

use std::error::Error;
use std::time::Duration;

use cert_store::StoreError;

use crate::code::Code;

/// When another try makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// Soon, then less and less often.
    Backoff,
    /// Not before the server's time has passed.
    After(Duration),
    /// Nothing will change by itself: at the next poll.
    NextPoll,
}

/// One failed try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// For machines, and whose fault it is by its sign.
    pub(crate) code: Code,
    /// When to try again.
    pub(crate) retry: Retry,
    /// A sentence for a status: the cause and the next step. Never a secret.
    pub(crate) public: String,
    /// The chain of causes, for the log only.
    pub(crate) causes: Vec<String>,
}

impl Failure {
    /// A failure that `error` tells of: its words become the public sentence, what lies below it
    /// goes to the log.
    pub(crate) fn of(error: &(dyn Error + 'static), code: Code, retry: Retry) -> Self {
        let mut causes = Vec::new();
        let mut below = error.source();
        while let Some(cause) = below {
            causes.push(one_line(&cause.to_string()));
            below = cause.source();
        }
        Self { code, retry, public: one_line(&error.to_string()), causes }
    }

    /// A failure with no error below it.
    pub(crate) fn plain(code: Code, retry: Retry, public: String) -> Self {
        Self { code, retry, public: one_line(&public), causes: Vec::new() }
    }
}

/// A failure of the store or of the outputs.
pub(crate) fn store_failure(error: &StoreError) -> Failure {
    let code = if error.is_customer() { Code::StorePath } else { Code::Disk };
    Failure::of(error, code, Retry::Backoff)
}

/// Words from outside must not be able to begin a line of the log.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_sentence_is_the_top_of_the_chain_and_the_log_gets_the_rest() {
        let low = std::io::Error::other("low");
        let high = std::io::Error::other(low);
        let failure = Failure::of(&high, Code::Disk, Retry::Backoff);
        assert_eq!((failure.public.as_str(), failure.causes.len()), ("low", 0));
    }

    #[test]
    fn a_sentence_stays_on_one_line() {
        let public = "a\nb\u{1b}[31m\r".to_owned();
        let failure = Failure::plain(Code::Disk, Retry::Backoff, public);
        assert_eq!(failure.public, "a b [31m ");
    }
}
