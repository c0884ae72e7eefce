//! A server on the loopback address that answers by script, as badly as the script says.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, and makes its own files"
)]
#![allow(dead_code, reason = "each test program uses a part of this")]

pub(crate) mod case;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, SystemTime};

use keyvault_client::{AccessToken, ClientError, Network, Timeouts, TokenCredential};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use zeroize::Zeroizing;

/// What the server does with one request.
#[derive(Clone)]
pub(crate) enum Reply {
    /// Writes this, and waits for the next request on the same connection.
    Whole(Vec<u8>),
    /// Writes this and closes the connection.
    Cut(Vec<u8>),
    /// Writes this, byte by byte, with pauses.
    Drip(Vec<u8>),
    /// Writes this over and over.
    Endless(Vec<u8>, Vec<u8>),
    /// Writes nothing.
    Silence,
}

/// How clients reach the server.
#[derive(Clone)]
pub(crate) enum Front {
    Plain,
    Tls(Arc<ServerConfig>),
    /// A proxy that, asked to CONNECT anywhere, answers itself.
    Proxy(Arc<ServerConfig>),
}

pub(crate) struct Server {
    pub(crate) port: u16,
    log: Arc<Mutex<Log>>,
}

#[derive(Default)]
struct Log {
    requests: Vec<String>,
    connects: Vec<String>,
    connections: usize,
}

struct Script {
    replies: Mutex<std::collections::VecDeque<Reply>>,
    log: Arc<Mutex<Log>>,
}

impl Server {
    /// The last reply of the script is repeated.
    pub(crate) fn start(front: Front, replies: Vec<Reply>) -> Self {
        Self::start_at("127.0.0.1:0", front, |_| replies)
    }

    /// The replies may name the server's port.
    pub(crate) fn start_at(
        address: &str,
        front: Front,
        replies: impl FnOnce(u16) -> Vec<Reply>,
    ) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let port = listener.local_addr().unwrap().port();
        let log = Arc::new(Mutex::new(Log::default()));
        let replies = Mutex::new(replies(port).into());
        let script = Arc::new(Script { replies, log: log.clone() });
        // Ends with the process: nothing here outlives a test program.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (front, script) = (front.clone(), script.clone());
                script.log.lock().unwrap().connections += 1;
                std::thread::spawn(move || script.serve(front, stream));
            }
        });
        Self { port, log }
    }

    /// The head of each request, in order.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.log.lock().unwrap().requests.clone()
    }

    pub(crate) fn connects(&self) -> Vec<String> {
        self.log.lock().unwrap().connects.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.log.lock().unwrap().connections
    }
}

impl Script {
    fn serve(&self, front: Front, mut stream: TcpStream) -> Option<()> {
        match front {
            Front::Plain => self.answer(&mut stream),
            Front::Tls(config) => self.answer(&mut tls(config, stream)?),
            Front::Proxy(config) => {
                let head = read_head(&mut stream)?;
                self.log.lock().unwrap().connects.push(head);
                stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").ok()?;
                self.answer(&mut tls(config, stream)?)
            }
        }
    }

    fn answer(&self, stream: &mut impl Exchange) -> Option<()> {
        while let Some(head) = read_head(stream) {
            self.log.lock().unwrap().requests.push(head);
            match self.next() {
                Reply::Whole(bytes) => stream.write_all(&bytes).ok()?,
                Reply::Cut(bytes) => {
                    stream.write_all(&bytes).ok()?;
                    stream.end();
                    return None;
                }
                Reply::Drip(bytes) => bytes.iter().try_for_each(|byte| {
                    pause();
                    stream.write_all(&[*byte]).and_then(|()| stream.flush()).ok()
                })?,
                Reply::Endless(head, again) => {
                    stream.write_all(&head).ok()?;
                    loop {
                        stream.write_all(&again).ok()?;
                    }
                }
                Reply::Silence => drop(stream.read(&mut [0])),
            }
            stream.flush().ok()?;
        }
        None
    }

    fn next(&self) -> Reply {
        let mut replies = self.replies.lock().unwrap();
        if replies.len() > 1 { replies.pop_front().unwrap() } else { replies[0].clone() }
    }
}

trait Exchange: Read + Write {
    /// Says that nothing more comes, as TLS wants it said.
    fn end(&mut self);
}

impl Exchange for TcpStream {
    fn end(&mut self) {
        drop(self.shutdown(Shutdown::Write));
    }
}

impl Exchange for StreamOwned<ServerConnection, TcpStream> {
    fn end(&mut self) {
        self.conn.send_close_notify();
        drop(self.flush());
    }
}

fn tls(
    config: Arc<ServerConfig>,
    stream: TcpStream,
) -> Option<StreamOwned<ServerConnection, TcpStream>> {
    Some(StreamOwned::new(ServerConnection::new(config).ok()?, stream))
}

fn read_head(stream: &mut impl Read) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}

/// A moment, without sleeping for a fixed time in the test's own thread.
pub(crate) fn pause() {
    let (_keep, never) = mpsc::channel::<()>();
    let _ = never.recv_timeout(Duration::from_millis(20));
}

/// A complete answer.
pub(crate) fn http(status: &str, headers: &str, body: &str) -> Reply {
    Reply::Whole(bytes(status, headers, body.as_bytes()))
}

pub(crate) fn bytes(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// An authority, and the file that a client finds it in.
pub(crate) struct Authority {
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
    pub(crate) pem: String,
    pub(crate) file: PathBuf,
    _directory: tempfile::TempDir,
}

/// One for all tests of a program: keys take time to make.
pub(crate) static AUTHORITY: LazyLock<Authority> = LazyLock::new(Authority::new);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("ca.pem");
        std::fs::write(&file, &pem).unwrap();
        Self { issuer: rcgen::Issuer::new(params, key), pem, file, _directory: directory }
    }

    pub(crate) fn certificate(&self, names: &[&str]) -> Arc<ServerConfig> {
        self.certificate_until(names, 2120)
    }

    pub(crate) fn certificate_until(&self, names: &[&str], year: i32) -> Arc<ServerConfig> {
        self.configured(names, year, rustls::ALL_VERSIONS)
    }

    /// A server that knows nothing newer than TLS 1.2.
    pub(crate) fn certificate_over_tls12(&self, names: &[&str]) -> Arc<ServerConfig> {
        self.configured(names, 2120, &[&rustls::version::TLS12])
    }

    fn configured(
        &self,
        names: &[&str],
        year: i32,
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> Arc<ServerConfig> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = rcgen::CertificateParams::new(names).unwrap();
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(year, 1, 2);
        let key = rcgen::KeyPair::generate().unwrap();
        let leaf = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)
            .unwrap();
        Arc::new(config)
    }
}

/// Time limits that a test can wait for.
pub(crate) const SHORT: Timeouts = Timeouts {
    identity_connect: Duration::from_millis(400),
    identity: Duration::from_millis(400),
    vault_connect: Duration::from_millis(400),
    vault: Duration::from_millis(400),
};

/// A network whose vaults are all behind the proxy at this port.
pub(crate) fn behind_proxy(port: u16, ca: &Path) -> Network {
    Network {
        https_proxy: Some(format!("http://127.0.0.1:{port}")),
        ssl_cert_file: Some(ca.to_owned()),
        ..Network::default()
    }
}

pub(crate) fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_760_000_000)
}

pub(crate) const OBJECT_ID: &str = "4633458b-17de-408a-b874-0445c86b69e6";

/// Hands out another token after each rejection, and counts.
#[derive(Default)]
pub(crate) struct Tokens {
    pub(crate) asked: Mutex<Vec<String>>,
    pub(crate) rejected: AtomicU32,
}

impl Tokens {
    /// `header.payload.signature`, the payload being base64url of the claims.
    pub(crate) fn text(&self) -> String {
        let payload = format!(
            "{{\"oid\":\"{OBJECT_ID}\",\"tid\":\"{OBJECT_ID}\",\"xms_mirid\":\"/subscriptions/1/vm\"}}"
        );
        let payload = base64_url(payload.as_bytes());
        format!("sesame.{payload}.{}", self.rejected.load(Ordering::Relaxed))
    }
}

impl TokenCredential for Tokens {
    fn token(&self, resource: &str, now: SystemTime) -> Result<AccessToken, ClientError> {
        self.asked.lock().unwrap().push(resource.to_owned());
        Ok(AccessToken::new(Zeroizing::new(self.text()), now, Duration::from_secs(3600)))
    }

    fn reject(&self, _: &str, _: &AccessToken) {
        self.rejected.fetch_add(1, Ordering::Relaxed);
    }
}

fn base64_url(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

/// Everything that an error says anywhere, the public sentence first.
pub(crate) fn said(error: &ClientError) -> String {
    let chain = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    let causes: Vec<String> = chain.map(|cause| format!("{cause} {cause:?}")).collect();
    format!("{error} {error:?} {error:#?} {}", causes.join(" "))
}
