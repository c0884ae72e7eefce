//! The way to a vault, one stretch after the other, for people who want to know where it ends.
//!
//! Requests go through ureq, which says what failed, but not what it met before. This walks the
//! same way by hand as far as the TLS handshake; it asks for nothing and sends no token.

use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::Resolver as _;
use ureq::unversioned::transport::NextTimeout;
use ureq::{Proxy, ProxyProtocol, Timeout};

use super::judge::Judge;
use super::resolver::Resolver;
use super::witness::Witness;
use super::{Http, Trouble, tunnel};

/// A part of the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stretch {
    /// Looking up the name of the vault or, where there is one, of the proxy.
    Name,
    /// Connecting to it.
    Connection,
    /// Having the proxy connect to the vault.
    Proxy,
    /// The TLS handshake with the vault.
    Tls,
}

/// How far the way led.
#[derive(Debug, Default)]
pub(crate) struct Walked {
    /// The proxy it led through, without its password.
    pub(crate) proxy: Option<String>,
    /// Every address of the vault or the proxy.
    pub(crate) addresses: Vec<SocketAddr>,
    /// The one that took the connection.
    pub(crate) connected: Option<SocketAddr>,
    /// What the vault presented, leaf first, in DER; trusted only if nothing stopped the way.
    pub(crate) presented: Vec<Vec<u8>>,
    /// Where and why it ended before the end.
    pub(crate) stop: Option<(Stretch, Trouble)>,
}

impl Http {
    /// Walks to the vault with this authority. Each stretch may take as long as connecting to a
    /// vault may.
    pub(crate) fn walk(&self, authority: &str) -> Walked {
        let proxy = self.proxy_to(authority);
        let (judge, untrusting) = match Judge::new(&self.0.trust) {
            Ok(judge) => (Some(judge), None),
            Err(trouble) => (None, Some(trouble)),
        };
        let route = proxy.map(super::ProxyServer::for_ureq).transpose().map_err(Trouble::from);
        let route = route.and_then(|proxy| Route::new(authority, proxy, judge));
        let mut walked = match route {
            Ok(route) => route.walk(self.0.timeouts.vault_connect),
            Err(trouble) => Walked { stop: Some((Stretch::Name, trouble)), ..Walked::default() },
        };
        // Without authorities the way ends where they are first needed.
        walked.stop = walked.stop.or(untrusting.map(|trouble| (Stretch::Tls, trouble)));
        if let Some(proxy) = proxy.map(ToString::to_string) {
            let through = |(at, trouble): (_, Trouble)| (at, trouble.through(proxy.clone()));
            walked.stop = walked.stop.map(through);
            walked.proxy = Some(proxy);
        }
        walked
    }
}

/// Where to go.
struct Route {
    vault: Uri,
    proxy: Option<Proxy>,
    judge: Option<Arc<Judge>>,
}

/// What is told on the way.
enum News {
    Resolved(Vec<SocketAddr>),
    Connected(SocketAddr, TcpStream),
    Tunneled,
    Presented(Vec<Vec<u8>>),
    Ended(Result<(), Trouble>),
}

impl Route {
    fn new(
        authority: &str,
        proxy: Option<Proxy>,
        judge: Option<Arc<Judge>>,
    ) -> Result<Self, Trouble> {
        let vault = format!("https://{authority}/").parse().map_err(Trouble::other)?;
        Ok(Self { vault, proxy, judge })
    }

    /// Has a thread walk, since not every stretch can be limited in time from within: looking up
    /// a name cannot, and a peer that sends a byte now and then wears out any limit on reading.
    fn walk(self, limit: Duration) -> Walked {
        let (tell, news) = mpsc::channel();
        let after_connection = if self.proxy.is_some() { Stretch::Proxy } else { Stretch::Tls };
        let walk = move || {
            let ended = self.go(limit, &tell);
            // Nobody listens any more where the time was over.
            let _ = tell.send(News::Ended(ended));
        };
        match std::thread::Builder::new().name("walk".into()).spawn(walk) {
            Ok(_) => Walked::followed(&news, limit, after_connection),
            Err(error) => {
                let stop = Some((Stretch::Name, Trouble::other(error)));
                Walked { stop, ..Walked::default() }
            }
        }
    }

    fn go(&self, limit: Duration, tell: &Sender<News>) -> Result<(), Trouble> {
        let first = self.proxy.as_ref().map_or(&self.vault, Proxy::uri);
        let addresses = resolve(first, limit)?;
        let _ = tell.send(News::Resolved(addresses.clone()));
        let (address, mut stream) = connect(&addresses, limit)?;
        let handle = stream.try_clone().map_err(Trouble::from_io)?;
        let _ = tell.send(News::Connected(address, handle));
        let Some(proxy) = &self.proxy else { return self.greet(stream, tell) };
        if proxy.protocol() != ProxyProtocol::Https {
            tunnel::open(&mut stream, &self.vault, proxy)?;
            let _ = tell.send(News::Tunneled);
            return self.greet(stream, tell);
        }
        let Some(witness) = self.witness() else { return Ok(()) };
        let mut stream = witness.handshake(stream, proxy.host())?;
        tunnel::open(&mut stream, &self.vault, proxy)?;
        let _ = tell.send(News::Tunneled);
        self.greet(stream, tell)
    }

    /// The handshake with the vault itself.
    fn greet(
        &self,
        stream: impl std::io::Read + std::io::Write,
        tell: &Sender<News>,
    ) -> Result<(), Trouble> {
        let Some(witness) = self.witness() else { return Ok(()) };
        let ended = witness.handshake(stream, self.vault.host().unwrap_or_default());
        let _ = tell.send(News::Presented(witness.seen()));
        ended.map(drop)
    }

    fn witness(&self) -> Option<Witness> {
        self.judge.clone().map(Witness::new)
    }
}

impl Walked {
    /// Follows the news until the end, or until there was none for too long.
    fn followed(news: &Receiver<News>, limit: Duration, after_connection: Stretch) -> Self {
        let mut walked = Self::default();
        let mut at = Stretch::Name;
        let mut connection = None;
        let stopped = loop {
            match news.recv_timeout(limit) {
                Ok(News::Resolved(addresses)) => {
                    walked.addresses = addresses;
                    at = Stretch::Connection;
                }
                Ok(News::Connected(address, stream)) => {
                    walked.connected = Some(address);
                    connection = Some(stream);
                    at = after_connection;
                }
                Ok(News::Tunneled) => at = Stretch::Tls,
                Ok(News::Presented(presented)) => walked.presented = presented,
                Ok(News::Ended(ended)) => break ended.err(),
                Err(silence) => break Some(Trouble::TimedOut(Box::new(silence))),
            }
        };
        if let Some(connection) = connection {
            // Ends the thread, should it still wait for something.
            let _ = connection.shutdown(Shutdown::Both);
        }
        walked.stop = stopped.map(|trouble| (at, trouble));
        walked
    }
}

fn resolve(uri: &Uri, limit: Duration) -> Result<Vec<SocketAddr>, Trouble> {
    let timeout =
        NextTimeout { after: limit.into(), reason: Timeout::Resolve, ..NextTimeout::default() };
    let found = Resolver.resolve(uri, &Config::default(), timeout);
    Ok(found.map_err(Trouble::from_ureq)?.iter().copied().collect())
}

/// The first address that takes a connection. They share the time.
fn connect(addresses: &[SocketAddr], limit: Duration) -> Result<(SocketAddr, TcpStream), Trouble> {
    let share = limit / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
    let mut trouble = None;
    for address in addresses {
        match TcpStream::connect_timeout(address, share) {
            Ok(stream) => return Ok((*address, stream)),
            Err(error) => trouble = Some(Trouble::from_io(error)),
        }
    }
    Err(trouble.unwrap_or_else(|| Trouble::other("the name has no address")))
}
