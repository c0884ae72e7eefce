//! Key Vault's secrets, over HTTP: who asks, for what, and the answer.
//!
//! <https://learn.microsoft.com/rest/api/keyvault/secrets/get-secret>

pub(crate) mod access;
pub(crate) mod cloud;
mod document;
pub(crate) mod store;
pub(crate) mod throttle;

use std::time::SystemTime;

use self::access::Operation;
use self::document::{Page, failure, forbidden, unauthorized};
use self::store::{Secret, Vault, Vaults};
use crate::azure::Azure;
use crate::clock::seconds;
use crate::exchange::{Answer, Asked};
use crate::identifier::guid;
use crate::identity::Grant;
use crate::lock::locked;

/// What the path asks for.
enum Wanted<'a> {
    Secret { name: &'a str, version: Option<&'a str> },
    Versions { name: &'a str },
    Secrets,
}

/// Answers a request to a vault, with the headers that every answer of one has.
pub(crate) fn answer(azure: &Azure, asked: &Asked, now: SystemTime) -> Answer {
    let mut answer = checked(azure, asked, now);
    let own = [
        ("Cache-Control", "no-cache"),
        ("Pragma", "no-cache"),
        ("Expires", "-1"),
        ("x-ms-keyvault-region", "westeurope"),
        ("x-ms-keyvault-service-version", "1.9.2150.1"),
        (
            "x-ms-keyvault-network-info",
            "conn_type=Ipv4;addr=203.0.113.7;act_addr_fam=InterNetwork;",
        ),
        ("X-Content-Type-Options", "nosniff"),
        ("Strict-Transport-Security", "max-age=31536000;includeSubDomains"),
    ];
    answer.headers.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let answer = answer.with("x-ms-request-id", guid());
    match asked.header("x-ms-client-request-id") {
        Some(id) => answer.with("x-ms-client-request-id", id),
        None => answer,
    }
}

fn checked(azure: &Azure, asked: &Asked, now: SystemTime) -> Answer {
    let host = cloud::host_in(&asked.host);
    let resource = cloud::resource_of(&host, &azure.suffixes);
    let grant = match authorized(azure, asked, &resource, now) {
        Ok(grant) => grant,
        Err(message) => return unauthorized(&resource, message),
    };
    let mut answer = match locked(&azure.vaults).of(&host) {
        Some(vault) => allowed(vault, &host, asked, &grant, now),
        None => failure(404, "VaultNotFound", &format!("The vault {host} does not exist."), None),
    };
    answer.identity = Some(grant.identity.name);
    answer
}

/// What the bearer token stands for, or the sentence of the 401.
fn authorized(
    azure: &Azure,
    asked: &Asked,
    resource: &str,
    now: SystemTime,
) -> Result<Grant, String> {
    let bearer = asked.header("Authorization").and_then(|value| value.strip_prefix("Bearer "));
    let bearer = bearer.ok_or("AKV10000: Request is missing a Bearer or PoP token.")?;
    let grant = locked(&azure.tokens).grant(bearer).cloned();
    let grant =
        grant.ok_or("AKV10046: Unable to resolve the key used for signature validation.")?;
    if grant.expires <= seconds(now) {
        return Err("AKV10005: Token is expired or not yet valid.".to_owned());
    }
    if grant.resource != resource {
        let found = &grant.resource;
        return Err(format!("AKV10022: Invalid audience. Expected {resource}, found: {found}."));
    }
    Ok(grant)
}

fn allowed(vault: &mut Vault, host: &str, asked: &Asked, grant: &Grant, now: SystemTime) -> Answer {
    let Some(wanted) = wanted(&asked.path) else {
        return failure(404, "NotFound", "The resource does not exist.", None);
    };
    if asked.method != "GET" {
        return failure(405, "MethodNotAllowed", "This vault can only be read.", None);
    }
    if asked.parameter("api-version").is_none_or(str::is_empty) {
        return failure(400, "BadParameter", "api-version must be specified", None);
    }
    if let Err(wait) = vault.gate.enter(now) {
        let message = "Request was not processed because too many requests were received. \
                       Reason: VaultRequestTypeLimitReached";
        return failure(429, "Throttled", message, None).with("Retry-After", wait.to_string());
    }
    let operation = match wanted {
        Wanted::Secret { .. } => Operation::Get,
        Wanted::Versions { .. } | Wanted::Secrets => Operation::List,
    };
    if let Some(denial) = vault.denials.iter().find(|denial| denial.concerns(grant, operation)) {
        let message = denial.refusal.message(host, grant, operation);
        return forbidden(denial.refusal.code(), &message);
    }
    found(vault, asked, &wanted)
}

/// `/secrets`, `/secrets/NAME`, `/secrets/NAME/VERSION`, `/secrets/NAME/versions`, each with or
/// without a slash at its end: the SDKs send one where they have no version.
fn wanted(path: &str) -> Option<Wanted<'_>> {
    let path = path.strip_prefix("/secrets")?;
    let mut segments: Vec<&str> = path.split('/').collect();
    if segments.len() > 1 && segments.last() == Some(&"") {
        segments.pop();
    }
    match segments[..] {
        [""] => Some(Wanted::Secrets),
        ["", name] => Some(Wanted::Secret { name, version: None }),
        ["", name, "versions"] => Some(Wanted::Versions { name }),
        ["", name, version] => Some(Wanted::Secret { name, version: Some(version) }),
        _ => None,
    }
}

fn found(vault: &Vault, asked: &Asked, wanted: &Wanted<'_>) -> Answer {
    match *wanted {
        Wanted::Secrets => {
            let newest = |secret| Some((secret, Secret::version(secret, None)?));
            let items = vault.secrets().filter_map(newest).collect();
            Page::asked(asked, false).answer(asked, items)
        }
        Wanted::Versions { name } => match vault.secret(name) {
            Some(secret) => {
                let items = secret.versions.iter().map(|version| (secret, version)).collect();
                Page::asked(asked, true).answer(asked, items)
            }
            None => document::missing(name),
        },
        Wanted::Secret { name, version } => {
            let secret = vault.secret(name);
            match secret.and_then(|secret| Some((secret, secret.version(version)?))) {
                Some((_, found)) if !found.attributes.enabled => document::disabled(),
                Some((secret, found)) => document::secret(asked, secret, found),
                None => document::missing(&[name, version.unwrap_or("")].join("/")),
            }
        }
    }
}

/// Whether this host is a vault: below a suffix, and put there by somebody. What is no vault has
/// no address either.
pub(crate) fn exists(vaults: &mut Vaults, host: &str) -> bool {
    host == cloud::LOCAL || vaults.of(host).is_some()
}
