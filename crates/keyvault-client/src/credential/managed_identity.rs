//! Tokens from the metadata service of Azure virtual machines.

use std::fmt;
use std::time::SystemTime;

use ureq::http::HeaderValue;

use crate::error::ClientError;
use crate::http::{Answer, Http};
use crate::percent;

use super::answer::TokenAnswer;
use super::cache::TokenCache;
use super::refusal::Refusal;
use super::{AccessToken, IdentityEndpoint, IdentitySelector, TokenCredential};

/// The oldest version that every cloud has; it knows all selectors.
const API_VERSION: &str = "2018-02-01";

/// The managed identity of an Azure virtual machine
/// ([acquire a token](https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token)).
///
/// Share one among all who use the same identity: tokens are kept in it.
pub struct ManagedIdentityCredential {
    http: Http,
    endpoint: IdentityEndpoint,
    selector: IdentitySelector,
    tokens: TokenCache,
}

impl ManagedIdentityCredential {
    /// Asks nothing yet.
    #[must_use]
    pub fn new(http: Http, endpoint: IdentityEndpoint, selector: IdentitySelector) -> Self {
        Self { http, endpoint, selector, tokens: TokenCache::default() }
    }

    fn fetch(&self, resource: &str, now: SystemTime) -> Result<AccessToken, ClientError> {
        let refusal = Refusal { endpoint: &self.endpoint, selector: &self.selector };
        let answer = self.ask(resource).map_err(|trouble| refusal.of_trouble(trouble))?;
        if answer.status != 200 || answer.is_web_page() {
            return Err(refusal.of_answer(&answer, now));
        }
        TokenAnswer::read(&answer.body)
            .and_then(|body| body.into_token(now))
            .map_err(|bad| refusal.of_token(bad))
    }

    fn ask(&self, resource: &str) -> Result<Answer, crate::http::Trouble> {
        let url = token_url(&self.endpoint, API_VERSION, resource, &self.selector);
        self.http.ask_identity(&url, &[("Metadata", &HeaderValue::from_static("true"))])
    }
}

impl TokenCredential for ManagedIdentityCredential {
    fn token(&self, resource: &str, now: SystemTime) -> Result<AccessToken, ClientError> {
        self.tokens.token(resource, now, || self.fetch(resource, now))
    }

    fn reject(&self, resource: &str, token: &AccessToken) {
        self.tokens.reject(resource, token);
    }
}

impl fmt::Debug for ManagedIdentityCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManagedIdentityCredential")
            .field("endpoint", &self.endpoint.to_string())
            .field("selector", &self.selector)
            .finish_non_exhaustive()
    }
}

pub(super) fn token_url(
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_names_resource_and_identity() {
        let url = |selector| {
            token_url(&IdentityEndpoint::imds(), API_VERSION, "https://vault.azure.net", &selector)
        };
        let plain = "http://169.254.169.254/metadata/identity/oauth2/token\
                     ?api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net";
        assert_eq!(url(IdentitySelector::Unspecified), plain);
        assert_eq!(url(IdentitySelector::ClientId("a".into())), format!("{plain}&client_id=a"));
        assert_eq!(url(IdentitySelector::ObjectId("a".into())), format!("{plain}&object_id=a"));
        let arm = url(IdentitySelector::ResourceId("/s/a b".into()));
        assert_eq!(arm, format!("{plain}&msi_res_id=%2Fs%2Fa%20b"));
    }
}
