//! The admin API: the world changed and looked at over HTTP, for scripts and other languages.
//! README.md lists the requests.

mod act;

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::{Request, Response};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use self::act::{Order, Problem};
use crate::azure::Azure;
use crate::endpoints::Endpoints;
use crate::exchange::{Answer, parameters};
use crate::net::{Body, incoming, respond, serve};

/// More than any scenario needs.
const LONGEST_BODY: usize = 16 * 1024 * 1024;

/// Accepts connections until the runtime ends.
pub(crate) async fn accept(azure: Arc<Azure>, endpoints: Arc<Endpoints>, listener: TcpListener) {
    incoming(listener, move |stream| {
        connection(Arc::clone(&azure), Arc::clone(&endpoints), stream)
    })
    .await;
}

async fn connection(azure: Arc<Azure>, endpoints: Arc<Endpoints>, stream: TcpStream) {
    let answered = Arc::clone(&azure);
    let answer = move |request| carry_out(Arc::clone(&azure), Arc::clone(&endpoints), request);
    // A connection that ends badly is the client's to notice.
    let _ = serve(stream, answer).await;
    // Who asked for the end has its answer now.
    if answered.stopping.load(Ordering::Relaxed) {
        answered.stop.notify_one();
    }
}

async fn carry_out(
    azure: Arc<Azure>,
    endpoints: Arc<Endpoints>,
    request: Request<Incoming>,
) -> io::Result<Response<Body>> {
    let order = match read(request).await {
        Ok(order) => order,
        Err(sentence) => return respond(Answer::json(400, &json!({ "error": sentence }))),
    };
    // Making certificates takes the processor for a while, or waits for openssl.
    let done = tokio::task::spawn_blocking(move || act::act(&azure, &endpoints, &order)).await;
    let answer = match done.map_err(io::Error::other)? {
        // One exchange a connection: the end of it tells that the answer has gone out.
        Ok(document) => Answer::json(200, &document).with("Connection", "close"),
        Err(Problem { status, sentence }) => Answer::json(status, &json!({ "error": sentence })),
    };
    respond(answer)
}

async fn read(request: Request<Incoming>) -> Result<Order, String> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, LONGEST_BODY).collect().await;
    let body = body.map_err(|error| format!("the body cannot be read: {error}"))?.to_bytes();
    let body = match body.trim_ascii().is_empty() {
        true => Value::Null,
        false => serde_json::from_slice(&body).map_err(|error| format!("no JSON: {error}"))?,
    };
    Ok(Order {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parameters(parts.uri.query().unwrap_or_default()),
        body,
    })
}
