//! Secrets from Key Vault, each asked for with its target's identity.

use std::time::SystemTime;

use keyvault_client::{ClientError, ErrorKind, Http, Network, Secret, SecretClient};
use object_id::ObjectId;
use worker_state::{Environment, environment_name as name};

use crate::closed_vaults::ClosedVaults;
use crate::code::Code;
use crate::credentials::Credentials;
use crate::failure::{Failure, Retry, one_line};
use crate::look::SecretSource;
use crate::target::Target;

/// The vaults of one order.
pub(crate) struct VaultSource {
    http: Http,
    client: SecretClient,
    credentials: Credentials,
    closed: ClosedVaults,
}

impl VaultSource {
    /// Connects nothing yet; `targets` say which identities will ask.
    ///
    /// # Errors
    /// A proxy or an identity endpoint that cannot be used.
    pub(crate) fn new<'a>(
        targets: impl Iterator<Item = &'a Target>,
        environment: &Environment,
    ) -> anyhow::Result<Self> {
        let http = Http::new(network(environment))?;
        let credentials = Credentials::new(targets, environment, &http)?;
        let client = SecretClient::new(http.clone());
        Ok(Self { http, client, credentials, closed: ClosedVaults::default() })
    }

    /// Lets go of connections and trusted authorities until they are needed again.
    pub(crate) fn rest(&self) {
        self.http.rest();
    }
}

impl SecretSource for VaultSource {
    fn secret(&self, id: &ObjectId, target: &Target, now: SystemTime) -> Result<Secret, Failure> {
        let Some(credential) = self.credentials.of(&target.identity) else {
            let public = "the worker has no credential for this identity; restart it".to_owned();
            return Err(Failure::plain(Code::Identity, Retry::Backoff, public));
        };
        let vault = id.vault().host();
        if let Some(objection) = self.closed.objection(vault, now) {
            return Err(objection);
        }
        self.client.secret(id, credential, now).map_err(|error| {
            let failure = failure(&error);
            if closes(error.kind()) {
                self.closed.close(vault, &failure, now);
            }
            failure
        })
    }
}

pub(crate) fn network(environment: &Environment) -> Network {
    Network {
        https_proxy: environment.first(&name::HTTPS_PROXY).map(str::to_owned),
        no_proxy: environment.first(&name::NO_PROXY).map(str::to_owned),
        ssl_cert_file: environment.value(name::SSL_CERT_FILE).map(Into::into),
        ssl_cert_dir: environment.value(name::SSL_CERT_DIR).map(Into::into),
        ..Network::default()
    }
}

pub(crate) fn failure(error: &ClientError) -> Failure {
    let retry = match error.retry() {
        keyvault_client::Retry::Backoff => Retry::Backoff,
        keyvault_client::Retry::After(delay) => Retry::After(delay),
        keyvault_client::Retry::NextPoll => Retry::NextPoll,
    };
    let mut failure = Failure::of(error, code(error.kind()), retry);
    let request = error.request_id().map(|id| format!("x-ms-request-id {}", one_line(id)));
    failure.causes.extend(request);
    failure
}

/// Whether every other request to the same vault would meet the same.
fn closes(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Throttled
            | ErrorKind::NameNotResolved
            | ErrorKind::ConnectionRefused
            | ErrorKind::Unreachable
            | ErrorKind::TimedOut
            | ErrorKind::Tls
            | ErrorKind::NoTrustedRoots
            | ErrorKind::Proxy
    )
}

fn code(kind: ErrorKind) -> Code {
    match kind {
        ErrorKind::IdentityUnreachable
        | ErrorKind::IdentityTimedOut
        | ErrorKind::IdentityUnavailable
        | ErrorKind::IdentityAnswer
        | ErrorKind::IdentityRefused
        | ErrorKind::IdentityProof => Code::IdentityEndpoint,
        ErrorKind::IdentityAmbiguous | ErrorKind::IdentityNotFound => Code::Identity,
        ErrorKind::NameNotResolved
        | ErrorKind::ConnectionRefused
        | ErrorKind::Unreachable
        | ErrorKind::TimedOut
        | ErrorKind::ConnectionLost => Code::VaultUnreachable,
        ErrorKind::Tls | ErrorKind::NoTrustedRoots => Code::Tls,
        ErrorKind::Proxy => Code::Proxy,
        ErrorKind::WrongTenant
        | ErrorKind::ForbiddenByRbac
        | ErrorKind::AccessDenied
        | ErrorKind::ForbiddenByPolicy
        | ErrorKind::Forbidden => Code::AccessDenied,
        ErrorKind::ForbiddenByFirewall | ErrorKind::ForbiddenByConnection => Code::VaultFirewall,
        ErrorKind::SecretDisabled => Code::SecretDisabled,
        ErrorKind::SecretNotFound | ErrorKind::Conflict => Code::SecretNotFound,
        ErrorKind::Throttled => Code::Throttled,
        ErrorKind::VaultUnavailable => Code::VaultUnavailable,
        ErrorKind::Unauthorized
        | ErrorKind::Challenge
        | ErrorKind::VaultRefused
        | ErrorKind::Redirected
        | ErrorKind::VaultAnswer
        | ErrorKind::OtherSecret => Code::UnexpectedAnswer,
    }
}

#[cfg(test)]
mod tests {
    use keyvault_client::Fault;

    use super::*;

    #[test]
    fn a_codes_sign_says_whose_fault_it_is() {
        for kind in ErrorKind::ALL {
            let customers = matches!(kind.fault(), Fault::Customer | Fault::Access);
            assert_eq!(code(kind).number() > 0, customers, "{kind:?}");
        }
    }
}
