//! Connections that are opened before there is anything to send.
//!
//! A request to a vault needs a token. While the token is fetched, the connection that will carry
//! it can be opened: two of five round trips less until the first certificate is there. And while
//! the first of many requests are under way, connections for the others can be: to a vault that is
//! far, each would wait for three round trips more.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ureq::unversioned::transport::time::Instant;
use ureq::unversioned::transport::{ConnectionDetails, Connector, Transport};

use super::corked::Corked;
use super::until::{Until, since};

/// Connecting to a vault that is far takes longer than this: then it is worth doing ahead also for
/// those who have a token, and merely wait to be let through. In a vault's own region it takes a
/// few milliseconds.
const FAR: Duration = Duration::from_millis(20);
/// A connection that has waited for longer than this may have been closed by the vault meanwhile.
const FRESH: Duration = Duration::from_secs(20);

/// What a connection goes through, one after the other.
pub(super) type Chain = Arc<dyn Connector<(), Out = Box<dyn Transport>>>;

/// How connections come about, shared by who opens them ahead and who uses them.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) chain: Chain,
    /// Whether vaults are reached through a proxy, which is connected to first.
    pub(super) proxied: bool,
}

impl Way {
    /// ureq connects to the proxy by the same connector, with a configuration that has no proxy.
    fn is_to_proxy(&self, details: &ConnectionDetails<'_>) -> bool {
        self.proxied && details.config.proxy().is_none()
    }

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
    ) -> Result<Option<Box<dyn Transport>>, ureq::Error> {
        let connection = self.chain.connect(details, None)?;
        Ok(if self.is_to_proxy(details) {
            connection.map(|connection| Corked::new(connection, Until::of(details)).boxed())
        } else {
            connection
        })
    }
}

/// What is known of connections, and those that wait for their first request.
#[derive(Clone, Debug, Default)]
pub(super) struct Connections(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    waiting: Vec<Ahead>,
    /// How long connecting took last, by host and port.
    took: HashMap<String, Duration>,
}

/// A connection that waits, the host and port that it leads to, and since when it is open.
#[derive(Debug)]
struct Ahead {
    authority: String,
    opened: Instant,
    connection: Box<dyn Transport>,
}

impl Connections {
    /// Whether connecting to this host and port takes long, as far as is known.
    pub(super) fn is_far(&self, authority: &str) -> bool {
        self.known().took.get(authority).is_some_and(|took| *took > FAR)
    }

    fn connect(
        &self,
        way: &Way,
        details: &ConnectionDetails<'_>,
    ) -> Result<Option<Box<dyn Transport>>, ureq::Error> {
        let connection = way.connect(details)?;
        let took = since(details.now, (details.current_time)());
        self.known().took.insert(authority(details), took);
        Ok(connection)
    }

    fn put(&self, details: &ConnectionDetails<'_>, connection: Box<dyn Transport>) {
        let (authority, opened) = (authority(details), (details.current_time)());
        self.known().waiting.push(Ahead { authority, opened, connection });
    }

    /// Not probed for whether it is still open: what a vault sends of its own accord after a
    /// handshake (session tickets, RFC 8446 §4.6.1) would be taken for noise.
    fn take(&self, authority: &str, now: Instant) -> Option<Box<dyn Transport>> {
        let waiting = &mut self.known().waiting;
        waiting.retain(|one| since(one.opened, now) < FRESH);
        let at = waiting.iter().position(|one| one.authority == authority)?;
        Some(waiting.swap_remove(at).connection)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Connects for requests: takes a connection that waits already, where there is one.
#[derive(Debug)]
pub(super) struct Taker {
    pub(super) way: Way,
    pub(super) connections: Connections,
}

impl Connector<()> for Taker {
    type Out = Box<dyn Transport>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _: Option<()>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        match self.connections.take(&authority(details), details.now) {
            Some(connection) if details.needs_tls() => Ok(Some(connection)),
            _ => self.connections.connect(&self.way, details),
        }
    }
}

/// Connects, puts the connection where a [`Taker`] finds it, and ends the request before anything
/// of it is sent, with [`Opened`].
#[derive(Debug)]
pub(super) struct Opener {
    pub(super) way: Way,
    pub(super) connections: Connections,
}

impl Connector<()> for Opener {
    type Out = Box<dyn Transport>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _: Option<()>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        let connection = self.connections.connect(&self.way, details)?;
        if self.way.is_to_proxy(details) {
            return Ok(connection);
        }
        let Some(connection) = connection else { return Ok(None) };
        self.connections.put(details, connection);
        Err(ureq::Error::Other(Box::new(Opened)))
    }
}

fn authority(details: &ConnectionDetails<'_>) -> String {
    details.uri.authority().map(ToString::to_string).unwrap_or_default()
}

/// The connection is open.
#[derive(Debug)]
pub(super) struct Opened;

impl fmt::Display for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection is open; nothing was sent")
    }
}

impl Error for Opened {}

#[cfg(test)]
mod tests {
    use ureq::unversioned::transport::{Buffers, LazyBuffers, NextTimeout};

    use super::*;

    #[derive(Debug)]
    struct Wire(LazyBuffers);

    impl Transport for Wire {
        fn buffers(&mut self) -> &mut dyn Buffers {
            &mut self.0
        }

        fn transmit_output(&mut self, _: usize, _: NextTimeout) -> Result<(), ureq::Error> {
            Ok(())
        }

        fn await_input(&mut self, _: NextTimeout) -> Result<bool, ureq::Error> {
            Ok(true)
        }

        fn is_open(&mut self) -> bool {
            true
        }
    }

    #[test]
    fn a_connection_is_taken_once_for_its_own_vault_and_while_it_is_fresh() {
        let connections = Connections::default();
        let start = match Instant::now() {
            Instant::Exact(start) => start,
            other => panic!("{other:?}"),
        };
        let at = |after: Duration| Instant::Exact(start + after);
        let wait = || {
            let connection = Wire(LazyBuffers::new(8, 8)).boxed();
            let opened = at(Duration::ZERO);
            connections.known().waiting.push(Ahead {
                authority: "a:443".into(),
                opened,
                connection,
            });
        };
        let almost = FRESH - Duration::from_millis(1);
        wait();
        assert!(connections.take("b:443", at(almost)).is_none());
        assert!(connections.take("a:443", at(almost)).is_some());
        assert!(connections.take("a:443", at(almost)).is_none());
        wait();
        assert!(connections.take("a:443", at(FRESH)).is_none());
        assert!(connections.take("a:443", at(almost)).is_none(), "it is closed");
    }
}
