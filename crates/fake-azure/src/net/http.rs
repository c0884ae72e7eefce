//! HTTP/1.1: requests read into plain values, answers written as the script wants them.

use std::io;
use std::time::Duration;

use http_body_util::channel::Channel;
use http_body_util::{Either, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_LENGTH, HOST, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use super::Net;
use crate::clock::now;
use crate::exchange::{Answer, Asked, Place, parameters};
use crate::fault::{Delivery, Rule, spoil};
use crate::lock::locked;
use crate::request_log::{Origin, Outcome};
use crate::{himds, imds, vault};

/// A body: all there, or coming bit by bit.
pub(crate) type Body = Either<Full<Bytes>, Channel<Bytes, io::Error>>;

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

/// Serves one of the imagined services on a connection.
pub(super) async fn asking<S>(net: Net, place: Place, stream: S, origin: Origin) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    serve(stream, move |request| exchange(net.clone(), place, request, origin)).await
}

async fn exchange(
    net: Net,
    place: Place,
    request: Request<Incoming>,
    origin: Origin,
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

async fn deliver(delivery: Delivery) -> io::Result<Response<Body>> {
    match delivery {
        Delivery::Whole(answer) => respond(answer),
        Delivery::Cut(answer, after) => in_parts(answer, move |body| Parts {
            bytes: after.max(1),
            // Long enough for the part to be on its way before the connection ends.
            pause: Duration::from_millis(20),
            body: body[..after.min(body.len())].to_vec(),
            whole: false,
        }),
        Delivery::Drip(answer, bytes, pause) => {
            in_parts(answer, move |body| Parts { bytes, pause, body, whole: true })
        }
        Delivery::Close => Err(io::Error::other("the script ends the connection")),
        Delivery::Hang => std::future::pending().await,
    }
}

/// A body that is sent in parts, and whether it then is whole.
struct Parts {
    bytes: usize,
    pause: Duration,
    body: Vec<u8>,
    whole: bool,
}

/// Announces the length of the whole body and sends what the parts are.
fn in_parts(
    mut answer: Answer,
    parts: impl FnOnce(Vec<u8>) -> Parts,
) -> io::Result<Response<Body>> {
    let body = std::mem::take(&mut answer.body);
    let length = HeaderValue::from(body.len());
    let parts = parts(body);
    let (mut sender, channel) = Channel::new(1);
    tokio::spawn(async move {
        for part in parts.body.chunks(parts.bytes) {
            if sender.send_data(Bytes::copy_from_slice(part)).await.is_err() {
                return;
            }
            tokio::time::sleep(parts.pause).await;
        }
        if !parts.whole {
            sender.abort(io::Error::other("the script ends the connection"));
        }
    });
    let mut response = respond(answer)?.map(|_| Either::Right(channel));
    response.headers_mut().insert(CONTENT_LENGTH, length);
    Ok(response)
}

/// The answer on its way.
pub(crate) fn respond(answer: Answer) -> io::Result<Response<Body>> {
    let mut response = Response::new(whole(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).map_err(io::Error::other)?;
    for (name, value) in answer.headers {
        let name = HeaderName::try_from(name).map_err(io::Error::other)?;
        // A script may want bytes that are no text, such as a control character in a realm.
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(io::Error::other)?;
        response.headers_mut().append(name, value);
    }
    Ok(response)
}

/// A body that is all there.
pub(crate) fn whole(body: Vec<u8>) -> Body {
    Either::Left(Full::new(Bytes::from(body)))
}
