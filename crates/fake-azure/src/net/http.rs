//! HTTP/1.1: requests read into plain values and answered.

use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::HOST;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::Net;
use super::delivery::{Body, deliver, write_raw};
use crate::clock::now;
use crate::exchange::{Asked, Place, parameters};
use crate::fault::{Delivery, Raw, Rule, spoil};
use crate::lock::locked;
use crate::request_log::{Origin, Outcome};
use crate::{himds, imds, vault};

/// Serves HTTP on a connection.
pub(crate) async fn serve<S, F, R>(stream: S, answer: F) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    F: Fn(Request<Incoming>) -> R,
    R: Future<Output = io::Result<Response<Body>>> + Send + 'static,
{
    hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service_fn(answer))
        .with_upgrades()
        .await
        .map_err(io::Error::other)
}

/// What the script wants on the connection in place of an answer.
type Instead = Arc<Mutex<Option<(Vec<u8>, Raw)>>>;

/// Serves one of the imagined services on a connection.
pub(super) async fn asking<S>(net: Net, place: Place, stream: S, origin: Origin) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let instead = Instead::default();
    let told = Arc::clone(&instead);
    let answer =
        move |request| Box::pin(exchange(net.clone(), place, request, origin, Arc::clone(&told)));
    let mut connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service_fn(answer));
    let end = poll_fn(|context| connection.poll_without_shutdown(context)).await;
    let mut stream = connection.into_parts().io.into_inner();
    let instead = locked(&instead).take();
    match instead {
        Some((bytes, raw)) => write_raw(stream, &bytes, &raw).await,
        None => {
            end.map_err(io::Error::other)?;
            stream.shutdown().await
        }
    }
}

async fn exchange(
    net: Net,
    place: Place,
    request: Request<Incoming>,
    origin: Origin,
    instead: Instead,
) -> io::Result<Response<Body>> {
    let asked = read(place, &request);
    let azure = &*net.azure;
    let rule = locked(&azure.rules).take(&asked);
    let scripted = rule.is_some();
    let Rule { delay_ms, then, .. } = rule.unwrap_or_default();
    if delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
    }
    let truth = match place {
        Place::Imds => imds::answer(azure, &asked, now()),
        Place::Arc => himds::answer(azure, &asked, now()),
        Place::Vault | Place::Proxy => vault::answer(azure, &asked, now()),
    };
    let shown = truth.identity.clone();
    let delivery = spoil(then, truth, place);
    let status = delivery.status();
    // A vault saw the token whatever it answered; from an identity endpoint it must have come.
    let identity = shown.filter(|_| place == Place::Vault || status == Some(200));
    let outcome = Outcome { status, identity, scripted };
    azure.log.record(&asked, origin, outcome, now());
    if let Delivery::Raw(bytes, raw) = &delivery {
        *locked(&instead) = Some((bytes.clone(), raw.clone()));
    }
    deliver(delivery).await
}

/// The request as plain values.
pub(super) fn read(place: Place, request: &Request<Incoming>) -> Asked {
    let uri = request.uri();
    let named = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let host = named.or(uri.authority().map(|authority| authority.as_str())).unwrap_or_default();
    Asked {
        place,
        method: request.method().to_string(),
        host: host.to_ascii_lowercase(),
        path: uri.path().to_owned(),
        query: parameters(uri.query().unwrap_or_default()),
        headers: request.headers().clone(),
        absolute: uri.authority().is_some(),
    }
}
