//! Tokens from the metadata service of Azure virtual machines.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use ureq::http::HeaderValue;

use crate::error::ClientError;
use crate::http::Http;
use crate::kind::ErrorKind;

use super::answer::TokenAnswer;
use super::cache::{Fetch, TokenCache};
use super::refusal::{Machine, Refusal};
use super::{AccessToken, IdentityEndpoint, IdentitySelector, token_url};

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
    /// What was given as a client id turned out to be an object id.
    is_object_id: AtomicBool,
    tokens: TokenCache,
}

impl ManagedIdentityCredential {
    /// Asks nothing yet. A client id that the machine does not know is tried as an object id.
    #[must_use]
    pub fn new(http: Http, endpoint: IdentityEndpoint, selector: IdentitySelector) -> Self {
        let is_object_id = AtomicBool::new(false);
        Self { http, endpoint, selector, is_object_id, tokens: TokenCache::default() }
    }

    fn fetch_for(
        &self,
        selector: &IdentitySelector,
        resource: &str,
        now: SystemTime,
    ) -> Result<AccessToken, ClientError> {
        let (machine, endpoint) = (Machine::Azure, &self.endpoint);
        let refusal = Refusal { machine, endpoint, selector, resource };
        let url = token_url(&self.endpoint, API_VERSION, resource, selector);
        let answer = self
            .http
            .ask_identity(&url, &[("Metadata", &HeaderValue::from_static("true"))])
            .map_err(|trouble| refusal.of_trouble(trouble))?;
        if answer.status != 200 || answer.is_web_page() {
            return Err(refusal.of_answer(&answer, now));
        }
        TokenAnswer::read(&answer.body)
            .and_then(|body| body.into_token(now))
            .map_err(|bad| refusal.of_token(bad))
    }

    fn selector(&self) -> IdentitySelector {
        match &self.selector {
            IdentitySelector::ClientId(id) if self.is_object_id.load(Ordering::Relaxed) => {
                IdentitySelector::ObjectId(id.clone())
            }
            selector => selector.clone(),
        }
    }
}

impl Fetch for ManagedIdentityCredential {
    fn tokens(&self) -> &TokenCache {
        &self.tokens
    }

    fn fetch(&self, resource: &str, now: SystemTime) -> Result<AccessToken, ClientError> {
        let selector = self.selector();
        let refused = match self.fetch_for(&selector, resource, now) {
            Err(error) if error.kind() == ErrorKind::IdentityNotFound => error,
            other => return other,
        };
        // Both are GUIDs, and portal pages show the object id first: many give that one.
        let IdentitySelector::ClientId(id) = selector else {
            return Err(refused);
        };
        match self.fetch_for(&IdentitySelector::ObjectId(id), resource, now) {
            // In the words that the settings use.
            Err(error) if error.kind() == ErrorKind::IdentityNotFound => Err(refused),
            other => {
                let is_object_id = other.is_ok();
                self.is_object_id.store(is_object_id, Ordering::Relaxed);
                other
            }
        }
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
