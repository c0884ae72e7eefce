//! The least that has to be done for N certificates: a token, then raw HTTP/1.1 on kept TLS
//! connections, decode, write, rename, link. No settings, no state, no status, no guard, no fsync,
//! no second try, and no mercy on anything unexpected.
//!
//! ceiling IDENTITY_HOST:PORT VAULT_HOST PROXY_HOST:PORT CA_FILE STORE CONNECTIONS PREFIX COUNT [full]
//!
//! With `full`, every connection shakes hands in full; otherwise TLS sessions may be resumed.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::client::Resumption;
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

type Tls = StreamOwned<ClientConnection, TcpStream>;

struct Work {
    vault: String,
    proxy: String,
    store: String,
    prefix: String,
    count: usize,
    token: String,
    config: Arc<ClientConfig>,
    next: AtomicUsize,
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [identity, vault, proxy, ca, store, connections, prefix, count, rest @ ..] = &words[..] else {
        panic!("see the first lines of the source");
    };
    std::fs::create_dir_all(store).unwrap();
    let count: usize = count.parse().unwrap();
    let work = Work {
        vault: vault.clone(),
        proxy: proxy.clone(),
        store: store.clone(),
        prefix: prefix.clone(),
        count,
        config: trusting(ca, rest.first().is_some_and(|word| word == "full")),
        token: token(identity),
        next: AtomicUsize::new(1),
    };
    let connections = connections.parse::<usize>().unwrap().min(count);
    std::thread::scope(|scope| {
        for _ in 0..connections {
            scope.spawn(|| work.hand());
        }
    });
}

fn trusting(ca: &str, full: bool) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(CertificateDer::pem_file_iter(ca).unwrap().map(Result::unwrap));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    if full {
        config.resumption = Resumption::disabled();
    }
    Arc::new(config)
}

fn token(identity: &str) -> String {
    let mut stream = connect(identity);
    let path = "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net";
    let request = format!("GET {path} HTTP/1.1\r\nHost: {identity}\r\nMetadata: true\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    member(&answer(&mut stream, &mut Vec::new()), "access_token").to_owned()
}

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

impl Work {
    fn hand(&self) {
        let mut stream = self.tunnel();
        let mut buffer = Vec::with_capacity(32 * 1024);
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number > self.count {
                return;
            }
            self.one(&mut stream, &mut buffer, &format!("{}{number}", self.prefix));
        }
    }

    fn tunnel(&self) -> Tls {
        let mut stream = connect(&self.proxy);
        write!(stream, "CONNECT {0}:443 HTTP/1.1\r\nHost: {0}:443\r\n\r\n", self.vault).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let name = ServerName::try_from(self.vault.clone()).unwrap();
        StreamOwned::new(ClientConnection::new(Arc::clone(&self.config), name).unwrap(), stream)
    }

    fn one(&self, stream: &mut Tls, buffer: &mut Vec<u8>, name: &str) {
        let request = format!(
            "GET /secrets/{name}?api-version=7.4 HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\r\n",
            self.vault, self.token
        );
        stream.write_all(request.as_bytes()).unwrap();
        let body = answer(stream, buffer);
        let version = member(&body, "id").rsplit('/').next().unwrap();
        let decoded = certified_key::decode(Some("application/x-pkcs12"), member(&body, "value"));
        let pem = decoded.unwrap_or_else(|_| panic!("{name} cannot be decoded")).key.to_pem();
        let link = format!("{}/{}.{name}", self.store, self.vault.split('.').next().unwrap());
        let file = format!("{link}.{version}");
        std::fs::write(format!("{file}.new"), &pem[..]).unwrap();
        std::fs::rename(format!("{file}.new"), &file).unwrap();
        let target = Path::new(&file).file_name().unwrap();
        std::os::unix::fs::symlink(target, format!("{link}.new")).unwrap();
        std::fs::rename(format!("{link}.new"), &link).unwrap();
    }
}

/// The body of the next answer, which must say 200 and its length.
fn answer(stream: &mut impl Read, buffer: &mut Vec<u8>) -> String {
    buffer.clear();
    let mut piece = [0; 16 * 1024];
    loop {
        let read = stream.read(&mut piece).unwrap();
        assert!(read > 0, "the connection was closed");
        buffer.extend_from_slice(&piece[..read]);
        let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = std::str::from_utf8(&buffer[..end]).unwrap().to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 200"), "{head}");
        let length = head.split("content-length:").nth(1).unwrap().trim_start();
        let length: usize = length.split("\r\n").next().unwrap().trim().parse().unwrap();
        if buffer.len() >= end + 4 + length {
            return std::str::from_utf8(&buffer[end + 4..end + 4 + length]).unwrap().to_owned();
        }
    }
}

fn member<'b>(body: &'b str, name: &str) -> &'b str {
    let (_, rest) = body.split_once(&format!("\"{name}\":\"")).unwrap();
    rest.split('"').next().unwrap()
}
