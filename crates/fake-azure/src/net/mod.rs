//! The network: listeners, connections, HTTP. Everything behind it is plain values.

mod delivery;
mod distance;
mod http;
mod proxy;

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

pub(crate) use self::delivery::{Body, respond};
pub(crate) use self::http::serve;

use crate::azure::Azure;
use crate::exchange::Place;
use crate::request_log::Origin;

/// What connections need to know.
#[derive(Clone)]
pub(crate) struct Net {
    pub(crate) azure: Arc<Azure>,
    /// Where the vault listens directly, which the proxy also reaches.
    pub(crate) vault_port: u16,
}

/// A listener on the loopback address; the port that was chosen replaces a 0.
pub(crate) fn bind(port: &mut u16) -> io::Result<std::net::TcpListener> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, *port))?;
    listener.set_nonblocking(true)?;
    *port = listener.local_addr()?.port();
    Ok(listener)
}

/// Accepts connections for one service until the runtime ends.
pub(crate) async fn accept(net: Net, place: Place, listener: TcpListener) {
    incoming(listener, move |stream| {
        let net = net.clone();
        async move {
            // A connection that ends badly is the client's to notice.
            let _ = connection(net, place, stream).await;
        }
    })
    .await;
}

/// Accepts connections until the runtime ends, each served beside the others.
pub(crate) async fn incoming<S>(listener: TcpListener, serve: impl Fn(TcpStream) -> S)
where
    S: Future<Output = ()> + Send + 'static,
{
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Answers are small; waiting to fill a segment would cost more than it saves.
                let _ = stream.set_nodelay(true);
                tokio::spawn(serve(stream));
            }
            // Out of descriptors, say: some will be closed before long.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn connection(net: Net, place: Place, stream: TcpStream) -> io::Result<()> {
    let origin = Origin { connection: net.azure.connection(), proxied: false };
    match place {
        Place::Vault => {
            // The first bytes also pay for the connection itself.
            let latency = net.azure.latency();
            let stream = distance::away(stream, latency, latency);
            vault(net, stream, origin).await
        }
        Place::Proxy => proxy::serve(net, stream, origin).await,
        Place::Imds | Place::Arc => http::asking(net, place, stream, origin).await,
    }
}

/// A vault's end of a connection: TLS, then HTTP.
async fn vault<S>(net: Net, stream: S, origin: Origin) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let stream = TlsAcceptor::from(Arc::clone(&net.azure.tls.config)).accept(stream).await?;
    http::asking(net, Place::Vault, stream, origin).await
}
