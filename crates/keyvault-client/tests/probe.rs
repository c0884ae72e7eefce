//! Walking to a vault: each step is told, and the one that it ends at.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, and makes its own files"
)]

mod loopback;

use std::net::TcpListener;
use std::path::Path;

use fake_azure::{Action, CertificateSpec, FakeAzure, Options, Place, Rule, TlsFault, When};
use keyvault_client::ErrorKind::{self, *};
use keyvault_client::{Http, Network, Probe, ProbeStep, SecretClient};
use loopback::{AUTHORITY, Front, Reply, SHORT, Server, http, now};
use object_id::{ObjectId, VaultSuffixes};

/// Nobody listens at this port: it cannot be chosen for anybody.
const CLOSED: u16 = 1;

fn id(host: &str) -> ObjectId {
    let suffixes = VaultSuffixes::known().allow(host).unwrap();
    ObjectId::parse(&format!("https://{host}/secrets/web"), &suffixes).unwrap()
}

fn probe(network: Network, host: &str) -> Probe {
    SecretClient::new(Http::new(network).unwrap()).probe(&id(host), now())
}

fn azure(directory: &Path) -> FakeAzure {
    let azure = FakeAzure::start(Options::new(directory)).unwrap();
    azure.put_certificate("contoso", "web", &CertificateSpec::default()).unwrap();
    azure
}

fn network(azure: &FakeAzure) -> Network {
    Network {
        https_proxy: Some(azure.proxy_url()),
        ssl_cert_file: Some(azure.ca_file().to_owned()),
        ..Network::default()
    }
}

fn trusting() -> Network {
    Network { ssl_cert_file: Some(AUTHORITY.file.clone()), ..Network::default() }
}

/// For peers that say nothing.
fn impatient() -> Network {
    Network { timeouts: SHORT, ..trusting() }
}

#[track_caller]
fn assert_ends(probe: &Probe, step: ProbeStep, kind: ErrorKind, words: &str) {
    let (at, error) = probe.stop.as_ref().unwrap();
    assert_eq!((*at, error.kind()), (step, kind), "{error:?}");
    assert!(error.to_string().contains(words), "{error}");
    assert_eq!(probe.wanted, None);
}

#[test]
fn the_whole_way_through_a_proxy_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let azure = azure(directory.path());
    let probe = probe(network(&azure), "contoso.vault.azure.net");
    assert!(probe.stop.is_none(), "{:?}", probe.stop);
    assert_eq!(probe.proxy, Some(azure.proxy_url()));
    assert_eq!(probe.connected.unwrap().port(), azure.ports().proxy);
    assert_eq!(probe.addresses, [probe.connected.unwrap()]);
    assert_eq!(probe.presented.len(), 1);
    let wanted = probe.wanted.unwrap();
    assert_eq!(wanted.resource, "https://vault.azure.net");
    assert_eq!(wanted.tenant_id.unwrap().len(), 36);
    // One request, without a token; and nobody was asked for one.
    let asked = azure.requests_to(Place::Vault);
    assert_eq!((asked.len(), asked[0].status), (1, Some(401)));
    assert!(azure.requests_to(Place::Imds).is_empty());
}

#[test]
fn a_vault_outside_the_known_clouds_says_what_it_wants() {
    let directory = tempfile::tempdir().unwrap();
    let azure = azure(directory.path());
    let host = format!("localhost:{}", azure.ports().vault);
    let direct = Network { https_proxy: None, ..network(&azure) };
    let probe = probe(direct, &host);
    assert_eq!(probe.proxy, None);
    assert_eq!(probe.wanted.unwrap().resource, "https://localhost");
}

#[test]
fn a_name_without_an_address_is_where_it_ends() {
    let nameless = format!("http://{}:3128", "x".repeat(64));
    let through = Network { https_proxy: Some(nameless), ..trusting() };
    let found = probe(through, "contoso.vault.azure.net");
    assert_ends(&found, ProbeStep::Name, NameNotResolved, "name of the proxy");
    assert!(found.addresses.is_empty() && found.connected.is_none());
}

#[test]
fn a_closed_port_and_a_silent_peer_are_told_apart() {
    let host = format!("127.0.0.1:{CLOSED}");
    let found = probe(trusting(), &host);
    assert_ends(&found, ProbeStep::Connection, ConnectionRefused, "refuses connections");
    assert_eq!(found.addresses, [host.parse().unwrap()]);
    // The kernel connects, and then nothing comes.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let found = probe(impatient(), &address.to_string());
    assert_ends(&found, ProbeStep::Tls, TimedOut, "does not answer in time");
    assert_eq!(found.connected, Some(address));
}

#[test]
fn a_proxy_that_refuses_or_is_silent_is_where_it_ends() {
    let through = |network: Network, port: u16| {
        let proxy = format!("http://user:hunter2@127.0.0.1:{port}");
        probe(Network { https_proxy: Some(proxy), ..network }, "contoso.vault.azure.net")
    };
    for (status, words) in [
        ("407 Who", "does not accept the user name and password in HTTPS_PROXY (407)"),
        ("403 No", "does not connect to contoso.vault.azure.net"),
        ("502 Bad Gateway", "does not connect to contoso.vault.azure.net"),
    ] {
        let server = Server::start(Front::Plain, vec![http(status, "", "")]);
        let found = through(trusting(), server.port);
        assert_ends(&found, ProbeStep::Proxy, Proxy, words);
        assert!(!format!("{found:?}").contains("hunter2"));
    }
    let silent = Server::start(Front::Plain, vec![Reply::Silence]);
    assert_ends(&through(impatient(), silent.port), ProbeStep::Proxy, TimedOut, "in time");
    let drips = vec![Reply::Drip(b"HTTP/1.1 200 but slowly, much too slowly to wait for".to_vec())];
    let slow = Server::start(Front::Plain, drips);
    assert_ends(&through(impatient(), slow.port), ProbeStep::Proxy, TimedOut, "in time");
    assert_ends(
        &through(trusting(), CLOSED),
        ProbeStep::Connection,
        ConnectionRefused,
        "the proxy http://***@",
    );
}

#[test]
fn a_proxy_that_speaks_tls_is_walked_through_too() {
    let server = Server::start(
        Front::Tls(AUTHORITY.certificate(&["localhost"])),
        vec![http("502 Bad Gateway", "", "")],
    );
    let to = |host: &str| {
        let proxy = format!("https://{host}:{}", server.port);
        probe(Network { https_proxy: Some(proxy), ..trusting() }, "contoso.vault.azure.net")
    };
    assert_ends(&to("localhost"), ProbeStep::Proxy, Proxy, "does not connect");
    assert!(server.requests()[0].starts_with("CONNECT contoso.vault.azure.net:443 HTTP/1.1\r\n"));
    assert_ends(&to("127.0.0.1"), ProbeStep::Proxy, Tls, "connection to the proxy https://127");
}

#[test]
fn certificates_that_are_not_trusted_are_shown_all_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let azure = azure(directory.path());
    for (fault, words) in [
        (TlsFault::UnknownAuthority, "does not trust"),
        (TlsFault::Expired, "clock"),
        (TlsFault::WrongName, "for another name"),
    ] {
        azure.tls_fault("contoso", Some(fault)).unwrap();
        let found = probe(network(&azure), "contoso.vault.azure.net");
        assert_ends(&found, ProbeStep::Tls, Tls, words);
        assert_eq!(found.presented.len(), 1);
    }
    assert!(azure.requests_to(Place::Vault).is_empty());
}

#[test]
fn a_machine_without_authorities_gets_as_far_as_the_handshake() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let nowhere = Some("/nonexistent/ca.pem".into());
    let network = Network { ssl_cert_file: nowhere, ..trusting() };
    let found = probe(network, &listener.local_addr().unwrap().to_string());
    assert_ends(&found, ProbeStep::Tls, NoTrustedRoots, "check SSL_CERT_FILE");
    assert!(found.connected.is_some());
}

#[test]
fn what_does_not_answer_as_a_vault_does_is_where_it_ends() {
    let directory = tempfile::tempdir().unwrap();
    let azure = azure(directory.path());
    for (action, kind, words) in [
        (Action::Html { status: 200 }, VaultAnswer, "a web page"),
        (Action::Html { status: 401 }, VaultAnswer, "a web page"),
        (Action::status(503), VaultUnavailable, "error of its own"),
        (Action::status(429), Throttled, "too many requests"),
        (Action::body(200, "{}"), VaultAnswer, "an answer without a secret"),
        (Action::Close, ConnectionLost, "broke off"),
    ] {
        azure.clear_faults();
        azure.fault(Rule::new(When::at(Place::Vault), action));
        let found = probe(network(&azure), "contoso.vault.azure.net");
        assert_ends(&found, ProbeStep::Answer, kind, words);
        assert_eq!(found.presented.len(), 1);
    }
    azure.clear_faults();
    let foreign =
        r#"Bearer authorization="https://login.example/x", resource="https://attacker.example""#;
    let challenge = Action::body(401, "{}").header("WWW-Authenticate", foreign);
    azure.fault(Rule::new(When::at(Place::Vault), challenge));
    let found = probe(network(&azure), "contoso.vault.azure.net");
    assert_ends(&found, ProbeStep::Answer, Challenge, "not its own domain");
}
