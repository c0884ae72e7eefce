//! Answers on their way, as the script wants them.

use std::io;
use std::time::Duration;

use http_body_util::channel::Channel;
use http_body_util::{Either, Full};
use hyper::body::Bytes;
use hyper::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, copy, sink};

use crate::exchange::Answer;
use crate::fault::{Delivery, Raw};

/// A body: all there, or coming bit by bit.
pub(crate) type Body = Either<Full<Bytes>, Channel<Bytes, io::Error>>;

/// The answer as hyper sends it; an error ends the connection.
pub(super) async fn deliver(delivery: Delivery) -> io::Result<Response<Body>> {
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
        Delivery::Raw(..) | Delivery::Close => {
            Err(io::Error::other("the script ends the connection"))
        }
        Delivery::Hang => std::future::pending().await,
    }
}

/// Sends bytes in place of an answer.
pub(super) async fn write_raw(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    bytes: &[u8],
    raw: &Raw,
) -> io::Result<()> {
    let at_once = if raw.bytes == 0 { bytes.len().max(1) } else { raw.bytes };
    for part in bytes.chunks(at_once) {
        stream.write_all(part).await?;
        stream.flush().await?;
        tokio::time::sleep(Duration::from_millis(raw.every_ms)).await;
    }
    if raw.hold {
        copy(&mut stream, &mut sink()).await?;
    }
    stream.shutdown().await
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
