//! The way to a vault: names, addresses, proxies, TLS, time.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, and makes its own files"
)]

mod loopback;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;

use keyvault_client::ErrorKind::{self, *};
use std::time::SystemTime;

use keyvault_client::{
    AccessToken, ClientError, Http, Network, Secret, SecretClient, TokenCredential,
};
use loopback::{AUTHORITY, Authority, Front, Reply, Server, Tokens, behind_proxy, http, now};
use object_id::{ObjectId, VaultSuffixes};

const V1: &str = "c07d36bb5b0f4a5d9f4c1f5b0e3a7d21";

fn id(host: &str) -> ObjectId {
    let suffixes = VaultSuffixes::known().allow(host).unwrap();
    ObjectId::parse(&format!("https://{host}/secrets/web"), &suffixes).unwrap()
}

fn secret(host: &str) -> Reply {
    let body = format!(r#"{{"value":"hunter2","id":"https://{host}/secrets/web/{V1}"}}"#);
    http("200 OK", "", &body)
}

fn trusting(ca: &Authority) -> Network {
    Network { ssl_cert_file: Some(ca.file.clone()), ..Network::default() }
}

fn ask(network: Network, host: &str) -> Result<Secret, ClientError> {
    SecretClient::new(Http::new(network).unwrap()).secret(&id(host), &Tokens::default(), now())
}

fn assert_fails(outcome: Result<Secret, ClientError>, kind: ErrorKind, words: &str) {
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), kind, "{error:?}");
    assert!(error.to_string().contains(words), "{error}");
}

/// A port that nobody listens at (tcpmux, which nobody has).
const CLOSED: u16 = 1;

/// Longer than any label may be, so no resolver asks anybody about it.
fn unknown_name() -> String {
    "x".repeat(64)
}

#[test]
fn certificates_that_cannot_be_trusted_are_told_apart() {
    let other = Authority::new();
    let config = AUTHORITY.certificate(&["localhost"]);
    for (config, ca, words) in [
        (config, &other, "does not trust"),
        (AUTHORITY.certificate(&["example.net"]), &*AUTHORITY, "for another name"),
        (AUTHORITY.certificate_until(&["localhost"], 2021), &*AUTHORITY, "clock"),
    ] {
        let server = Server::start(Front::Tls(config), vec![Reply::Silence]);
        assert_fails(ask(trusting(ca), &format!("localhost:{}", server.port)), Tls, words);
        assert!(server.requests().is_empty());
    }
}

#[test]
fn a_port_that_speaks_no_tls_is_told_so() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = format!("localhost:{}", listener.local_addr().unwrap().port());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 16]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    assert_fails(ask(trusting(&AUTHORITY), &host), Tls, "intercepts");
}

#[test]
fn a_refused_connection_is_told_from_a_silent_one() {
    let host = format!("127.0.0.1:{CLOSED}");
    assert_fails(ask(trusting(&AUTHORITY), &host), ConnectionRefused, "refuses connections");
    // A listener that never accepts: the kernel connects, and then nothing comes.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = format!("127.0.0.1:{}", listener.local_addr().unwrap().port());
    let network = Network { timeouts: loopback::SHORT, ..trusting(&AUTHORITY) };
    assert_fails(ask(network, &host), TimedOut, "AzureKeyVault");
}

#[test]
fn a_proxys_own_troubles_are_told_apart_and_its_password_is_not() {
    let through = |proxy: String| {
        let network = Network { https_proxy: Some(proxy), ..trusting(&AUTHORITY) };
        ask(network, "abc.vault.azure.net")
    };
    let answers = |status: &str| {
        let server = Server::start(Front::Plain, vec![http(status, "", "")]);
        through(format!("http://user:hunter2@127.0.0.1:{}", server.port))
    };
    assert_fails(answers("407 Proxy Authentication Required"), Proxy, "user name and password");
    assert_fails(answers("403 Forbidden"), Proxy, "NO_PROXY");
    assert_fails(answers("502 Bad Gateway"), Proxy, "does not connect to abc.vault.azure.net");
    assert_fails(answers("407 x"), Proxy, "http://***@127.0.0.1:");
    let closed = format!("user:hunter2@127.0.0.1:{CLOSED}");
    assert_fails(through(closed), ConnectionRefused, "the proxy http://***@");
    let nameless = format!("http://{}:3128", unknown_name());
    assert_fails(through(nameless), NameNotResolved, "name of the proxy");
    let silent = Server::start(Front::Plain, vec![Reply::Silence]);
    let mut network = behind_proxy(silent.port, &AUTHORITY.file);
    network.timeouts = loopback::SHORT;
    assert_fails(ask(network, "abc.vault.azure.net"), TimedOut, "in time");
    for error in [answers("407 x").unwrap_err(), answers("500 x").unwrap_err()] {
        assert!(!loopback::said(&error).contains("hunter2"));
    }
}

#[test]
fn a_proxy_that_drips_is_given_no_more_time_than_a_silent_one() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let waited = std::thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        [b"HTTP/1.1 200 OK\r\nX: ", &[b'x'; 80][..]].concat().iter().all(|byte| {
            loopback::pause();
            stream.write_all(&[*byte]).is_ok()
        })
    });
    let mut network = behind_proxy(port, &AUTHORITY.file);
    network.timeouts = loopback::SHORT;
    assert_fails(ask(network, "abc.vault.azure.net"), TimedOut, "in time");
    assert!(!waited.join().unwrap(), "the client waited for all of it");
}

#[test]
fn a_proxy_gets_its_credentials_and_no_token() {
    let config = AUTHORITY.certificate(&["*.vault.azure.net"]);
    let server = Server::start(Front::Proxy(config), vec![secret("abc.vault.azure.net")]);
    let mut network = behind_proxy(server.port, &AUTHORITY.file);
    network.https_proxy = Some(format!("http://us%40er:p%3Ass@127.0.0.1:{}/", server.port));
    assert!(ask(network, "abc.vault.azure.net").is_ok());
    let connect = &server.connects()[0];
    // base64 of us@er:p:ss
    assert!(connect.contains("Proxy-Authorization: Basic dXNAZXI6cDpzcw==\r\n"), "{connect}");
    assert!(!connect.to_ascii_lowercase().contains("bearer"));
}

#[test]
fn exceptions_to_the_proxy_are_reached_directly() {
    let config = AUTHORITY.certificate(&["localhost", "127.0.0.1"]);
    let server = Server::start(Front::Tls(config), vec![http("404 Not Found", "", "")]);
    for (host, no_proxy) in
        [("localhost", "foo, localhost"), ("127.0.0.1", "10.0.0.0/8,127.0.0.0/8")]
    {
        let host = format!("{host}:{}", server.port);
        let mut network = trusting(&AUTHORITY);
        network.https_proxy = Some(format!("http://127.0.0.1:{CLOSED}"));
        assert_fails(ask(network.clone(), &host), ConnectionRefused, "the proxy");
        network.no_proxy = Some(no_proxy.to_owned());
        assert_fails(ask(network, &host), SecretNotFound, "no secret");
    }
}

#[test]
fn an_authority_that_is_added_is_trusted_without_a_restart() {
    let other = Authority::new();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    let config = AUTHORITY.certificate(&["*.vault.azure.net"]);
    let server = Server::start(Front::Proxy(config), vec![secret("abc.vault.azure.net")]);
    let client = SecretClient::new(Http::new(behind_proxy(server.port, &file)).unwrap());
    let ask = || client.secret(&id("abc.vault.azure.net"), &Tokens::default(), now());

    assert_fails(ask(), NoTrustedRoots, "SSL_CERT_FILE");
    std::fs::write(&file, "").unwrap();
    assert_fails(ask(), NoTrustedRoots, "certificate authorities");
    std::fs::write(&file, &other.pem).unwrap();
    assert_fails(ask(), Tls, "does not trust");
    std::fs::write(&file, format!("{}{}", other.pem, AUTHORITY.pem)).unwrap();
    assert!(ask().is_ok());
}

#[test]
fn directories_of_authorities_are_read_too() {
    let config = AUTHORITY.certificate(&["*.vault.azure.net"]);
    let server = Server::start(Front::Proxy(config), vec![secret("abc.vault.azure.net")]);
    let mut network = behind_proxy(server.port, &AUTHORITY.file);
    network.ssl_cert_file = None;
    let folder = AUTHORITY.file.parent().unwrap().display().to_string();
    network.ssl_cert_dir = Some(PathBuf::from(format!("/nonexistent:{folder}")));
    assert!(ask(network.clone(), "abc.vault.azure.net").is_ok());
    // Beside a file without the authority, an empty one, and none at all.
    let beside = tempfile::tempdir().unwrap();
    for (name, content) in [("other.pem", Authority::new().pem.as_str()), ("empty.pem", "")] {
        let file = beside.path().join(name);
        std::fs::write(&file, content).unwrap();
        network.ssl_cert_file = Some(file);
        assert!(ask(network.clone(), "abc.vault.azure.net").is_ok(), "{name}");
    }
    network.ssl_cert_file = Some(beside.path().join("none.pem"));
    assert!(ask(network.clone(), "abc.vault.azure.net").is_ok());
    // Where neither has it, the handshake fails as ever.
    network.ssl_cert_file = Some(beside.path().join("other.pem"));
    network.ssl_cert_dir = Some(beside.path().to_owned());
    assert_fails(ask(network, "abc.vault.azure.net"), Tls, "does not trust");
}

#[test]
fn connections_are_used_again_by_as_many_as_ask_at_once() {
    let config = AUTHORITY.certificate(&["*.vault.azure.net"]);
    let server = Server::start(Front::Proxy(config), vec![secret("abc.vault.azure.net")]);
    let http = Http::new(behind_proxy(server.port, &AUTHORITY.file)).unwrap();
    let client = Arc::new(SecretClient::new(http));
    let ask = || client.secret(&id("abc.vault.azure.net"), &Tokens::default(), now()).unwrap();
    for _ in 0..5 {
        ask();
    }
    assert_eq!(server.connections(), 1);
    for _ in 0..3 {
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| drop(ask()));
            }
        });
    }
    assert!(server.connections() <= 16, "{}", server.connections());
    assert_eq!(server.requests().len(), 5 + 3 * 16);
}

#[test]
fn a_vault_at_an_ipv6_address_is_read_directly_and_through_a_proxy_at_one() {
    let config = AUTHORITY.certificate(&["::1", "*.vault.azure.net"]);
    let through = |_| vec![secret("abc.vault.azure.net")];
    let proxy = Server::start_at("[::1]:0", Front::Proxy(config.clone()), through);
    let mut network = trusting(&AUTHORITY);
    network.https_proxy = Some(format!("http://[::1]:{}", proxy.port));
    assert_eq!(ask(network.clone(), "abc.vault.azure.net").unwrap().version, V1);
    assert_eq!(proxy.requests().len(), 1);

    let direct = |port| vec![secret(&format!("[::1]:{port}"))];
    let vault = Server::start_at("[::1]:0", Front::Tls(config), direct);
    let host = format!("[::1]:{}", vault.port);
    network.no_proxy = Some("fe80::/10, ::1".to_owned());
    assert_eq!(ask(network, &host).unwrap().value.as_str(), "hunter2");
    assert_eq!(proxy.connects().len(), 1, "only the first went through the proxy");
    let head = &vault.requests()[0];
    assert!(head.contains(&format!("\r\nhost: {host}\r\n")), "{head}");
}

#[test]
fn an_ipv6_vault_that_refuses_is_told_by_its_address() {
    let host = format!("[::1]:{CLOSED}");
    let outcome = ask(trusting(&AUTHORITY), &host);
    assert_fails(outcome, ConnectionRefused, &host);
}

#[test]
fn a_vault_or_proxy_that_knows_tls_1_2_only_is_talked_to() {
    let config = AUTHORITY.certificate_over_tls12(&["*.vault.azure.net"]);
    let server = Server::start(Front::Proxy(config), vec![secret("abc.vault.azure.net")]);
    let network = behind_proxy(server.port, &AUTHORITY.file);
    assert!(ask(network, "abc.vault.azure.net").is_ok());
}

#[test]
fn a_client_that_rested_goes_on() {
    let config = AUTHORITY.certificate(&["*.vault.azure.net"]);
    let server = Server::start(Front::Proxy(config), vec![secret("abc.vault.azure.net")]);
    let http = Http::new(behind_proxy(server.port, &AUTHORITY.file)).unwrap();
    let client = SecretClient::new(http.clone());
    for connections in 1..=3 {
        client.secret(&id("abc.vault.azure.net"), &Tokens::default(), now()).unwrap();
        assert_eq!(server.connections(), connections);
        http.rest();
    }
}

#[test]
fn clients_and_credentials_are_shared_among_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Http>();
    shared::<SecretClient>();
    shared::<keyvault_client::ManagedIdentityCredential>();
    shared::<keyvault_client::AzureArcCredential>();
    shared::<ClientError>();
}

fn trusting_nobody() -> Network {
    Network { ssl_cert_file: Some("/nonexistent/ca.pem".into()), ..Network::default() }
}

/// A credential that has no token in memory, and fetches one or not.
struct Fetching(bool);

impl TokenCredential for Fetching {
    fn token(&self, resource: &str, now: SystemTime) -> Result<AccessToken, ClientError> {
        match self.0 {
            true => Tokens::default().token(resource, now),
            false => Err(ask(trusting_nobody(), "localhost:1").unwrap_err()),
        }
    }

    fn has_token(&self, _: &str, _: SystemTime) -> bool {
        false
    }

    fn reject(&self, _: &str, _: &AccessToken) {}
}

#[test]
fn the_connection_is_opened_while_the_token_is_fetched() {
    let config = AUTHORITY.certificate(&["*.vault.azure.net"]);
    for fetched in [true, false] {
        let front = Front::Proxy(config.clone());
        let server = Server::start(front, vec![secret("abc.vault.azure.net")]);
        let http = Http::new(behind_proxy(server.port, &AUTHORITY.file)).unwrap();
        let client = SecretClient::new(http);
        let answer = client.secret(&id("abc.vault.azure.net"), &Fetching(fetched), now());
        assert_eq!(answer.is_ok(), fetched);
        assert_eq!(server.connections(), 1);
        assert_eq!(server.requests().len(), usize::from(fetched), "nothing is sent ahead");
    }
}

#[test]
fn a_vault_that_cannot_be_reached_is_tried_once() {
    let host = format!("127.0.0.1:{CLOSED}");
    let suffixes = VaultSuffixes::known();
    let id = ObjectId::parse("https://abc.vault.azure.net/secrets/web", &suffixes).unwrap();
    let network = Network { https_proxy: Some(format!("http://{host}")), ..trusting(&AUTHORITY) };
    let client = SecretClient::new(Http::new(network).unwrap());
    assert_fails(client.secret(&id, &Fetching(true), now()), ConnectionRefused, &host);
    let untold = client.secret(&id, &Fetching(false), now());
    assert_eq!(untold.unwrap_err().kind(), NoTrustedRoots, "the token's failure comes first");
}
