//! The instance metadata service's token endpoint.
//!
//! What it does is documented at
//! <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>.

use std::time::SystemTime;

use serde_json::{Value, json};

use crate::azure::Azure;
use crate::clock::seconds;
use crate::exchange::{Answer, Asked};
use crate::identity::{Grant, Identity, IdentityKind};
use crate::lock::locked;

/// The one path.
pub(crate) const TOKEN_PATH: &str = "/metadata/identity/oauth2/token";

/// Answers a request for a token.
pub(crate) fn answer(azure: &Azure, asked: &Asked, now: SystemTime) -> Answer {
    match refusal(asked) {
        Some(refusal) => refusal,
        None => token(azure, asked, now),
    }
}

/// What does not even get to the identities.
pub(crate) fn refusal(asked: &Asked) -> Option<Answer> {
    if asked.absolute || asked.header("X-Forwarded-For").is_some() || asked.header("Via").is_some()
    {
        return Some(error("invalid_request", "Requests through a proxy are refused"));
    }
    if asked.header("Metadata").is_none_or(|value| !value.eq_ignore_ascii_case("true")) {
        return Some(error("bad_request_102", "Required metadata header not specified"));
    }
    if asked.path != TOKEN_PATH {
        return Some(Answer::json(404, &json!({ "error": "Not found" })));
    }
    if asked.method != "GET" {
        return Some(Answer::json(405, &json!({ "error": "Method not allowed" })));
    }
    if asked.parameter("api-version").is_none_or(|version| version < "2018-02-01") {
        let sentence = "Bad request. api-version is invalid or was not specified in the request.";
        let newest = ["2021-12-13", "2021-11-15", "2021-11-01"];
        return Some(Answer::json(400, &json!({ "error": sentence, "newest-versions": newest })));
    }
    if asked.parameter("resource").is_none_or(str::is_empty) {
        return Some(error("invalid_request", "Required query variable 'resource' is missing"));
    }
    None
}

/// The token itself, or why no identity was found.
pub(crate) fn token(azure: &Azure, asked: &Asked, now: SystemTime) -> Answer {
    let resource = asked.parameter("resource").unwrap_or_default();
    let identity = match chosen(&locked(&azure.identities), asked) {
        Ok(identity) => identity,
        Err(description) => return error("invalid_request", description),
    };
    let (token, grant) = locked(&azure.tokens).token(&identity, resource, now);
    let mut answer = Answer::json(200, &document(&token, &grant, now));
    answer.identity = Some(identity.name);
    answer
}

/// Every number is a string, as it is in Azure.
fn document(token: &str, grant: &Grant, now: SystemTime) -> Value {
    let left = grant.expires.saturating_sub(seconds(now));
    json!({
        "access_token": token,
        "client_id": grant.identity.client_id,
        "expires_in": left.to_string(),
        "expires_on": grant.expires.to_string(),
        "ext_expires_in": left.to_string(),
        "not_before": grant.issued.to_string(),
        "refresh_token": "",
        "resource": grant.resource,
        "token_type": "Bearer",
    })
}

/// The identity that the request names; without a name the machine's own, or the only one.
pub(crate) fn chosen(identities: &[Identity], asked: &Asked) -> Result<Identity, &'static str> {
    const UNKNOWN: &str = "Identity not found";
    const SEVERAL: &str = "Multiple user assigned identities exist, please specify the clientId \
                           / resourceId of the identity in the token request";
    type Id = fn(&Identity) -> &str;
    let selectors: [(&str, Id); 4] = [
        ("client_id", |identity| &identity.client_id),
        ("object_id", |identity| &identity.object_id),
        ("msi_res_id", |identity| &identity.resource_id),
        ("mi_res_id", |identity| &identity.resource_id),
    ];
    for (selector, id) in selectors {
        if let Some(wanted) = asked.parameter(selector) {
            let found = identities.iter().find(|known| id(known).eq_ignore_ascii_case(wanted));
            return found.cloned().ok_or(UNKNOWN);
        }
    }
    let own = identities.iter().find(|known| known.kind == IdentityKind::SystemAssigned);
    match (own, identities) {
        (Some(own), _) => Ok(own.clone()),
        (None, [only]) => Ok(only.clone()),
        (None, []) => Err(UNKNOWN),
        (None, _) => Err(SEVERAL),
    }
}

pub(crate) fn error(code: &str, description: &str) -> Answer {
    Answer::json(400, &json!({ "error": code, "error_description": description }))
}
