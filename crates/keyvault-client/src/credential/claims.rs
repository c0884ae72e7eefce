//! What a token says about its owner. Read for explanations only, never to decide anything: the
//! signature is for the vault to check.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::text::is_guid;

/// The identity a token was issued for
/// ([claims](https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference)).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenClaims {
    /// The identity's object id, which roles are assigned to.
    pub object_id: Option<String>,
    /// The identity's client id.
    pub client_id: Option<String>,
    /// The tenant that issued the token.
    pub tenant_id: Option<String>,
    /// The identity's own, or for a system-assigned one the machine's, ARM resource id.
    pub resource_id: Option<String>,
}

#[derive(Deserialize)]
struct Payload {
    oid: Option<String>,
    appid: Option<String>,
    tid: Option<String>,
    xms_mirid: Option<String>,
}

impl TokenClaims {
    /// Takes what can be read from a JSON Web Token (RFC 7519) and is what it ought to be, since
    /// it will be shown as part of commands to type.
    pub(super) fn read(token: &str) -> Self {
        let payload = token
            .split('.')
            .nth(1)
            .and_then(|part| URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok())
            .and_then(|json| serde_json::from_slice::<Payload>(&json).ok());
        let Some(payload) = payload else {
            return Self::default();
        };
        let guid = |id: Option<String>| id.filter(|id| is_guid(id));
        Self {
            object_id: guid(payload.oid),
            client_id: guid(payload.appid),
            tenant_id: guid(payload.tid),
            resource_id: payload.xms_mirid.filter(|id| is_resource_id(id)),
        }
    }
}

fn is_resource_id(id: &str) -> bool {
    id.len() <= 300
        && id.to_ascii_lowercase().starts_with("/subscriptions/")
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.()".contains(&byte))
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An unsigned token with this payload.
    pub(crate) fn jwt(payload: &str) -> String {
        format!("eyJhbGciOiJub25lIn0.{}.c2ln", URL_SAFE_NO_PAD.encode(payload))
    }

    #[test]
    fn the_owner_is_read_from_the_payload() {
        let id = "4633458b-17de-408a-b874-0445c86b69e6";
        let claims = TokenClaims::read(&jwt(&format!(
            r#"{{"oid":"{id}","tid":"{id}","appid":"x; rm","xms_mirid":"/subscriptions/1/a","exp":1}}"#
        )));
        assert_eq!(claims.object_id.as_deref(), Some(id));
        assert_eq!(claims.client_id, None);
        assert_eq!(claims.resource_id.as_deref(), Some("/subscriptions/1/a"));
    }

    #[test]
    fn what_is_no_token_has_no_claims() {
        for text in ["", "abc", "a.b.c", "a.!!.c", &jwt("[]"), &jwt(r#"{"oid":1}"#)] {
            assert_eq!(TokenClaims::read(text), TokenClaims::default());
        }
        let quoted = jwt(r#"{"xms_mirid":"/subscriptions/$(reboot)"}"#);
        assert_eq!(TokenClaims::read(&quoted).resource_id, None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,80}") {
            TokenClaims::read(&text);
            TokenClaims::read(&jwt(&text));
        }
    }
}
