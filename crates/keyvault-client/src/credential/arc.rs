//! Tokens from Azure Arc's agent.

use std::fmt;
use std::path::PathBuf;
use std::time::SystemTime;

use ureq::http::HeaderValue;

use crate::challenge;
use crate::error::ClientError;
use crate::http::{Answer, Http};
use crate::kind::ErrorKind;

use super::answer::TokenAnswer;
use super::cache::{Fetch, TokenCache};
use super::key_file::{self, KeyFileError};
use super::refusal::{Machine, Refusal};
use super::{AccessToken, IdentityEndpoint, IdentitySelector, token_url};

/// What Microsoft's own clients ask for; known to every agent since 2020.
const API_VERSION: &str = "2020-06-01";

/// The identity of a machine that Azure Arc has connected
/// ([managed identity on Arc](https://learn.microsoft.com/azure/azure-arc/servers/managed-identity-authentication)).
///
/// The agent hands out a token only to who can read a file that it names in its first answer.
/// Use it for nothing but [`IdentityEndpoint::is_arc`] endpoints and the one that
/// `IDENTITY_ENDPOINT` names: it makes this process read a file on the other side's word.
pub struct AzureArcCredential {
    http: Http,
    endpoint: IdentityEndpoint,
    selector: IdentitySelector,
    key_directory: PathBuf,
    tokens: TokenCache,
}

impl AzureArcCredential {
    /// Where the agent keeps its key files on Linux.
    pub const KEY_DIRECTORY: &str = "/var/opt/azcmagent/tokens";

    /// Asks nothing yet. `key_directory` is [`Self::KEY_DIRECTORY`], except in tests.
    #[must_use]
    pub fn new(
        http: Http,
        endpoint: IdentityEndpoint,
        selector: IdentitySelector,
        key_directory: PathBuf,
    ) -> Self {
        Self { http, endpoint, selector, key_directory, tokens: TokenCache::default() }
    }

    fn token_from(
        &self,
        answer: &Answer,
        refusal: &Refusal<'_>,
        now: SystemTime,
    ) -> Result<AccessToken, ClientError> {
        let body = TokenAnswer::read(&answer.body).map_err(|bad| refusal.of_token(bad))?;
        if !body.is_for(&self.selector) {
            return Err(ClientError::new(
                ErrorKind::IdentityNotFound,
                "Azure Arc's agent hands out the machine's own identity instead of the one that \
                 authenticationSettings.msiClientId names: remove msiClientId, or update the \
                 agent (azcmagent) if it is to know others",
            ));
        }
        body.into_token(now).map_err(|bad| refusal.of_token(bad))
    }

    fn ask(&self, resource: &str, proof: Option<&HeaderValue>) -> Result<Answer, ClientError> {
        let url = token_url(&self.endpoint, API_VERSION, resource, &self.selector);
        let metadata = HeaderValue::from_static("true");
        let mut headers = vec![("Metadata", &metadata)];
        headers.extend(proof.map(|proof| ("Authorization", proof)));
        self.http
            .ask_identity(&url, &headers)
            .map_err(|trouble| self.refusal(resource).of_trouble(trouble))
    }

    fn no_proof(&self, error: &KeyFileError) -> ClientError {
        ClientError::new(
            ErrorKind::IdentityProof,
            format!(
                "the identity endpoint {} asks for the content of a file, and {error}",
                self.endpoint
            ),
        )
    }

    fn refusal<'a>(&'a self, resource: &'a str) -> Refusal<'a> {
        let (endpoint, selector) = (&self.endpoint, &self.selector);
        Refusal { machine: Machine::Arc, endpoint, selector, resource }
    }
}

/// The path that the agent wants the content of.
fn realm(answer: &Answer) -> Option<String> {
    if answer.status != 401 {
        return None;
    }
    let challenges = challenge::parse(answer.headers("www-authenticate"));
    let basic = challenges.iter().find(|challenge| challenge.scheme.eq_ignore_ascii_case("basic"));
    basic.and_then(|challenge| challenge.parameter("realm")).map(str::to_owned)
}

impl Fetch for AzureArcCredential {
    fn tokens(&self) -> &TokenCache {
        &self.tokens
    }

    fn fetch(&self, resource: &str, now: SystemTime) -> Result<AccessToken, ClientError> {
        let refusal = self.refusal(resource);
        let challenge = self.ask(resource, None)?;
        if challenge.status == 200 {
            return Err(refusal.unusable("it does not ask for the proof that Azure Arc asks for"));
        }
        let Some(path) = realm(&challenge) else {
            return Err(refusal.of_answer(&challenge, now));
        };
        let proof =
            key_file::proof(&path, &self.key_directory).map_err(|error| self.no_proof(&error))?;
        let answer = self.ask(resource, Some(&proof))?;
        match answer.status {
            200 => self.token_from(&answer, &refusal, now),
            401 => Err(ClientError::new(
                ErrorKind::IdentityProof,
                format!(
                    "the identity endpoint {} does not accept the key that it asked for: restart \
                     the agent (`systemctl restart himdsd`)",
                    self.endpoint
                ),
            )),
            _ => Err(refusal.of_answer(&answer, now)),
        }
    }
}

impl fmt::Debug for AzureArcCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AzureArcCredential")
            .field("endpoint", &self.endpoint.to_string())
            .field("selector", &self.selector)
            .finish_non_exhaustive()
    }
}
