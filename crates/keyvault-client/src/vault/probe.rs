//! The way to a vault, step by step, as an operator asks about it.

use std::net::SocketAddr;
use std::time::SystemTime;

use object_id::{ObjectId, Vault};

use crate::challenge;
use crate::error::ClientError;
use crate::http::{Answer, Stretch, Trouble};
use crate::kind::ErrorKind;
use crate::text::is_guid;

use super::refusal::Refusal;
use super::{SecretClient, refusal, trouble};

/// A step on the way to a vault, in the order in which they are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProbeStep {
    /// Looking up the name of the vault or, where there is one, of the proxy.
    Name,
    /// Connecting to it.
    Connection,
    /// Having the proxy connect to the vault.
    Proxy,
    /// The TLS handshake with the vault.
    Tls,
    /// Being answered as a vault answers: by asking for a token.
    Answer,
}

/// How far the way to a vault leads without a token.
#[derive(Debug)]
#[non_exhaustive]
pub struct Probe {
    /// The proxy that it leads through, without its password.
    pub proxy: Option<String>,
    /// All addresses of the vault or, where there is one, of the proxy.
    pub addresses: Vec<SocketAddr>,
    /// The address that took the connection.
    pub connected: Option<SocketAddr>,
    /// The certificates that were presented, leaf first, in DER. Trusted only if the way led past
    /// [`ProbeStep::Tls`].
    pub presented: Vec<Vec<u8>>,
    /// What the vault asks for.
    pub wanted: Option<WantedToken>,
    /// Where the way ended before the end, and why.
    pub stop: Option<(ProbeStep, ClientError)>,
}

/// The token that a vault asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedToken {
    /// The resource it is to be for, which is the vault's own domain.
    pub resource: String,
    /// The id of the tenant that is to issue it, if the vault says so.
    pub tenant_id: Option<String>,
}

impl SecretClient {
    /// Walks to the vault of `id`, and asks for the secret without a token, as vaults are used to.
    ///
    /// Every failure is part of the result. For a vault outside the known clouds the next
    /// [`SecretClient::secret`] asks for the token that was learnt of here.
    #[must_use]
    pub fn probe(&self, id: &ObjectId, now: SystemTime) -> Probe {
        let walked = self.http.walk(id.vault().host());
        let mut probe = Probe {
            proxy: walked.proxy,
            addresses: walked.addresses,
            connected: walked.connected,
            presented: walked.presented,
            wanted: None,
            stop: walked.stop.map(|(at, trouble)| explained(at, trouble, id.vault())),
        };
        if probe.stop.is_none() {
            match self.ask(id, None).and_then(|answer| self.wanted_token(id, &answer, now)) {
                Ok(wanted) => probe.wanted = Some(wanted),
                Err(error) => probe.stop = Some((ProbeStep::Answer, error)),
            }
        }
        probe
    }

    fn wanted_token(
        &self,
        id: &ObjectId,
        answer: &Answer,
        now: SystemTime,
    ) -> Result<WantedToken, ClientError> {
        if answer.status != 401 || answer.is_web_page() {
            return Err(Refusal { id, token: None, now }.of_answer(answer));
        }
        let named = self.challenged(id, answer)?.or_else(|| self.known_resource(id.vault()));
        let resource = named.ok_or_else(|| refusal::no_challenge(id.vault()))?;
        Ok(WantedToken { resource, tenant_id: tenant(answer) })
    }
}

/// The end of the challenge's `authorization`, `https://login.microsoftonline.com/TENANT`.
fn tenant(answer: &Answer) -> Option<String> {
    let challenges = challenge::parse(answer.headers("www-authenticate"));
    let named = challenges
        .iter()
        .find_map(|one| one.parameter("authorization").or(one.parameter("authorization_uri")))?;
    let tenant = named.trim_end_matches('/').rsplit('/').next()?;
    is_guid(tenant).then(|| tenant.to_ascii_lowercase())
}

fn explained(at: Stretch, trouble: Trouble, vault: &Vault) -> (ProbeStep, ClientError) {
    let step = match at {
        Stretch::Name => ProbeStep::Name,
        Stretch::Connection => ProbeStep::Connection,
        Stretch::Proxy => ProbeStep::Proxy,
        Stretch::Tls => ProbeStep::Tls,
    };
    match trouble {
        // The handshake with the proxy, not with the vault behind it.
        Trouble::ThroughProxy(proxy, inner) if step == ProbeStep::Proxy => match *inner {
            Trouble::Tls(_, cause) => (step, no_trust(&proxy).caused_by(cause)),
            other => (step, trouble::explain(other.through(proxy), vault)),
        },
        trouble => (step, trouble::explain(trouble, vault)),
    }
}

fn no_trust(proxy: &str) -> ClientError {
    ClientError::new(
        ErrorKind::Tls,
        format!(
            "no trusted TLS connection to the proxy {proxy} comes about: write http:// in \
             HTTPS_PROXY if it speaks no TLS itself, else add its authority to the machine's \
             trusted ones or name it by SSL_CERT_FILE in /etc/akvvm/environment"
        ),
    )
}
