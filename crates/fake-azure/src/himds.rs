//! Azure Arc's identity endpoint: a token only for who can read a file that it names.
//!
//! <https://learn.microsoft.com/azure/azure-arc/servers/managed-identity-authentication>

use std::time::SystemTime;

use serde_json::{Value, json};

use crate::arc_key::KeyFiles;
use crate::azure::Azure;
use crate::exchange::{Answer, Asked};
use crate::imds;
use crate::lock::locked;

/// Answers a request for a token: the challenge first, the token to its answer.
pub(crate) fn answer(azure: &Azure, asked: &Asked, now: SystemTime) -> Answer {
    if let Some(refusal) = imds::refusal(asked) {
        return refusal;
    }
    let mut keys = locked(&azure.arc_keys);
    let Some(keys) = keys.as_mut() else {
        return Answer::json(404, &json!({ "error": "Not found" }));
    };
    match asked.header("Authorization").and_then(|value| value.strip_prefix("Basic ")) {
        None => challenge(keys),
        Some(key) if keys.take(key) => echoed(asked, imds::token(azure, asked, now)),
        Some(_) => Answer::json(401, &json!({ "error": "unauthorized_client" })),
    }
}

/// The realm is a path, unquoted.
fn challenge(keys: &mut KeyFiles) -> Answer {
    match keys.create() {
        Ok(path) => Answer::json(401, &json!({ "error": "unauthorized_client" }))
            .with("WWW-Authenticate", format!("Basic realm={}", path.display())),
        Err(error) => Answer::json(500, &json!({ "error": error.to_string() })),
    }
}

/// An agent that knows user-assigned identities repeats the selector that it obeyed.
fn echoed(asked: &Asked, mut answer: Answer) -> Answer {
    for selector in ["client_id", "object_id", "msi_res_id"] {
        let Some(wanted) = asked.parameter(selector) else { continue };
        if let Ok(Value::Object(mut document)) = serde_json::from_slice(&answer.body)
            && answer.status == 200
        {
            document.insert(selector.to_owned(), wanted.into());
            answer.body = Value::Object(document).to_string().into_bytes();
        }
    }
    answer
}
