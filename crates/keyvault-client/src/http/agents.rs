//! ureq's agents: one for identity endpoints, and for each way to a vault one that asks and one
//! that only opens connections.

use std::sync::Arc;
use std::time::Duration;

use ureq::Agent;
use ureq::config::{Config, ConfigBuilder};
use ureq::typestate::AgentScope;
use ureq::unversioned::transport::{
    ConnectProxyConnector, ConnectionDetails, Connector, DefaultConnector, TcpConnector, Transport,
};

use super::ahead::{Chain, Connections, Opened, Opener, Taker, Way};
use super::judge::Judge;
use super::proxy::ProxyServer;
use super::resolver::Resolver;
use super::tls::{TlsConnector, client_config};
use super::{Trouble, ask};
use crate::network::Timeouts;

/// More parallel requests to one vault than this open connections that are not kept.
const IDLE_PER_HOST: usize = 64;
/// Buffers below TLS, in bytes; the defaults take 256 KiB for each connection.
const BELOW_TLS: usize = 4 * 1024;

/// Of an answer, in bytes.
const LONGEST_HEAD: usize = 16 * 1024;

/// Agents for the vaults that are reached directly, and for those behind the proxy. They share
/// what is trusted.
#[derive(Clone)]
pub(super) struct VaultAgents {
    pub(super) direct: WayAgents,
    pub(super) proxied: Option<WayAgents>,
}

/// Two agents for the same way.
#[derive(Clone)]
pub(super) struct WayAgents {
    pub(super) requests: Agent,
    opening: Agent,
    pub(super) connections: Connections,
}

impl VaultAgents {
    pub(super) fn new(
        timeouts: &Timeouts,
        judge: Arc<Judge>,
        proxy: Option<&ProxyServer>,
    ) -> Result<Self, Trouble> {
        let chain =
            ().chain(ConnectProxyConnector::default())
                .chain(TcpConnector::default())
                .chain(TlsConnector(client_config(judge)?))
                .chain(Boxed);
        let chain: Chain = Arc::new(chain);
        let proxied = match proxy {
            Some(proxy) => Some(WayAgents::new(timeouts, &chain, Some(proxy.for_ureq()?))),
            None => None,
        };
        Ok(Self { direct: WayAgents::new(timeouts, &chain, None), proxied })
    }
}

impl WayAgents {
    fn new(timeouts: &Timeouts, chain: &Chain, proxy: Option<ureq::Proxy>) -> Self {
        let way = Way { chain: Arc::clone(chain), proxied: proxy.is_some() };
        let config = basics(timeouts.vault_connect, timeouts.vault)
            .https_only(true)
            .input_buffer_size(BELOW_TLS)
            .output_buffer_size(BELOW_TLS)
            .proxy(proxy)
            .build();
        let connections = Connections::default();
        let taker = Taker { way: way.clone(), connections: connections.clone() };
        let opener = Opener { way, connections: connections.clone() };
        Self {
            requests: Agent::with_parts(config.clone(), taker, Resolver),
            opening: Agent::with_parts(config, opener, Resolver),
            connections,
        }
    }

    /// Opens a connection to the host of this address, for the next request to it.
    pub(super) fn open_ahead(&self, url: &str) -> Result<(), Trouble> {
        match ask(&self.opening, url, &[]) {
            Err(Trouble::Other(cause)) if cause.is::<Opened>() => Ok(()),
            Err(trouble) => Err(trouble),
            // The opener ends every request before it is sent.
            Ok(_) => Ok(()),
        }
    }
}

/// The agent for identity endpoints: they speak plain HTTP.
pub(super) fn identity_agent(timeouts: &Timeouts) -> Agent {
    let config = basics(timeouts.identity_connect, timeouts.identity)
        .input_buffer_size(32 * 1024)
        .output_buffer_size(32 * 1024)
        .build();
    Agent::with_parts(config, DefaultConnector::default(), Resolver)
}

fn basics(connect: Duration, whole: Duration) -> ConfigBuilder<AgentScope> {
    Config::builder()
        .proxy(None)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .timeout_resolve(Some(connect))
        .timeout_connect(Some(connect))
        .timeout_global(Some(whole))
        .user_agent(concat!("akvvm/", env!("CARGO_PKG_VERSION")))
        // Answers are small and secret; one that comes compressed all the same is understood.
        .accept_encoding("identity")
        .max_response_header_size(LONGEST_HEAD)
        .max_idle_connections(2 * IDLE_PER_HOST)
        .max_idle_connections_per_host(IDLE_PER_HOST)
}

/// Ends a chain of connectors, whose connections are of one type then.
#[derive(Debug)]
struct Boxed;

impl<In: Transport> Connector<In> for Boxed {
    type Out = Box<dyn Transport>;

    fn connect(
        &self,
        _: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        Ok(chained.map(|connection| Box::new(connection) as Box<dyn Transport>))
    }
}
