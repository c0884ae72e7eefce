//! The vault's documents, in the shapes of recorded answers.

use serde_json::{Map, Value, json};

use super::store::{Attributes, Secret, Version};
use crate::exchange::{Answer, Asked};
use crate::identity::TENANT;

/// A secret with its value.
pub(crate) fn secret(asked: &Asked, secret: &Secret, version: &Version) -> Answer {
    let mut document = Map::new();
    document.insert("value".to_owned(), Value::from(&*version.value));
    describe(&mut document, asked, secret, version, true);
    if version.managed {
        let key = format!("{}/keys/{}/{}", base(asked), secret.name, version.id);
        document.insert("kid".to_owned(), key.into());
    }
    Answer::json(200, &Value::Object(document))
}

/// Some of the items of a list.
pub(crate) struct Page {
    skip: usize,
    limit: usize,
    versions: bool,
}

impl Page {
    /// At most 25 items, which is also the most that may be asked for. The token in a link to
    /// the next page is opaque; this one is a number.
    pub(crate) fn asked(asked: &Asked, versions: bool) -> Self {
        let number = |name| asked.parameter(name).and_then(|text| text.parse().ok());
        let limit = number("maxresults").unwrap_or(25).clamp(1, 25);
        Self { skip: number("$skiptoken").unwrap_or(0), limit, versions }
    }

    /// The page of these items, each a version of a secret.
    pub(crate) fn answer(&self, asked: &Asked, items: Vec<(&Secret, &Version)>) -> Answer {
        let shown = items.iter().skip(self.skip).take(self.limit);
        let item = |(secret, version): &(&Secret, &Version)| self.item(asked, secret, version);
        let value: Vec<Value> = shown.map(item).collect();
        let end = self.skip + self.limit;
        let next = (end < items.len()).then(|| self.next(asked, end));
        Answer::json(200, &json!({ "value": value, "nextLink": next }))
    }

    fn item(&self, asked: &Asked, secret: &Secret, version: &Version) -> Value {
        let mut document = Map::new();
        describe(&mut document, asked, secret, version, self.versions);
        Value::Object(document)
    }

    /// Key Vault writes the port into this link, and only there.
    fn next(&self, asked: &Asked, skip: usize) -> String {
        let api = asked.parameter("api-version").unwrap_or_default();
        let port = if has_port(&asked.host) { "" } else { ":443" };
        let (host, path, limit) = (&asked.host, &asked.path, self.limit);
        format!("https://{host}{port}{path}?api-version={api}&$skiptoken={skip}&maxresults={limit}")
    }
}

/// What a secret and an item of a list have in common.
fn describe(
    document: &mut Map<String, Value>,
    asked: &Asked,
    secret: &Secret,
    version: &Version,
    with_version: bool,
) {
    if let Some(content_type) = &version.content_type {
        document.insert("contentType".to_owned(), content_type.as_str().into());
    }
    let mut id = format!("{}/secrets/{}", base(asked), secret.name);
    if with_version {
        id = format!("{id}/{}", version.id);
    }
    document.insert("id".to_owned(), id.into());
    if version.managed {
        document.insert("managed".to_owned(), true.into());
    }
    document.insert("attributes".to_owned(), attributes(&version.attributes));
}

fn attributes(of: &Attributes) -> Value {
    let mut document = Map::new();
    document.insert("enabled".to_owned(), of.enabled.into());
    for (name, time) in [("nbf", of.nbf), ("exp", of.exp)] {
        if let Some(time) = time {
            document.insert(name.to_owned(), time.into());
        }
    }
    document.insert("created".to_owned(), of.created.into());
    document.insert("updated".to_owned(), of.updated.into());
    document.insert("recoveryLevel".to_owned(), "Recoverable+Purgeable".into());
    document.insert("recoverableDays".to_owned(), 90.into());
    Value::Object(document)
}

/// The vault's own URL: as it was asked, without the port that https has anyway.
fn base(asked: &Asked) -> String {
    format!("https://{}", asked.host.strip_suffix(":443").unwrap_or(&asked.host))
}

fn has_port(authority: &str) -> bool {
    authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok())
}

/// 401 with the challenge.
pub(crate) fn unauthorized(resource: &str, message: String) -> Answer {
    let authority = format!("https://login.microsoftonline.com/{TENANT}");
    let challenge = format!("Bearer authorization=\"{authority}\", resource=\"{resource}\"");
    failure(401, "Unauthorized", &message, None).with("WWW-Authenticate", challenge)
}

/// 404 for a secret or a version that is not there.
pub(crate) fn missing(what: &str) -> Answer {
    let what = what.trim_end_matches('/');
    let message = format!(
        "A secret with (name/id) {what} was not found in this key vault. If you recently deleted \
         this secret you may be able to recover it using the correct recovery command. For help \
         resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182"
    );
    failure(404, "SecretNotFound", &message, None)
}

/// 403 for a version that is disabled.
pub(crate) fn disabled() -> Answer {
    forbidden("SecretDisabled", "Operation get is not allowed on a disabled secret.")
}

/// 403 with an inner code.
pub(crate) fn forbidden(inner: &str, message: &str) -> Answer {
    failure(403, "Forbidden", message, Some(inner))
}

/// Any failure.
pub(crate) fn failure(status: u16, code: &str, message: &str, inner: Option<&str>) -> Answer {
    let mut error = json!({ "code": code, "message": message });
    if let Some(inner) = inner {
        error["innererror"] = json!({ "code": inner });
    }
    Answer::json(status, &json!({ "error": error }))
}
