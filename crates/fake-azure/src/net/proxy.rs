//! The HTTPS proxy: `CONNECT` to a vault's host leads to the imagined vault, so that clients use
//! real vault URLs and need no test hooks.

use std::io;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::delivery::{Body, respond};
use super::http::{self, read};
use super::{Net, distance, vault};
use crate::azure::Azure;
use crate::clock::now;
use crate::exchange::{Answer, Asked, Place};
use crate::fault::{Action, Delivery, spoil};
use crate::lock::locked;
use crate::request_log::{Origin, Outcome};
use crate::vault::{cloud, exists};

pub(super) async fn serve(net: Net, stream: TcpStream, origin: Origin) -> io::Result<()> {
    http::serve(stream, move |request| connect(net.clone(), request, origin)).await
}

async fn connect(
    net: Net,
    mut request: Request<Incoming>,
    origin: Origin,
) -> io::Result<Response<Body>> {
    let upgrade = hyper::upgrade::on(&mut request);
    let mut asked = read(Place::Proxy, &request);
    // The target stands in the request line; the Host header may say anything.
    if let Some(target) = request.uri().authority() {
        asked.host = target.as_str().to_ascii_lowercase();
    }
    let answer = match request.method() == Method::CONNECT {
        true => tunnel(&net, &asked),
        false => refuse(403, "this proxy only makes tunnels to vaults"),
    };
    let rule = locked(&net.azure.rules).take(&asked);
    let scripted = rule.is_some();
    if let Some(wait) = rule.as_ref().map(|rule| rule.delay_ms).filter(|wait| *wait > 0) {
        tokio::time::sleep(Duration::from_millis(wait)).await;
    }
    let delivery = spoil(rule.map_or(Action::Pass, |rule| rule.then), answer, Place::Proxy);
    let outcome = Outcome { status: delivery.status(), identity: None, scripted };
    net.azure.log.record(&asked, origin, outcome, now());
    match delivery {
        Delivery::Whole(answer) | Delivery::Cut(answer, _) | Delivery::Drip(answer, ..) => {
            if answer.status == 200 {
                tokio::spawn(through(net.clone(), upgrade, origin));
                // What it takes the proxy to reach the vault.
                tokio::time::sleep(net.azure.latency()).await;
            }
            respond(answer)
        }
        Delivery::Raw(..) | Delivery::Close => {
            Err(io::Error::other("the script ends the connection"))
        }
        Delivery::Hang => std::future::pending().await,
    }
}

/// Whether there is a tunnel to this host.
fn tunnel(net: &Net, asked: &Asked) -> Answer {
    if !authorized(&net.azure, asked) {
        return refuse(407, "who are you?").with("Proxy-Authenticate", "Basic realm=\"proxy\"");
    }
    let host = cloud::host_in(&asked.host);
    let port = asked.host.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    let is_local = host == cloud::LOCAL;
    if port != Some(if is_local { net.vault_port } else { 443 }) {
        return refuse(403, "tunnels lead to vaults only");
    }
    match exists(&mut locked(&net.azure.vaults), &host) {
        true => Answer { status: 200, headers: Vec::new(), body: Vec::new(), identity: None },
        // As proxies answer when a name cannot be resolved.
        false => refuse(502, "the host's name cannot be resolved"),
    }
}

fn authorized(azure: &Azure, asked: &Asked) -> bool {
    let Some((user, password)) = &azure.proxy_credentials else { return true };
    let expected = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    asked.header("Proxy-Authorization") == Some(&expected)
}

fn refuse(status: u16, sentence: &str) -> Answer {
    Answer::new(status, "text/plain", format!("{sentence}\n"))
}

/// The vault at the other end of the tunnel.
async fn through(net: Net, upgrade: OnUpgrade, origin: Origin) {
    let Ok(upgraded) = upgrade.await else { return };
    let stream = distance::away(TokioIo::new(upgraded), net.azure.latency(), Duration::ZERO);
    let origin = Origin { proxied: true, ..origin };
    // How it ends is the client's to notice.
    let _ = vault(net, stream, origin).await;
}
