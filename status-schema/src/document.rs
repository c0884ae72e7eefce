//! The shape that all of the agent's documents share: a JSON array of which element 0 counts.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Why one of the guest agent's documents cannot be used. Each variant names the document.
#[derive(Debug)]
pub enum DocumentError {
    /// The file holds nothing but white space.
    Empty {
        /// What the document is, in the agent's words.
        document: &'static str,
    },
    /// Not JSON at all: truncated, wrong encoding, nested too deeply.
    Syntax {
        /// What the document is, in the agent's words.
        document: &'static str,
        /// Where and why the parser stopped.
        source: serde_json::Error,
    },
    /// JSON, but not a non-empty array of objects.
    NotAnArray {
        /// What the document is, in the agent's words.
        document: &'static str,
        /// What stands there instead.
        found: &'static str,
    },
    /// A key is missing or holds something of the wrong kind.
    Content {
        /// What the document is, in the agent's words.
        document: &'static str,
        /// Which key, and what was expected.
        problem: String,
    },
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty { document } => write!(f, "{document} is empty"),
            Self::Syntax { document, source } => write!(f, "{document} is not JSON: {source}"),
            Self::NotAnArray { document, found } => {
                write!(f, "{document} must be an array with one object, but is {found}")
            }
            Self::Content { document, problem } => write!(f, "{document}: {problem}"),
        }
    }
}

impl std::error::Error for DocumentError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Syntax { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// Reads `bytes` as `[T, …]` and gives element 0; the agent itself never looks at another one.
pub(crate) fn parse_first<T: DeserializeOwned>(
    document: &'static str,
    bytes: &[u8],
) -> Result<T, DocumentError> {
    let elements = match parse_value(document, bytes)? {
        Value::Array(elements) => elements,
        other => return Err(DocumentError::NotAnArray { document, found: kind(&other) }),
    };
    match elements.into_iter().next() {
        Some(first @ Value::Object(_)) => serde_json::from_value(first)
            .map_err(|error| DocumentError::Content { document, problem: error.to_string() }),
        Some(_) => Err(DocumentError::NotAnArray { document, found: "an array of something else" }),
        None => Err(DocumentError::NotAnArray { document, found: "an empty array" }),
    }
}

/// Reads any JSON value, telling an empty file from a broken one.
pub(crate) fn parse_value(document: &'static str, bytes: &[u8]) -> Result<Value, DocumentError> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(DocumentError::Empty { document });
    }
    serde_json::from_slice(bytes).map_err(|source| DocumentError::Syntax { document, source })
}

/// Prints `[element]`.
pub(crate) fn print_one<T: Serialize>(element: &T) -> Vec<u8> {
    // Strings, numbers and lists of them under fixed keys always have a JSON form, and a Vec
    // takes every write, so the error cannot occur; were it to, an empty file is refused loudly.
    serde_json::to_vec(&[element]).unwrap_or_default()
}

/// `bytes` without the UTF-8 byte order mark that editors on Windows leave in hand-made files.
pub(crate) fn without_byte_order_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)
}

/// What kind of JSON value this is, with its article.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(bytes: &[u8]) -> String {
        parse_first::<Value>("N.status", bytes).unwrap_err().to_string()
    }

    #[test]
    fn element_0_is_read_and_the_rest_ignored() {
        let first: Value = parse_first("N.status", b"[{\"a\": 1}, {\"a\": 2}]").unwrap();
        assert_eq!(first, serde_json::json!({"a": 1}));
    }

    #[test]
    fn every_wrong_shape_has_its_own_sentence() {
        assert_eq!(refusal(b""), "N.status is empty");
        assert_eq!(refusal(b" \n"), "N.status is empty");
        assert!(refusal(b"[{").starts_with("N.status is not JSON: EOF"));
        assert!(refusal(b"\xFF\xFE").starts_with("N.status is not JSON"));
        let shape = "N.status must be an array with one object, but is";
        assert_eq!(refusal(b"{}"), format!("{shape} an object"));
        assert_eq!(refusal(b"null"), format!("{shape} null"));
        assert_eq!(refusal(b"[]"), format!("{shape} an empty array"));
        assert_eq!(refusal(b"[1]"), format!("{shape} an array of something else"));
    }

    #[test]
    fn a_document_nested_too_deeply_is_an_error_not_a_crash() {
        let deep = [b'['; 100_000];
        assert!(refusal(&deep).contains("recursion limit exceeded"));
    }

    #[test]
    fn the_cause_of_a_syntax_error_is_kept() {
        let error = parse_value("N.status", b"{").unwrap_err();
        assert!(std::error::Error::source(&error).is_some());
    }
}
