//! Vaults outside the known clouds: the first request goes without a token, and the vault's own
//! challenge says which one it wants.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, and makes its own files"
)]

mod loopback;

use std::sync::Arc;
use std::time::SystemTime;

use keyvault_client::ErrorKind::{self, *};
use keyvault_client::{
    AccessToken, ClientError, Http, IdentityEndpoint, IdentitySelector, ManagedIdentityCredential,
    Network, Secret, SecretClient, TokenCredential,
};
use loopback::{AUTHORITY, Front, Reply, Server, Tokens, bytes, http, now};
use object_id::{ObjectId, VaultSuffixes};

const V1: &str = "c07d36bb5b0f4a5d9f4c1f5b0e3a7d21";

struct Vault {
    server: Server,
    client: SecretClient,
    id: ObjectId,
    tokens: Tokens,
}

impl Vault {
    /// A vault at `localhost` whose replies may name its port as `PORT`.
    fn start(replies: &[(&str, &str, &str)]) -> Self {
        let config = AUTHORITY.certificate(&["localhost"]);
        // The port is not known before the server runs: challenges name the host alone.
        let replies: Vec<Reply> =
            replies.iter().map(|(status, headers, body)| http(status, headers, body)).collect();
        let server = Server::start(Front::Tls(Arc::clone(&config)), replies);
        let host = format!("localhost:{}", server.port);
        let suffixes = VaultSuffixes::known().allow(&host).unwrap();
        let id = ObjectId::parse(&format!("https://{host}/secrets/web"), &suffixes).unwrap();
        let network = Network { ssl_cert_file: Some(AUTHORITY.file.clone()), ..Network::default() };
        let client = SecretClient::new(Http::new(network).unwrap());
        Self { server, client, id, tokens: Tokens::default() }
    }

    fn ask(&self) -> Result<Secret, ClientError> {
        self.client.secret(&self.id, &self.tokens, now())
    }

    /// Whether each request carried a token.
    fn carried(&self) -> Vec<bool> {
        let has_token = |head: &String| head.to_ascii_lowercase().contains("\r\nauthorization:");
        self.server.requests().iter().map(has_token).collect()
    }

    fn asked(&self) -> Vec<String> {
        self.tokens.asked.lock().unwrap().clone()
    }
}

const CHALLENGE: (&str, &str, &str) =
    ("401 x", "WWW-Authenticate: Bearer resource=\"https://localhost\"\r\n", "");
/// Not a secret, but an answer after authentication.
const MISSING: (&str, &str, &str) = ("404 x", "", "");

fn assert_kind(outcome: Result<Secret, ClientError>, kind: ErrorKind) {
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), kind, "{error:?}");
}

#[test]
fn the_first_request_carries_no_token_and_later_ones_need_no_challenge() {
    let vault = Vault::start(&[CHALLENGE, MISSING]);
    assert_kind(vault.ask(), SecretNotFound);
    assert_kind(vault.ask(), SecretNotFound);
    assert_eq!(vault.carried(), [false, true, true]);
    assert_eq!(vault.asked(), ["https://localhost", "https://localhost"]);
}

#[test]
fn a_foreign_resource_gets_no_token() {
    let foreign =
        ("401 x", "WWW-Authenticate: Bearer resource=\"https://vault.azure.net\"\r\n", "");
    let vault = Vault::start(&[foreign]);
    assert_kind(vault.ask(), Challenge);
    assert_eq!(vault.carried(), [false]);
    assert!(vault.asked().is_empty());
}

#[test]
fn a_401_without_a_resource_is_an_error() {
    for headers in ["", "WWW-Authenticate: Basic realm=\"x\"\r\n"] {
        let vault = Vault::start(&[("401 x", headers, "")]);
        assert_kind(vault.ask(), Challenge);
        assert_eq!(vault.carried(), [false]);
    }
}

/// There are no tokens for what the vault names.
struct NoSuchCloud;

impl TokenCredential for NoSuchCloud {
    fn token(&self, resource: &str, now: SystemTime) -> Result<AccessToken, ClientError> {
        let refusal = r#"{"error":"invalid_resource","error_description":""}"#;
        let server = Server::start(Front::Plain, vec![http("400 x", "", refusal)]);
        let url = format!("http://127.0.0.1:{}", server.port);
        let endpoint = IdentityEndpoint::parse(&url).unwrap();
        let http = Http::new(Network::default()).unwrap();
        ManagedIdentityCredential::new(http, endpoint, IdentitySelector::Unspecified)
            .token(resource, now)
    }

    fn reject(&self, _: &str, _: &AccessToken) {}
}

#[test]
fn a_resource_without_tokens_is_asked_anew_since_the_vault_may_have_been_mended() {
    let vault = Vault::start(&[CHALLENGE]);
    for _ in 0..3 {
        assert_kind(vault.client.secret(&vault.id, &NoSuchCloud, now()), WrongCloud);
    }
    // Learnt, asked for in vain and forgotten; learnt again.
    assert_eq!(vault.carried(), [false, false]);
}

#[test]
fn a_vault_that_accepts_nothing_is_asked_three_times_at_first_and_twice_later() {
    let vault = Vault::start(&[CHALLENGE]);
    assert_kind(vault.ask(), Unauthorized);
    assert_eq!(vault.carried(), [false, true, true]);
    assert_kind(vault.ask(), Unauthorized);
    assert_eq!(vault.carried().len(), 5);
}

#[test]
fn a_vault_that_wants_no_token_gets_none() {
    let config = AUTHORITY.certificate(&["open.vault.example"]);
    let body = format!(r#"{{"value":"v","id":"https://open.vault.example/secrets/web/{V1}"}}"#);
    let reply = Reply::Whole(bytes("200 OK", "", body.as_bytes()));
    let server = Server::start(Front::Proxy(config), vec![reply]);
    let network = loopback::behind_proxy(server.port, &AUTHORITY.file);
    let client = SecretClient::new(Http::new(network).unwrap());
    let suffixes = VaultSuffixes::known().allow("vault.example").unwrap();
    let id = ObjectId::parse("https://open.vault.example/secrets/web", &suffixes).unwrap();
    let tokens = Tokens::default();
    assert_eq!(client.secret(&id, &tokens, now()).unwrap().version, V1);
    assert!(tokens.asked.lock().unwrap().is_empty());
}
