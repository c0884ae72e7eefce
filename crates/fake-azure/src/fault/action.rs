//! What a rule does to an answer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::vault::access::Refusal;

/// What happens instead of, or to, the true answer.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Nothing: the true answer (late, if the rule says so).
    #[default]
    Pass,
    /// This answer.
    Answer {
        /// The status.
        status: u16,
        /// Further headers; one here replaces the true answer's.
        #[serde(default)]
        headers: BTreeMap<String, String>,
        /// The body. Without one, Azure's own document for this status, where it has one.
        #[serde(default)]
        body: Option<String>,
        /// The body in base64, for what is no text; wins over `body`.
        #[serde(default)]
        body_base64: Option<String>,
    },
    /// A vault's 403 with this inner error.
    Refuse(Refusal),
    /// The true answer after an RFC 7396 merge patch: members replaced, added, or with `null`
    /// removed.
    Patch(Value),
    /// The connection ends without an answer.
    Close,
    /// No answer, and the connection stays.
    Hang,
    /// The true answer with its true length announced, but the connection ends after so many
    /// bytes of the body.
    Truncate {
        /// Bytes that arrive.
        after: usize,
    },
    /// The true answer's status with a body of this many bytes, an unfinished JSON string.
    Oversize {
        /// Bytes in the body.
        bytes: usize,
    },
    /// A page for people, as captive portals and gateways answer.
    Html {
        /// The status.
        #[serde(default = "ok")]
        status: u16,
    },
    /// A redirect.
    Redirect {
        /// The status.
        #[serde(default = "found")]
        status: u16,
        /// Where to.
        location: String,
    },
    /// These bytes on the connection, whether or not they are HTTP, and then its end. Not for
    /// the proxy.
    Raw(Raw),
    /// The true answer, a few bytes at a time.
    Drip {
        /// Bytes at a time.
        #[serde(default = "one")]
        bytes: usize,
        /// Milliseconds between.
        every_ms: u64,
    },
}

/// Bytes in place of an answer.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Raw {
    /// The bytes, if they are text.
    pub text: String,
    /// The bytes in base64; wins over `text`.
    pub base64: Option<String>,
    /// How many at a time; 0 is all at once.
    pub bytes: usize,
    /// Milliseconds between.
    pub every_ms: u64,
    /// Whether the connection then stays until the client ends it.
    pub hold: bool,
}

impl Action {
    /// This text on the connection, and then its end.
    #[must_use]
    pub fn raw(text: &str) -> Self {
        Self::Raw(Raw { text: text.to_owned(), ..Raw::default() })
    }

    /// An answer of this status with Azure's own document.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::Answer { status, headers: BTreeMap::new(), body: None, body_base64: None }
    }

    /// An answer of this status with this body.
    #[must_use]
    pub fn body(status: u16, body: &str) -> Self {
        let body = Some(body.to_owned());
        Self::Answer { status, headers: BTreeMap::new(), body, body_base64: None }
    }

    /// The answer with one more header; any other action as it is.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.insert(name.to_owned(), value.to_owned());
        }
        self
    }
}

fn ok() -> u16 {
    200
}

fn found() -> u16 {
    302
}

fn one() -> usize {
    1
}
