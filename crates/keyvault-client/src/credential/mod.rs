//! Tokens, and who hands them out.

mod answer;
mod arc;
mod cache;
mod claims;
mod endpoint;
mod key_file;
mod managed_identity;
mod refusal;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ureq::http::HeaderValue;
use zeroize::Zeroizing;

use crate::error::ClientError;
use crate::percent;
use crate::text::is_guid;

pub use arc::AzureArcCredential;
pub use claims::TokenClaims;
pub use endpoint::{EndpointError, IdentityEndpoint};
pub use managed_identity::ManagedIdentityCredential;

/// Hands out tokens for a resource like `https://vault.azure.net`.
pub trait TokenCredential: Send + Sync {
    /// A token that is good at `now`, from memory if possible. Threads that ask at once share one
    /// request, and so do calls with the same `now`, even if it fails.
    ///
    /// # Errors
    /// Why there is no token.
    fn token(&self, resource: &str, now: SystemTime) -> Result<AccessToken, ClientError>;

    /// Whether [`token`](Self::token) will answer from memory. Where it will not, the time that it
    /// takes is used to connect to the vault.
    fn has_token(&self, _resource: &str, _now: SystemTime) -> bool {
        true
    }

    /// What hindered the renewal of the token in memory when that was tried last, while it is
    /// still good at `now`.
    fn renewal_failure(&self, _resource: &str, _now: SystemTime) -> Option<RenewalFailure> {
        None
    }

    /// Tells that a vault did not accept this token: it is not handed out again.
    fn reject(&self, resource: &str, token: &AccessToken);

    /// Tells that a vault knows whom this token is for and did not let them in. The machine may
    /// have got another identity since: the next call with another `now` asks for a token anew,
    /// and hands out this one where that fails.
    fn doubt(&self, _resource: &str, _token: &AccessToken) {}
}

/// A token that is old, and could not be replaced.
#[derive(Clone, Debug)]
pub struct RenewalFailure {
    /// Why there is no newer one.
    pub error: ClientError,
    /// How long the old one can be used.
    pub good_until: SystemTime,
}

/// Which of a machine's managed identities is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum IdentitySelector {
    /// The machine's only one: the system-assigned identity, or a single user-assigned one.
    #[default]
    Unspecified,
    /// The user-assigned identity with this client (application) id.
    ClientId(String),
    /// The identity with this object (principal) id.
    ObjectId(String),
    /// The user-assigned identity with this ARM resource id (`/subscriptions/…`).
    ResourceId(String),
}

impl IdentitySelector {
    /// Reads what people put where a client id belongs: ARM resource ids are recognised, empty
    /// means unspecified. `None` if the text is neither a GUID nor a resource id.
    #[must_use]
    pub fn recognise(text: &str) -> Option<Self> {
        let text = text.trim();
        let lower = text.to_ascii_lowercase();
        if text.is_empty() {
            Some(Self::Unspecified)
        } else if is_guid(text) {
            Some(Self::ClientId(lower))
        } else if lower.starts_with("/subscriptions/")
            && lower.contains("/providers/microsoft.managedidentity/userassignedidentities/")
        {
            Some(Self::ResourceId(text.to_owned()))
        } else {
            None
        }
    }

    /// The query's parameter: IMDS knows the ARM id as `msi_res_id`.
    fn parameter(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::Unspecified => None,
            Self::ClientId(id) => Some(("client_id", id)),
            Self::ObjectId(id) => Some(("object_id", id)),
            Self::ResourceId(id) => Some(("msi_res_id", id)),
        }
    }
}

impl fmt::Display for IdentitySelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unspecified => f.write_str("the machine's identity"),
            Self::ClientId(id) => write!(f, "the identity with client id {id}"),
            Self::ObjectId(id) => write!(f, "the identity with object id {id}"),
            Self::ResourceId(id) => write!(f, "the identity {id}"),
        }
    }
}

/// The URL of a request for a token.
fn token_url(
    endpoint: &IdentityEndpoint,
    api_version: &str,
    resource: &str,
    selector: &IdentitySelector,
) -> String {
    let resource = percent::encode(resource);
    let mut url = format!("{endpoint}?api-version={api_version}&resource={resource}");
    if let Some((name, id)) = selector.parameter() {
        url.push_str(&format!("&{name}={}", percent::encode(id)));
    }
    url
}

/// A bearer token. Its text leaves it only for a request's header; it is wiped when the last
/// copy is dropped, but the header, which is the HTTP library's, is not. Clones share it.
#[derive(Clone)]
pub struct AccessToken(Arc<Token>);

struct Token {
    text: Zeroizing<String>,
    /// The value of an `Authorization` header: one for all requests, not a copy for each.
    header: Option<HeaderValue>,
    obtained: SystemTime,
    expires: SystemTime,
    claims: TokenClaims,
}

/// A token is not used in its last minutes, so that it does not expire on its way.
const MARGIN: Duration = Duration::from_secs(300);

/// Tokens that live long are renewed at half their life.
const LONG_LIVED: Duration = Duration::from_secs(2 * 3600);

impl AccessToken {
    /// A token obtained at `obtained`, good for `lifetime`.
    #[must_use]
    pub fn new(text: Zeroizing<String>, obtained: SystemTime, lifetime: Duration) -> Self {
        let claims = TokenClaims::read(&text);
        let expires = obtained.checked_add(lifetime).unwrap_or(obtained);
        let header = bearer(&text);
        Self(Arc::new(Token { text, header, obtained, expires, claims }))
    }

    /// When it stops being valid.
    #[must_use]
    pub fn expires(&self) -> SystemTime {
        self.0.expires
    }

    /// Whom it is for, as far as it says so itself.
    #[must_use]
    pub fn claims(&self) -> &TokenClaims {
        &self.0.claims
    }

    pub(crate) fn text(&self) -> &str {
        &self.0.text
    }

    /// The value of an `Authorization` header.
    pub(crate) fn header(&self) -> Option<&HeaderValue> {
        self.0.header.as_ref()
    }

    fn is_same_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.text() == other.text()
    }

    /// Still good. A clock that went back before the token was obtained makes its age unknown.
    fn is_usable(&self, now: SystemTime) -> bool {
        self.0.obtained <= now && now < self.0.expires
    }

    /// So old that a new one should be asked for.
    fn is_due(&self, now: SystemTime) -> bool {
        let Token { obtained, expires, .. } = &*self.0;
        let lifetime = expires.duration_since(*obtained).unwrap_or_default();
        let age = now.duration_since(*obtained).unwrap_or(lifetime);
        let half = lifetime / 2;
        let renewal = if lifetime >= LONG_LIVED {
            half
        } else {
            // A token that lives minutes must still serve everyone who asks now.
            lifetime.saturating_sub(MARGIN).max(half)
        };
        age >= renewal
    }
}

fn bearer(text: &str) -> Option<HeaderValue> {
    let text = Zeroizing::new(format!("Bearer {text}"));
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("expires", &self.expires())
            .field("claims", self.claims())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds)
    }

    fn token(lifetime: u64) -> AccessToken {
        let text = Zeroizing::new("sesame.open.now".to_owned());
        AccessToken::new(text, at(0), Duration::from_secs(lifetime))
    }

    #[test]
    fn long_lived_tokens_are_due_at_half_life_and_others_five_minutes_before_the_end() {
        for (lifetime, due, end) in
            [(86_400, 43_200, 86_400), (7200, 3600, 7200), (3599, 3299, 3599), (200, 100, 200)]
        {
            let token = token(lifetime);
            assert!(!token.is_due(at(due - 1)));
            assert!(token.is_due(at(due)));
            assert!(token.is_usable(at(end - 1)));
            assert!(!token.is_usable(at(end)));
        }
    }

    #[test]
    fn a_clock_that_went_back_makes_a_token_due() {
        let token = token(3600);
        let before = at(0) - Duration::from_secs(1);
        assert!(token.is_due(before) && !token.is_usable(before));
    }

    #[test]
    fn a_token_cannot_be_printed() {
        let token = token(3600);
        assert!(!format!("{token:?}").contains("sesame"));
        assert!(!format!("{:?}", token.header()).contains("sesame"));
    }

    #[test]
    fn the_request_names_resource_and_identity() {
        let url = |selector| {
            let endpoint = IdentityEndpoint::imds();
            token_url(&endpoint, "2018-02-01", "https://vault.azure.net", &selector)
        };
        let plain = "http://169.254.169.254/metadata/identity/oauth2/token\
                     ?api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net";
        assert_eq!(url(IdentitySelector::Unspecified), plain);
        assert_eq!(url(IdentitySelector::ClientId("a".into())), format!("{plain}&client_id=a"));
        assert_eq!(url(IdentitySelector::ObjectId("a".into())), format!("{plain}&object_id=a"));
        let arm = url(IdentitySelector::ResourceId("/s/a b".into()));
        assert_eq!(arm, format!("{plain}&msi_res_id=%2Fs%2Fa%20b"));
    }

    #[test]
    fn what_stands_for_a_client_id_is_recognised() {
        let guid = "4633458B-17de-408a-b874-0445c86b69e6";
        let arm = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/n";
        assert_eq!(
            IdentitySelector::recognise(&format!(" {guid} ")),
            Some(IdentitySelector::ClientId(guid.to_ascii_lowercase()))
        );
        assert_eq!(
            IdentitySelector::recognise(arm),
            Some(IdentitySelector::ResourceId(arm.into()))
        );
        assert_eq!(IdentitySelector::recognise(""), Some(IdentitySelector::Unspecified));
        assert_eq!(IdentitySelector::recognise("my-identity"), None);
    }
}
