//! A secret as a vault hands it out.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use object_id::{ObjectId, VaultSuffixes};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::json_text::JsonText;

/// One version of a secret. Its value cannot be printed and is wiped on drop.
pub struct Secret {
    /// The value: for a certificate, PEM or the base64 of PKCS#12.
    pub value: Zeroizing<String>,
    /// What the value is said to be, like `application/x-pkcs12`.
    pub content_type: Option<String>,
    /// The version it is, whether or not one was asked for: 32 letters and digits in lower case.
    pub version: String,
    /// Whether and when it is to be used.
    pub attributes: Attributes,
}

/// Whether and when a secret is to be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// Not switched off.
    pub enabled: bool,
    /// Not to be used before.
    pub not_before: Option<SystemTime>,
    /// Not to be used from then on.
    pub expires: Option<SystemTime>,
}

/// Why an answer is not the secret that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum BadSecret {
    /// Not the JSON of a secret; where it stops being so.
    Json { line: usize, column: usize },
    /// The `id` is no secret's in this vault.
    Id,
    /// The `id` has no version.
    NoVersion,
    /// The `id` is another secret's or another version's.
    Other,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    value: JsonText<'a>,
    #[serde(rename = "contentType")]
    content_type: Option<String>,
    id: String,
    #[serde(default)]
    attributes: AttributesBody,
}

#[derive(Default, Deserialize)]
struct AttributesBody {
    enabled: Option<bool>,
    nbf: Option<u64>,
    exp: Option<u64>,
}

impl Secret {
    /// Takes the body, where it is the secret that was asked for.
    pub(super) fn read(asked: &ObjectId, body: &mut Zeroizing<Vec<u8>>) -> Result<Self, BadSecret> {
        // Only the place is kept of serde's message, which may quote the body.
        let read: Body<'_> = serde_json::from_slice(body)
            .map_err(|error| BadSecret::Json { line: error.line(), column: error.column() })?;
        let version = version(asked, &read.id)?;
        let date = |seconds: Option<u64>| {
            seconds.and_then(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds)))
        };
        let attributes = Attributes {
            enabled: read.attributes.enabled.unwrap_or(true),
            not_before: date(read.attributes.nbf),
            expires: date(read.attributes.exp),
        };
        let content_type = read.content_type;
        let place = read.value.place(body);
        let value = place.take(body).ok_or(BadSecret::Json { line: 1, column: 1 })?;
        Ok(Self { value, content_type, version, attributes })
    }
}

/// The version in the answer's `id`, which must be the secret that was asked for.
fn version(asked: &ObjectId, answered: &str) -> Result<String, BadSecret> {
    // Only this very vault may be named.
    let suffixes = VaultSuffixes::known().allow(asked.vault().host()).unwrap_or_default();
    let id = ObjectId::parse(answered, &suffixes).map_err(|_| BadSecret::Id)?;
    let Some(version) = id.version() else {
        return Err(BadSecret::NoVersion);
    };
    let is_asked = id.unversioned() == asked.unversioned()
        && asked.version().is_none_or(|wanted| wanted == version);
    if is_asked { Ok(version.to_owned()) } else { Err(BadSecret::Other) }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret")
            .field("content_type", &self.content_type)
            .field("version", &self.version)
            .field("attributes", &self.attributes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod invariants;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const V1: &str = "c07d36bb5b0f4a5d9f4c1f5b0e3a7d21";
    const V2: &str = "d07d36bb5b0f4a5d9f4c1f5b0e3a7d21";

    fn id(text: &str) -> ObjectId {
        let suffixes = VaultSuffixes::known().allow("localhost:8443").unwrap();
        ObjectId::parse(text, &suffixes).unwrap()
    }

    fn read(asked: &str, body: &str) -> Result<Secret, BadSecret> {
        Secret::read(&id(asked), &mut Zeroizing::new(body.as_bytes().to_vec()))
    }

    #[test]
    fn a_recorded_answer_is_read() {
        let body = format!(
            r#"{{"value":"MIIK","contentType":"application/x-pkcs12","id":"https://abc.vault.azure.net/secrets/Web/{V1}",
            "managed":true,"attributes":{{"enabled":true,"nbf":1700000000,"exp":1731536000,"created":1,"updated":1700000001,
            "recoveryLevel":"CustomizedRecoverable+Purgeable","recoverableDays":7}},"kid":"https://abc.vault.azure.net/keys/Web/{V1}",
            "tags":{{"a":"b"}}}}"#
        );
        let secret = read("https://abc.vault.azure.net/secrets/web", &body).unwrap();
        assert_eq!(secret.value.as_str(), "MIIK");
        assert_eq!(secret.version, V1);
        assert!(secret.attributes.enabled);
        assert_eq!(
            secret.attributes.expires,
            Some(UNIX_EPOCH + Duration::from_secs(1_731_536_000))
        );
        assert!(!format!("{secret:?}").contains("MIIK"));
    }

    #[test]
    fn a_plain_secret_has_few_fields() {
        let body = format!(r#"{{"value":"","id":"https://localhost:8443/secrets/x/{V1}/"}}"#);
        let secret = read("https://localhost:8443/secrets/x", &body).unwrap();
        assert!(secret.attributes.enabled);
        assert_eq!(secret.content_type, None);
    }

    #[test]
    fn an_answer_about_something_else_is_refused() {
        let asked = format!("https://abc.vault.azure.net/secrets/x/{V1}");
        for (id, bad) in [
            (format!("https://abc.vault.azure.net/secrets/x/{V2}"), BadSecret::Other),
            (format!("https://abc.vault.azure.net/secrets/y/{V1}"), BadSecret::Other),
            (format!("https://abd.vault.azure.net/secrets/x/{V1}"), BadSecret::Other),
            (format!("https://abc.vault.azure.net/keys/x/{V1}"), BadSecret::Other),
            (format!("https://abc.example.net/secrets/x/{V1}"), BadSecret::Id),
            (format!("http://abc.vault.azure.net/secrets/x/{V1}"), BadSecret::Id),
            ("https://abc.vault.azure.net/secrets/x/../../etc".into(), BadSecret::Id),
            ("https://abc.vault.azure.net/secrets/x".into(), BadSecret::NoVersion),
            (String::new(), BadSecret::Id),
        ] {
            let body = format!(r#"{{"value":"v","id":"{id}"}}"#);
            assert_eq!(read(&asked, &body).unwrap_err(), bad, "{id}");
        }
    }

    #[test]
    fn json_of_another_shape_is_refused_without_quoting_it() {
        let id = format!(r#""id":"https://abc.vault.azure.net/secrets/x/{V1}""#);
        for body in [
            String::new(),
            "null".into(),
            "[]".into(),
            format!("{{{id}}}"),
            format!(r#"{{"value":null,{id}}}"#),
            format!(r#"{{"value":7,{id}}}"#),
            format!(r#"{{"value":"a","value":"b",{id}}}"#),
            format!(r#"{{"value":"a",{id},"attributes":{{"enabled":"hunter2"}}}}"#),
            format!(r#"{{"value":"a",{id},"attributes":[]}}"#),
            format!(r#"{{"value":"a",{id}"#),
            r#"{"value":"a"}"#.into(),
        ] {
            let error = read("https://abc.vault.azure.net/secrets/x", &body).unwrap_err();
            assert!(matches!(error, BadSecret::Json { .. }), "{body}");
            assert!(!format!("{error:?}").contains("hunter2"));
        }
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body in ".{0,80}") {
            invariants::hold(body.as_bytes());
            invariants::hold(format!(r#"{{"value":"a","id":{body:?}}}"#).as_bytes());
        }
    }
}
