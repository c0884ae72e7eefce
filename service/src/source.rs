//! Secrets from Key Vault, each asked for with its target's identity.

use std::num::NonZero;
use std::sync::Arc;
use std::time::SystemTime;

use keyvault_client::{
    ClientError, ErrorKind, Http, Network, RenewalFailure, Secret, SecretClient,
};
use object_id::{ObjectId, Vault};
use worker_state::{Environment, Timestamp, environment_name as name};

use crate::closed_vaults::ClosedVaults;
use crate::code::Code;
use crate::credentials::Credentials;
use crate::failure::{Failure, Retry, one_line};
use crate::ground::SecretSource;
use crate::outcome::Remark;
use crate::queue::Reach;
use crate::target::Target;
use crate::traffic::Traffic;
use crate::turns::{Turn, Turns};

/// The vaults of one order.
pub(crate) struct VaultSource {
    /// A proxy or an identity endpoint that cannot be used is every certificate's failure: so it
    /// is told where people look, and what stands on the disk is still kept whole.
    way: Result<Way, Failure>,
    closed: ClosedVaults,
    /// How vaults answer.
    traffic: Arc<Traffic>,
    turns: Turns,
}

/// How vaults are reached, and by whom.
struct Way {
    http: Http,
    client: SecretClient,
    credentials: Credentials,
}

impl VaultSource {
    /// Connects nothing yet; `targets` say which identities will ask.
    pub(crate) fn new<'a>(
        targets: impl Iterator<Item = &'a Target>,
        environment: &Environment,
        traffic: Arc<Traffic>,
    ) -> Self {
        let (closed, turns) = (ClosedVaults::default(), Turns::new(processors()));
        Self { way: Way::new(targets, environment), closed, traffic, turns }
    }

    /// Lets go of connections and trusted authorities until they are needed again.
    pub(crate) fn rest(&self) {
        if let Ok(way) = &self.way {
            way.http.rest();
        }
    }
}

impl Way {
    fn new<'a>(
        targets: impl Iterator<Item = &'a Target>,
        environment: &Environment,
    ) -> Result<Self, Failure> {
        let http = Http::new(network(environment))
            .map_err(|error| Failure::of(&error, Code::Proxy, Retry::NextPoll))?;
        let credentials = Credentials::new(targets, environment, &http)
            .map_err(|error| Failure::of(&error, Code::IdentityEndpoint, Retry::NextPoll))?;
        let client = SecretClient::new(http.clone());
        Ok(Self { http, client, credentials })
    }
}

impl Reach<Vault> for VaultSource {
    fn is_crowded(&self) -> bool {
        self.turns.are_crowded()
    }

    fn is_far(&self, vault: &Vault) -> bool {
        let is_open = !self.closed.was_closed(vault.host());
        is_open && self.way.as_ref().is_ok_and(|way| way.client.is_far(vault))
    }

    fn open_ahead(&self, vault: &Vault) {
        if let Ok(way) = &self.way {
            way.client.open_ahead(vault);
        }
    }
}

impl SecretSource for VaultSource {
    fn turn(&self) -> Option<Turn<'_>> {
        Some(self.turns.take())
    }

    fn was_closed(&self, vault: &str) -> bool {
        self.closed.was_closed(vault)
    }

    fn remark(&self, target: &Target, now: SystemTime) -> Option<Remark> {
        let Way { client, credentials, .. } = self.way.as_ref().ok()?;
        let credential = credentials.of(&target.identity)?;
        let failed = client.renewal_failure(target.id.vault(), credential, now)?;
        Some(renewal_remark(&failed))
    }

    fn secret(&self, id: &ObjectId, target: &Target, now: SystemTime) -> Result<Secret, Failure> {
        let Way { client, credentials, .. } = self.way.as_ref().map_err(Clone::clone)?;
        let Some(credential) = credentials.of(&target.identity) else {
            let public = "the worker has no credential for this identity; restart it".to_owned();
            return Err(Failure::plain(Code::Identity, Retry::Backoff, public));
        };
        let vault = id.vault().host();
        if let Some(objection) = self.closed.objection(vault, now) {
            return Err(objection);
        }
        let answer = client.secret(id, credential, now).map_err(|error| {
            let failure = failure(&error);
            if closes(error.kind(), error.retry()) {
                self.closed.close(vault, &failure, now);
            }
            failure
        });
        self.traffic.count(vault, answer.as_ref().err().map(|failure| failure.code));
        answer
    }
}

/// How many threads can run at once, as far as the system tells.
fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
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

/// What is said while a token is in use that could not be renewed. Its words stay the same from
/// poll to poll, so that the log has them once.
fn renewal_remark(failed: &RenewalFailure) -> Remark {
    let Failure { code, public, .. } = failure(&failed.error);
    let good_until = Timestamp::from(failed.good_until);
    let text = format!(
        "the token for the vault is good until {good_until} and cannot be renewed: {public}"
    );
    Remark { code, text }
}

/// Whether every other request to the same vault would meet the same, or the vault asked for time.
fn closes(kind: ErrorKind, retry: keyvault_client::Retry) -> bool {
    let vault_asked = matches!(retry, keyvault_client::Retry::After(_));
    let is_vaults = !matches!(code(kind), Code::IdentityEndpoint | Code::Identity);
    let meets_all = matches!(
        kind,
        ErrorKind::Throttled
            | ErrorKind::NameNotResolved
            | ErrorKind::ConnectionRefused
            | ErrorKind::Unreachable
            | ErrorKind::TimedOut
            | ErrorKind::Tls
            | ErrorKind::NoTrustedRoots
            | ErrorKind::Proxy
            | ErrorKind::WrongTenant
            | ErrorKind::ForbiddenByFirewall
            | ErrorKind::ForbiddenByConnection
    );
    meets_all || (vault_asked && is_vaults)
}

fn code(kind: ErrorKind) -> Code {
    match kind {
        ErrorKind::IdentityUnreachable
        | ErrorKind::IdentityTimedOut
        | ErrorKind::IdentityUnavailable
        | ErrorKind::IdentityAnswer
        | ErrorKind::IdentityRefused
        | ErrorKind::IdentityProof => Code::IdentityEndpoint,
        ErrorKind::IdentityAmbiguous | ErrorKind::IdentityNotFound | ErrorKind::WrongCloud => {
            Code::Identity
        }
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
    use std::time::Duration;

    use keyvault_client::Fault;

    use super::*;

    #[test]
    fn a_codes_sign_says_whose_fault_it_is() {
        for kind in ErrorKind::ALL {
            let customers = matches!(kind.fault(), Fault::Customer | Fault::Access);
            assert_eq!(code(kind).number() > 0, customers, "{kind:?}");
        }
    }

    /// Others at the same vault may have another identity.
    #[test]
    fn an_identity_endpoint_that_asks_for_time_closes_no_vault() {
        let later = keyvault_client::Retry::After(Duration::from_secs(60));
        for kind in ErrorKind::ALL {
            let is_identitys = matches!(code(kind), Code::IdentityEndpoint | Code::Identity);
            assert_eq!(closes(kind, later), !is_identitys, "{kind:?}");
        }
        let alone = [ErrorKind::SecretNotFound, ErrorKind::ForbiddenByRbac, ErrorKind::VaultAnswer];
        assert!(alone.iter().all(|kind| !closes(*kind, keyvault_client::Retry::Backoff)));
        assert!(closes(ErrorKind::Tls, keyvault_client::Retry::Backoff));
    }
}
