//! Actions carried out, as far as plain values go: what is sent, and how.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::action::{Action, Raw};
use crate::exchange::{Answer, Place};

/// How an answer reaches the client.
#[derive(Debug)]
pub(crate) enum Delivery {
    /// At once.
    Whole(Answer),
    /// Only so many bytes of the announced body.
    Cut(Answer, usize),
    /// So many bytes of the body at a time.
    Drip(Answer, usize, Duration),
    /// Not at all, but these bytes instead.
    Raw(Vec<u8>, Raw),
    /// Not at all, and the connection ends.
    Close,
    /// Not at all, and the connection stays.
    Hang,
}

impl Delivery {
    /// The status that the client sees, if it sees one.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Whole(answer) | Self::Cut(answer, _) | Self::Drip(answer, ..) => {
                Some(answer.status)
            }
            Self::Raw(..) | Self::Close | Self::Hang => None,
        }
    }
}

/// What becomes of the true answer. `place` decides in whose words Azure's errors are.
pub(crate) fn spoil(action: Action, answer: Answer, place: Place) -> Delivery {
    match action {
        Action::Close => Delivery::Close,
        Action::Hang => Delivery::Hang,
        Action::Truncate { after } => Delivery::Cut(answer, after),
        Action::Drip { bytes, every_ms } => {
            Delivery::Drip(answer, bytes.max(1), Duration::from_millis(every_ms))
        }
        Action::Raw(raw) => {
            let bytes = raw.base64.as_ref().map(|base64| bytes_of(base64));
            Delivery::Raw(bytes.unwrap_or_else(|| raw.text.clone().into_bytes()), raw)
        }
        other => Delivery::Whole(replaced(other, answer, place)),
    }
}

/// The answer that an action makes of the true one.
fn replaced(action: Action, mut answer: Answer, place: Place) -> Answer {
    match action {
        Action::Answer { status, headers, body, body_base64 } => {
            answer.status = status;
            answer.body = match (body_base64, body) {
                (Some(base64), _) => bytes_of(&base64),
                (None, Some(body)) => body.into_bytes(),
                (None, None) => document(status, place).to_string().into_bytes(),
            };
            for (name, value) in headers {
                replace_header(&mut answer, &name, value);
            }
        }
        Action::Refuse(refusal) => {
            let inner = json!({ "code": refusal.code() });
            let message = format!("{}: as the script says", refusal.code());
            let error = json!({ "code": "Forbidden", "message": message, "innererror": inner });
            answer.status = 403;
            answer.body = json!({ "error": error }).to_string().into_bytes();
        }
        Action::Patch(patch) => {
            let mut document = serde_json::from_slice(&answer.body).unwrap_or_default();
            merge(&mut document, patch);
            answer.body = document.to_string().into_bytes();
        }
        Action::Oversize { bytes } => {
            let begin = b"{\"value\":\"".iter().copied();
            answer.body = begin.chain(std::iter::repeat(b'A')).take(bytes).collect();
        }
        Action::Html { status } => {
            answer.status = status;
            answer.body = PAGE.into();
            replace_header(&mut answer, "Content-Type", "text/html; charset=utf-8".to_owned());
        }
        Action::Redirect { status, location } => {
            answer.status = status;
            answer.body = Vec::new();
            replace_header(&mut answer, "Location", location);
        }
        // These leave the answer as it is: the connection is where they act.
        Action::Pass
        | Action::Close
        | Action::Hang
        | Action::Truncate { .. }
        | Action::Drip { .. }
        | Action::Raw(_) => {}
    }
    answer
}

/// What is no base64 is no bytes at all.
fn bytes_of(base64: &str) -> Vec<u8> {
    STANDARD.decode(base64).unwrap_or_default()
}

const PAGE: &str = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head>\n\
                    <body><h1>Welcome to the network</h1></body></html>\n";

fn replace_header(answer: &mut Answer, name: &str, value: String) {
    answer.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    answer.headers.push((name.to_owned(), value));
}

/// What Azure says with this status, in the words of who says it.
fn document(status: u16, place: Place) -> Value {
    let (code, message) = match status {
        404 => ("NotFound", "Not found"),
        409 => ("Conflict", "The operation conflicts with another one"),
        410 => ("Gone", "The service is being updated, try again within 70 seconds"),
        429 => ("Throttled", "Request was not processed because too many requests were received"),
        500 => ("InternalServerError", "An unexpected error occurred"),
        503 => ("ServiceUnavailable", "The service is temporarily unavailable"),
        _ => ("Unexpected", "The script says so"),
    };
    match place {
        Place::Vault | Place::Proxy => json!({ "error": { "code": code, "message": message } }),
        Place::Imds | Place::Arc => json!({ "error": code, "error_description": message }),
    }
}

/// RFC 7396.
fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(members) = target else { return };
    for (name, value) in patch {
        if value.is_null() {
            members.remove(&name);
        } else {
            merge(members.entry(name).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(action: Action) -> Answer {
        let truth = Answer::json(200, &json!({ "id": "a", "attributes": { "enabled": true } }));
        match spoil(action, truth, Place::Vault) {
            Delivery::Whole(answer) => answer,
            other => panic!("not whole: {other:?}"),
        }
    }

    #[test]
    fn a_patch_replaces_adds_and_removes() {
        let patch = json!({ "id": null, "attributes": { "enabled": false }, "x": 1 });
        let body: Value = serde_json::from_slice(&whole(Action::Patch(patch)).body).unwrap();
        assert_eq!(body, json!({ "attributes": { "enabled": false }, "x": 1 }));
    }

    #[test]
    fn an_answer_without_a_body_has_azures_document() {
        let body: Value = serde_json::from_slice(&whole(Action::status(429)).body).unwrap();
        assert_eq!(body["error"]["code"], "Throttled");
    }

    #[test]
    fn a_scripted_header_replaces_the_true_one() {
        let answer = whole(Action::body(200, "x").header("content-type", "text/plain"));
        let types =
            answer.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        assert_eq!(types.map(|(_, value)| value.as_str()).collect::<Vec<_>>(), ["text/plain"]);
    }

    #[test]
    fn an_oversized_body_has_the_size_asked_for() {
        assert_eq!(whole(Action::Oversize { bytes: 5_000_000 }).body.len(), 5_000_000);
    }
}
