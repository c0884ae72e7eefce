//! What each request of the admin API does.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::azure::Azure;
use crate::certificate::{CertificateSpec, IssueError, Issued};
use crate::clock::now;
use crate::endpoints::Endpoints;
use crate::fault::Rule;
use crate::lock::locked;
use crate::scenario::{Assigned, PlainSecret};
use crate::tls::TlsFault;
use crate::vault::access::Denial;
use crate::vault::store::AttributeChange;
use crate::vault::throttle::Throttle;

/// A request, read.
pub(super) struct Order {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) body: Value,
}

/// Why nothing was done.
pub(super) struct Problem {
    pub(super) status: u16,
    pub(super) sentence: String,
}

type Done = Result<Value, Problem>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Distance {
    milliseconds: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tls {
    fault: Option<TlsFault>,
}

/// Carries out an order; the document of the answer.
pub(super) fn act(azure: &Azure, endpoints: &Endpoints, order: &Order) -> Done {
    let segments: Vec<&str> = order.path.split('/').filter(|part| !part.is_empty()).collect();
    match (order.method.as_str(), &segments[..]) {
        ("GET", []) => Ok(overview(azure, endpoints)),
        (method, ["requests"]) => requests(azure, method, order),
        (method, ["faults"]) => faults(azure, method, order),
        ("PUT", ["identities"]) => {
            let assigned: Vec<Assigned> = body(order)?;
            let identities = assigned.iter().map(Assigned::identity).collect::<Vec<_>>();
            let shown = json!(identities);
            *locked(&azure.identities) = identities;
            Ok(shown)
        }
        ("POST", ["tokens", "revoke"]) => done(|| locked(&azure.tokens).revoke()),
        ("PUT", ["latency"]) => {
            let Distance { milliseconds } = body(order)?;
            done(|| azure.move_away(Duration::from_millis(milliseconds)))
        }
        ("POST", ["stop"]) => done(|| azure.stopping.store(true, Ordering::Relaxed)),
        (method, ["vaults", vault, rest @ ..]) => in_vault(azure, method, vault, rest, order),
        _ => Err(unknown(order)),
    }
}

fn in_vault(azure: &Azure, method: &str, vault: &str, rest: &[&str], order: &Order) -> Done {
    match (method, rest) {
        ("PUT", ["certificates", name]) => {
            let spec: CertificateSpec = body_or_default(order)?;
            issued(azure.put_certificate(vault, name, &spec, now()))
        }
        ("POST", ["certificates", name, "rotate"]) => issued(azure.rotate(vault, name, now())),
        ("PUT", ["secrets", name]) => {
            let secret: PlainSecret = body(order)?;
            let content_type = secret.content_type.as_deref();
            let version = azure.put_secret(vault, name, &secret.value, content_type, now());
            change(azure, vault, name, None, secret.attributes)?;
            Ok(json!({ "version": version }))
        }
        ("PATCH", ["secrets", name]) => change(azure, vault, name, None, body(order)?),
        ("PATCH", ["secrets", name, version]) => {
            change(azure, vault, name, Some(version), body(order)?)
        }
        ("DELETE", ["secrets", name]) => match azure.delete(vault, name) {
            true => nothing(),
            false => Err(missing(vault, name)),
        },
        ("POST", ["denials"]) => {
            let denial: Denial = body(order)?;
            done(|| azure.in_vault(vault, |vault| vault.denials.push(denial)))
        }
        ("DELETE", ["denials"]) => done(|| azure.in_vault(vault, |vault| vault.denials.clear())),
        ("PUT", ["throttle"]) => {
            let throttle: Option<Throttle> = body(order)?;
            done(|| azure.in_vault(vault, |vault| vault.throttle(throttle)))
        }
        ("PUT", ["tls"]) => {
            let Tls { fault } = body(order)?;
            azure.tls_fault(vault, fault).map_err(|error| failed(&error))?;
            nothing()
        }
        _ => Err(unknown(order)),
    }
}

fn requests(azure: &Azure, method: &str, order: &Order) -> Done {
    match method {
        "GET" => {
            let after = order.query.iter().find(|(name, _)| name == "after");
            let after = after.and_then(|(_, number)| number.parse().ok()).unwrap_or(0);
            Ok(json!(azure.log.after(after)))
        }
        "DELETE" => done(|| azure.log.clear()),
        _ => Err(unknown(order)),
    }
}

/// One rule or a list of them can be added.
fn faults(azure: &Azure, method: &str, order: &Order) -> Done {
    match method {
        "GET" => Ok(json!(locked(&azure.rules).all())),
        "DELETE" => done(|| locked(&azure.rules).clear()),
        "POST" => {
            let added: Vec<Rule> = match &order.body {
                Value::Array(_) => body(order)?,
                _ => vec![body(order)?],
            };
            let mut rules = locked(&azure.rules);
            added.into_iter().for_each(|rule| rules.add(rule));
            Ok(json!(rules.all()))
        }
        _ => Err(unknown(order)),
    }
}

/// Where everything is, and what is in the vaults, without any value.
fn overview(azure: &Azure, endpoints: &Endpoints) -> Value {
    let environment: Map<String, Value> = endpoints
        .environment()
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    let mut vaults = Map::new();
    for (host, vault) in locked(&azure.vaults).all() {
        let mut secrets = Map::new();
        for secret in vault.secrets() {
            let versions: Vec<_> = secret.versions.iter().map(|version| &version.id).collect();
            let serial = secret.certificate.as_ref().map(|(_, made)| &made.serial);
            let described = json!({ "versions": versions, "serial": serial });
            secrets.insert(secret.name.clone(), described);
        }
        vaults.insert(host.to_owned(), Value::Object(secrets));
    }
    let identities = locked(&azure.identities).clone();
    json!({ "environment": environment, "identities": identities, "vaults": vaults })
}

fn change(
    azure: &Azure,
    vault: &str,
    name: &str,
    version: Option<&str>,
    change: AttributeChange,
) -> Done {
    match azure.change(vault, name, version, change, now()) {
        true => nothing(),
        false => Err(missing(vault, name)),
    }
}

/// Never the key: who needs it reads the secret, with a token.
fn issued(issued: Result<Issued, IssueError>) -> Done {
    let issued = issued.map_err(|error| failed(&error))?;
    Ok(json!({
        "vault": issued.vault,
        "name": issued.name,
        "version": issued.version,
        "serial": issued.serial,
        "chain_pem": issued.chain_pem(),
    }))
}

fn body<T: DeserializeOwned>(order: &Order) -> Result<T, Problem> {
    let refused = |error| Problem { status: 400, sentence: format!("the body: {error}") };
    serde_json::from_value(order.body.clone()).map_err(refused)
}

fn body_or_default<T: DeserializeOwned + Default>(order: &Order) -> Result<T, Problem> {
    match order.body {
        Value::Null => Ok(T::default()),
        _ => body(order),
    }
}

/// For what answers nothing but that it was done.
fn done(act: impl FnOnce()) -> Done {
    act();
    nothing()
}

fn nothing() -> Done {
    Ok(json!({}))
}

fn failed(error: &dyn std::error::Error) -> Problem {
    Problem { status: 422, sentence: error.to_string() }
}

fn missing(vault: &str, name: &str) -> Problem {
    Problem { status: 404, sentence: format!("vault {vault} has no secret {name:?}") }
}

fn unknown(order: &Order) -> Problem {
    let Order { method, path, .. } = order;
    Problem { status: 404, sentence: format!("there is no {method} {path}; see README.md") }
}
