//! The only door to the network.

mod agents;
mod ahead;
mod body;
mod corked;
mod judge;
mod no_proxy;
mod proxy;
mod resolver;
mod tls;
mod trouble;
mod trust;
mod tunnel;
mod until;
mod walk;
mod witness;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use ureq::Agent;
use ureq::http::{HeaderMap, HeaderValue, Uri};
use zeroize::Zeroizing;

use crate::kind::Retry;
use crate::network::{Network, Timeouts};
use crate::retry_after;
use crate::text::one_line;

use agents::{VaultAgents, WayAgents};
use judge::Judge;
use no_proxy::NoProxy;
pub use proxy::ProxyError;
use proxy::ProxyServer;
pub(crate) use trouble::{Cause, TlsTrouble, Trouble};
use trust::TrustStore;
pub(crate) use walk::Stretch;

/// The way to identity endpoints and vaults. Clones share connections.
///
/// Vaults are reached by https only, through the proxy if one is set and its exceptions do not
/// name the vault; trust in them is the machine's, read again when its files change. Identity
/// endpoints are never reached through a proxy. Redirects are never followed.
#[derive(Clone)]
pub struct Http(Arc<Inner>);

struct Inner {
    timeouts: Timeouts,
    identity: Agent,
    proxy: Option<ProxyServer>,
    no_proxy: NoProxy,
    trust: Arc<TrustStore>,
    vaults: Mutex<Option<(trust::Stamp, VaultAgents)>>,
}

/// What came back: any status, with a body no longer than the limit.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

impl Http {
    /// Prepares the way; connects to nothing yet.
    ///
    /// # Errors
    /// If the proxy's value is no proxy's address.
    pub fn new(network: Network) -> Result<Self, ProxyError> {
        let proxy = match network.https_proxy.as_deref().map(str::trim) {
            None | Some("") => None,
            Some(value) => Some(ProxyServer::parse(value)?),
        };
        Ok(Self(Arc::new(Inner {
            identity: agents::identity_agent(&network.timeouts),
            timeouts: network.timeouts,
            proxy,
            no_proxy: NoProxy::parse(network.no_proxy.as_deref().unwrap_or_default()),
            trust: TrustStore::new(network.ssl_cert_file, network.ssl_cert_dir.as_deref()).into(),
            vaults: Mutex::new(None),
        })))
    }

    /// Lets go of idle connections and of the trusted authorities until they are needed again.
    /// Worth it before a pause: dozens of connections hold megabytes, and vaults close them soon.
    pub fn rest(&self) {
        *self.0.vaults.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Asks an identity endpoint, directly.
    pub(crate) fn ask_identity(
        &self,
        url: &str,
        headers: &[(&str, &HeaderValue)],
    ) -> Result<Answer, Trouble> {
        ask(&self.0.identity, url, headers)
    }

    /// Asks a vault, by https.
    pub(crate) fn ask_vault(
        &self,
        url: &str,
        headers: &[(&str, &HeaderValue)],
    ) -> Result<Answer, Trouble> {
        self.on_the_way(url, |agents| ask(&agents.requests, url, headers))
    }

    /// Opens a connection to a vault that its next request will use, and sends nothing.
    pub(crate) fn open_ahead(&self, url: &str) -> Result<(), Trouble> {
        self.on_the_way(url, |agents| agents.open_ahead(url))
    }

    /// Whether connecting to this host and port took long when it was done last.
    pub(crate) fn is_far(&self, authority: &str) -> bool {
        let vaults = self.0.vaults.lock().unwrap_or_else(PoisonError::into_inner);
        let known = vaults.as_ref().map(|(_, agents)| self.way_agents(agents, authority).1);
        known.is_some_and(|agents| agents.connections.is_far(authority))
    }

    /// Has the agents that lead to the vault of this address act.
    fn on_the_way<T>(
        &self,
        url: &str,
        act: impl FnOnce(&WayAgents) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let uri: Uri = url.parse().map_err(Trouble::other)?;
        let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
        let agents = self.vault_agents()?;
        let (proxy, agents) = self.way_agents(&agents, &authority);
        act(agents).map_err(|trouble| match proxy {
            Some(proxy) => trouble.through(proxy.to_string()),
            None => trouble,
        })
    }

    /// Those that lead there, and the proxy that they lead through.
    fn way_agents<'a>(
        &'a self,
        agents: &'a VaultAgents,
        authority: &str,
    ) -> (Option<&'a ProxyServer>, &'a WayAgents) {
        match (self.proxy_to(authority), &agents.proxied) {
            (Some(proxy), Some(agents)) => (Some(proxy), agents),
            _ => (None, &agents.direct),
        }
    }

    fn proxy_to(&self, authority: &str) -> Option<&ProxyServer> {
        self.0.proxy.as_ref().filter(|_| !self.0.no_proxy.covers(authority))
    }

    /// The agents for vaults, built anew when the trusted authorities' files have changed.
    fn vault_agents(&self) -> Result<VaultAgents, Trouble> {
        let mut slot = self.0.vaults.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = self.0.trust.stamp();
        if let Some((_, agents)) = slot.as_ref().filter(|(built, _)| *built == stamp) {
            return Ok(agents.clone());
        }
        let judge = Judge::new(&self.0.trust)?;
        let agents = VaultAgents::new(&self.0.timeouts, judge, self.0.proxy.as_ref())?;
        *slot = Some((stamp, agents.clone()));
        Ok(agents)
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http")
            .field("proxy", &self.0.proxy.as_ref().map(ToString::to_string))
            .field("timeouts", &self.0.timeouts)
            .finish_non_exhaustive()
    }
}

impl Answer {
    /// A header's value on one line, if it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Every value of a header that may come several times.
    pub(crate) fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.get_all(name).iter().filter_map(|value| value.to_str().ok())
    }

    pub(crate) fn retry_after(&self, now: SystemTime) -> Option<Retry> {
        let value = self.header("retry-after")?;
        retry_after::parse(value, now).map(Retry::After)
    }

    pub(crate) fn request_id(&self) -> Option<String> {
        self.header("x-ms-request-id").map(|id| one_line(id, 100)).filter(|id| !id.is_empty())
    }

    /// Whether a person was meant to read this: a captive portal's or a proxy's page.
    pub(crate) fn is_web_page(&self) -> bool {
        let declared = self
            .header("content-type")
            .is_some_and(|kind| kind.to_ascii_lowercase().contains("text/html"));
        declared || self.body.trim_ascii_start().starts_with(b"<")
    }
}

fn ask(agent: &Agent, url: &str, headers: &[(&str, &HeaderValue)]) -> Result<Answer, Trouble> {
    let mut request = agent.get(url).header("Accept", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.call().map_err(Trouble::from_ureq)?;
    let (parts, body) = response.into_parts();
    let expected = body.content_length();
    let body = body::read(body.into_reader(), expected)?;
    Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
}
