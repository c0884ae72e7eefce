//! Secrets from a vault.

mod forbidden;
mod json_text;
mod probe;
mod refusal;
mod secret;
mod trouble;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::thread::Builder;
use std::time::SystemTime;

use object_id::{ObjectId, Vault};

use crate::challenge::{self, ForeignResource};
use crate::credential::{AccessToken, RenewalFailure, TokenCredential};
use crate::error::ClientError;
use crate::http::{Answer, Http};
use crate::kind::ErrorKind;

pub use probe::{Probe, ProbeStep, WantedToken};
use refusal::Refusal;
pub use secret::{Attributes, Secret};

/// Known to every cloud, and all that reading a secret needs.
const API_VERSION: &str = "7.4";

/// Reads secrets from any vault
/// ([Get Secret](https://learn.microsoft.com/rest/api/keyvault/secrets/get-secret/get-secret)).
pub struct SecretClient {
    http: Http,
    /// What vaults outside the known clouds said a token is to be asked for, by host.
    resources: Mutex<HashMap<String, String>>,
}

impl SecretClient {
    /// Connects to nothing yet.
    #[must_use]
    pub fn new(http: Http) -> Self {
        Self { http, resources: Mutex::default() }
    }

    /// Reads one secret: at its version, or the newest where the id has none.
    ///
    /// If the vault answers 401, its challenge is checked, one fresh token is asked for, and the
    /// request is made once more. Nothing else is tried again; after a 403 that is about the
    /// identity, the next call with another `now` asks for a fresh token.
    ///
    /// # Errors
    /// Why there is no secret, be it the token's or the vault's fault.
    pub fn secret(
        &self,
        id: &ObjectId,
        credential: &dyn TokenCredential,
        now: SystemTime,
    ) -> Result<Secret, ClientError> {
        let (mut answer, token) = self.authorized(id, credential, now)?;
        let refusal = Refusal { id, token: token.as_ref(), now };
        if answer.status != 200 {
            let error = refusal.of_answer(&answer);
            self.doubt_owner(id.vault(), &error, token.as_ref(), credential);
            return Err(error);
        }
        Secret::read(id, &mut answer.body).map_err(|bad| refusal.of_secret(&answer, bad))
    }

    /// Whether connecting to this vault took long when it was done last, so that
    /// [`open_ahead`](Self::open_ahead) saves time; not where nothing is known.
    #[must_use]
    pub fn is_far(&self, vault: &Vault) -> bool {
        self.http.is_far(vault.host())
    }

    /// Opens a connection to a vault that a later request will use, and sends nothing. Where that
    /// fails, the request connects as it goes, and tells why it cannot.
    pub fn open_ahead(&self, vault: &Vault) {
        let _ = self.http.open_ahead(&address(vault));
    }

    /// Why `credential` has no newer token for this vault than one that comes to its end.
    #[must_use]
    pub fn renewal_failure(
        &self,
        vault: &Vault,
        credential: &dyn TokenCredential,
        now: SystemTime,
    ) -> Option<RenewalFailure> {
        credential.renewal_failure(&self.known_resource(vault)?, now)
    }

    /// The answer to the request with a token, and the token.
    fn authorized(
        &self,
        id: &ObjectId,
        credential: &dyn TokenCredential,
        now: SystemTime,
    ) -> Result<(Answer, Option<AccessToken>), ClientError> {
        let Some(resource) = self.known_resource(id.vault()) else {
            return self.introduced(id, credential, now);
        };
        let token = self
            .token_on_the_way(id.vault(), &resource, credential, now)
            .inspect_err(|error| self.forget_resource(id.vault(), error))?;
        let answer = self.ask(id, Some(&token))?;
        if answer.status != 401 {
            return Ok((answer, Some(token)));
        }
        let challenged = self.challenged(id, &answer)?;
        credential.reject(&resource, &token);
        let token = credential.token(challenged.as_ref().unwrap_or(&resource), now)?;
        Ok((self.ask(id, Some(&token))?, Some(token)))
    }

    /// A token; while it is fetched, the connection that will carry it is opened.
    fn token_on_the_way(
        &self,
        vault: &Vault,
        resource: &str,
        credential: &dyn TokenCredential,
        now: SystemTime,
    ) -> Result<AccessToken, ClientError> {
        if credential.has_token(resource, now) {
            return credential.token(resource, now);
        }
        let url = address(vault);
        std::thread::scope(|scope| {
            let open = || self.http.open_ahead(&url);
            let opening = Builder::new().name("connect".into()).spawn_scoped(scope, open);
            let token = credential.token(resource, now)?;
            // Without a thread, the request connects as it goes.
            match opening.ok().and_then(|opening| opening.join().ok()) {
                Some(Err(trouble)) => Err(trouble::explain(trouble, vault)),
                Some(Ok(())) | None => Ok(token),
            }
        })
    }

    /// For a vault that nothing is known about: the first request goes without a token.
    fn introduced(
        &self,
        id: &ObjectId,
        credential: &dyn TokenCredential,
        now: SystemTime,
    ) -> Result<(Answer, Option<AccessToken>), ClientError> {
        let answer = self.ask(id, None)?;
        if answer.status != 401 {
            return Ok((answer, None));
        }
        let Some(resource) = self.challenged(id, &answer)? else {
            return Err(refusal::no_challenge(id.vault()));
        };
        let token = credential.token(&resource, now)?;
        let answer = self.ask(id, Some(&token))?;
        if answer.status != 401 {
            return Ok((answer, Some(token)));
        }
        credential.reject(&resource, &token);
        let token = credential.token(&resource, now)?;
        Ok((self.ask(id, Some(&token))?, Some(token)))
    }

    /// The resource that a 401's challenge names, remembered for the next request.
    fn challenged(&self, id: &ObjectId, answer: &Answer) -> Result<Option<String>, ClientError> {
        let challenges = challenge::parse(answer.headers("www-authenticate"));
        let resource = challenge::vault_resource(&challenges, id.vault())
            .map_err(|ForeignResource(named)| refusal::foreign_challenge(id.vault(), &named))?;
        if let Some(resource) = &resource {
            let mut resources = self.resources.lock().unwrap_or_else(PoisonError::into_inner);
            resources.insert(id.vault().host().to_owned(), resource.clone());
        }
        Ok(resource)
    }

    /// A resource that there are no tokens for may have been a vault's mistake: it is asked anew.
    fn forget_resource(&self, vault: &Vault, error: &ClientError) {
        if error.kind() == ErrorKind::WrongCloud {
            let mut resources = self.resources.lock().unwrap_or_else(PoisonError::into_inner);
            resources.remove(vault.host());
        }
    }

    /// A token is good for a day, whatever happens to the machine meanwhile. Whoever gives it
    /// another identity, because this one may not read secrets, should not wait for that long.
    fn doubt_owner(
        &self,
        vault: &Vault,
        error: &ClientError,
        token: Option<&AccessToken>,
        credential: &dyn TokenCredential,
    ) {
        let is_owners =
            matches!(error.kind(), ErrorKind::ForbiddenByRbac | ErrorKind::AccessDenied);
        if let (true, Some(token), Some(resource)) = (is_owners, token, self.known_resource(vault))
        {
            credential.doubt(&resource, token);
        }
    }

    fn known_resource(&self, vault: &Vault) -> Option<String> {
        let resources = self.resources.lock().unwrap_or_else(PoisonError::into_inner);
        let remembered = resources.get(vault.host()).cloned();
        remembered.or_else(|| vault.resource().map(str::to_owned))
    }

    fn ask(&self, id: &ObjectId, token: Option<&AccessToken>) -> Result<Answer, ClientError> {
        let url = format!("{id}?api-version={API_VERSION}");
        let authorization = match token.map(AccessToken::header) {
            None => None,
            Some(Some(header)) => Some(header),
            Some(None) => {
                return Err(ClientError::new(
                    ErrorKind::IdentityAnswer,
                    "the token has characters that no header can carry",
                ));
            }
        };
        let headers: Vec<_> =
            authorization.into_iter().map(|value| ("Authorization", value)).collect();
        self.http.ask_vault(&url, &headers).map_err(|trouble| trouble::explain(trouble, id.vault()))
    }
}

fn address(vault: &Vault) -> String {
    format!("https://{}/", vault.host())
}

impl fmt::Debug for SecretClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretClient").field("http", &self.http).finish_non_exhaustive()
    }
}
