//! Connections that are opened before there is anything to send.
//!
//! A request to a vault needs a token. While the token is fetched, the connection that will carry
//! it can be opened: two of five round trips less until the first certificate is there.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use ureq::unversioned::transport::{ConnectionDetails, Connector, Transport};

/// How connections come about, shared by who opens them ahead and who uses them.
pub(super) type Way = Arc<dyn Connector<(), Out = Box<dyn Transport>>>;

/// Connections that wait for their first request.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiting(Arc<Mutex<Vec<Ahead>>>);

/// A connection, and the host and port that it leads to.
type Ahead = (String, Box<dyn Transport>);

impl Waiting {
    fn put(&self, authority: String, connection: Box<dyn Transport>) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push((authority, connection));
    }

    /// Not probed for whether it is still open: what a vault sends of its own accord after a
    /// handshake (session tickets, RFC 8446 §4.6.1) would be taken for noise.
    fn take(&self, authority: &str) -> Option<Box<dyn Transport>> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = waiting.iter().position(|(to, _)| to == authority)?;
        Some(waiting.swap_remove(at).1)
    }
}

/// Connects for requests: takes a connection that waits already, where there is one.
#[derive(Debug)]
pub(super) struct Taker {
    pub(super) way: Way,
    pub(super) waiting: Waiting,
}

impl Connector<()> for Taker {
    type Out = Box<dyn Transport>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _: Option<()>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        match self.waiting.take(&authority(details)) {
            Some(connection) if details.needs_tls() => Ok(Some(connection)),
            _ => self.way.connect(details, None),
        }
    }
}

/// Connects, puts the connection where a [`Taker`] finds it, and ends the request before anything
/// of it is sent, with [`Opened`].
#[derive(Debug)]
pub(super) struct Opener {
    pub(super) way: Way,
    pub(super) waiting: Waiting,
    /// Whether vaults are reached through a proxy, which is connected to first.
    pub(super) proxied: bool,
}

impl Connector<()> for Opener {
    type Out = Box<dyn Transport>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _: Option<()>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        let connection = self.way.connect(details, None)?;
        // ureq connects to the proxy by the same connector, with a configuration that has no proxy.
        if self.proxied && details.config.proxy().is_none() {
            return Ok(connection);
        }
        let Some(connection) = connection else { return Ok(None) };
        self.waiting.put(authority(details), connection);
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
