//! What a token endpoint answers when all is well.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::{Deserialize, Deserializer, Visitor};
use zeroize::Zeroizing;

use super::{AccessToken, IdentitySelector};

/// Tokens are given out for a day at most; a larger number is a mistake.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Where the answer does not say how long: long enough for a pass.
const UNKNOWN: Duration = Duration::from_secs(300);

/// A request with a longer header than this reaches no vault.
const LONGEST_TEXT: usize = 24 * 1024;

/// The body of a 200
/// ([acquire a token](https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token)).
#[derive(serde::Deserialize)]
pub(super) struct TokenAnswer {
    access_token: Zeroizing<String>,
    token_type: Option<String>,
    #[serde(default)]
    expires_in: Number,
    #[serde(default)]
    expires_on: Number,
    client_id: Option<String>,
    object_id: Option<String>,
    msi_res_id: Option<String>,
}

/// Numbers come as numbers, as strings, or not at all.
#[derive(Clone, Copy, Default)]
struct Number(Option<u64>);

/// What is wrong with the token; for a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadToken {
    Json,
    Text,
    Type,
    Expired,
}

impl TokenAnswer {
    pub(super) fn read(body: &[u8]) -> Result<Self, BadToken> {
        // serde's own message may quote the body.
        serde_json::from_slice(body).map_err(|_| BadToken::Json)
    }

    /// Whether the endpoint says that it heeded the selector. Those that do not know one ignore
    /// it and answer for the machine's own identity.
    pub(super) fn is_for(&self, selector: &IdentitySelector) -> bool {
        let (wanted, answered) = match selector {
            IdentitySelector::Unspecified => return true,
            IdentitySelector::ClientId(id) => (id, &self.client_id),
            IdentitySelector::ObjectId(id) => (id, &self.object_id),
            IdentitySelector::ResourceId(id) => (id, &self.msi_res_id),
        };
        answered.as_ref().is_some_and(|answered| answered.eq_ignore_ascii_case(wanted))
    }

    pub(super) fn into_token(self, now: SystemTime) -> Result<AccessToken, BadToken> {
        // RFC 6750 §2.1, b64token.
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        let text = self.access_token.as_str();
        if text.is_empty() || text.len() > LONGEST_TEXT || !text.bytes().all(is_token) {
            return Err(BadToken::Text);
        }
        if self.token_type.as_deref().is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
            return Err(BadToken::Type);
        }
        let lifetime = lifetime(self.expires_in.0, self.expires_on.0, now);
        if lifetime.is_zero() {
            return Err(BadToken::Expired);
        }
        Ok(AccessToken::new(self.access_token, now, lifetime))
    }
}

/// Prefers the duration: a date would be read by this machine's clock, which may be wrong.
fn lifetime(expires_in: Option<u64>, expires_on: Option<u64>, now: SystemTime) -> Duration {
    let lifetime = match (expires_in, expires_on) {
        (Some(seconds), _) => Duration::from_secs(seconds),
        (None, Some(date)) => {
            let end = UNIX_EPOCH.checked_add(Duration::from_secs(date));
            end.map_or(LONGEST, |end| end.duration_since(now).unwrap_or_default())
        }
        (None, None) => UNKNOWN,
    };
    lifetime.min(LONGEST)
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Lenient;
        impl Visitor<'_> for Lenient {
            type Value = Number;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, perhaps in quotes")
            }
            fn visit_u64<E>(self, number: u64) -> Result<Number, E> {
                Ok(Number(Some(number)))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Number, E> {
                Ok(Number(Some(number.try_into().unwrap_or(0))))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Number, E> {
                Ok(Number(Some(number as u64)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Number, E> {
                Ok(Number(text.trim().parse().ok()))
            }
            fn visit_unit<E>(self) -> Result<Number, E> {
                Ok(Number(None))
            }
        }
        deserializer.deserialize_any(Lenient)
    }
}

#[cfg(test)]
mod invariants;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: u64 = 1_700_000_000;

    fn read(body: &str) -> Result<u64, BadToken> {
        let now = UNIX_EPOCH + Duration::from_secs(NOW);
        let token = TokenAnswer::read(body.as_bytes())?.into_token(now)?;
        Ok(token.expires().duration_since(now).unwrap().as_secs())
    }

    #[test]
    fn lifetimes_are_read_in_every_form_and_kept_within_reason() {
        for (fields, seconds) in [
            (r#""expires_in":"3599","expires_on":"1""#, 3599),
            (r#""expires_in":3599"#, 3599),
            (r#""expires_in":3599.0"#, 3599),
            (r#""expires_on":"1700000600""#, 600),
            (r#""expires_on":1700000600"#, 600),
            (r#""expires_in":"soon","expires_on":1700000600"#, 600),
            (r#""expires_in":null"#, 300),
            (r#""refresh_token":"","not_before":"1""#, 300),
            (r#""expires_in":99999999999999999999"#, 86_400),
            (r#""expires_on":18446744073709551615"#, 86_400),
        ] {
            let body = format!(r#"{{"access_token":"a.b.c","token_type":"Bearer",{fields}}}"#);
            assert_eq!(read(&body), Ok(seconds), "{fields}");
        }
    }

    #[test]
    fn what_is_no_token_is_told_apart() {
        for (body, error) in [
            ("", BadToken::Json),
            ("<html>", BadToken::Json),
            ("{}", BadToken::Json),
            (r#"{"access_token":7}"#, BadToken::Json),
            (r#"{"access_token":"a","access_token":"b"}"#, BadToken::Json),
            (r#"{"access_token":"","expires_in":1}"#, BadToken::Text),
            (r#"{"access_token":"a\r\nX: y","expires_in":1}"#, BadToken::Text),
            (r#"{"access_token":"ü","expires_in":1}"#, BadToken::Text),
            (r#"{"access_token":"a","token_type":"pop"}"#, BadToken::Type),
            (r#"{"access_token":"a","expires_in":"0"}"#, BadToken::Expired),
            (r#"{"access_token":"a","expires_in":-5}"#, BadToken::Expired),
            (r#"{"access_token":"a","expires_on":"1600000000"}"#, BadToken::Expired),
        ] {
            assert_eq!(read(body), Err(error), "{body}");
        }
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body in ".{0,80}") {
            invariants::hold(body.as_bytes());
            let with_number = format!(r#"{{"access_token":"a","expires_in":{body}}}"#);
            invariants::hold(with_number.as_bytes());
        }
    }
}
