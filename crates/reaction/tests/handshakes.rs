//! What a server sees of a look at its certificate, and servers that get in its way.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests start servers and end on the first surprise"
)]

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, KeyPair, SerialNumber};
use reaction::{LocalAddress, Verification, VerificationError, nobody_listens, verify};
use rustls::crypto::ring::{default_provider, sign::any_supported_type};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, ServerConnection};

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(300);

/// Starts a server that does the same with every connection.
fn serve(each: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            each(stream.unwrap());
        }
    });
    address
}

fn question(address: SocketAddr, time_limit: Duration) -> Verification {
    Verification {
        address: LocalAddress::parse(&address.to_string()).unwrap(),
        server_name: None,
        alpn: Vec::new(),
        start_tls: None,
        time_limit,
    }
}

fn certified(serial: u64, algorithm: &'static rcgen::SignatureAlgorithm) -> Arc<CertifiedKey> {
    let mut params = CertificateParams::new(["web.contoso.com".to_owned()]).unwrap();
    params.serial_number = Some(SerialNumber::from(serial));
    let key = KeyPair::generate_for(algorithm).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let chain = vec![CertificateDer::from(certificate.der().to_vec())];
    let key = any_supported_type(&PrivatePkcs8KeyDer::from(key.serialize_der()).into()).unwrap();
    Arc::new(CertifiedKey::new(chain, key))
}

/// What a client said first.
#[derive(Debug, PartialEq, Eq)]
struct Hello {
    name: Option<String>,
    protocols: Vec<Vec<u8>>,
}

/// Shows the next certificate at each connection, the last one for ever.
#[derive(Debug)]
struct Shelf {
    certificates: Mutex<Vec<Arc<CertifiedKey>>>,
    hellos: Mutex<Sender<Hello>>,
}

impl ResolvesServerCert for Shelf {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let protocols = hello.alpn().map(|all| all.map(<[u8]>::to_vec).collect());
        let name = hello.server_name().map(str::to_owned);
        let heard = Hello { name, protocols: protocols.unwrap_or_default() };
        let _ = self.hellos.lock().unwrap().send(heard);
        let mut certificates = self.certificates.lock().unwrap();
        if certificates.len() > 1 {
            Some(certificates.remove(0))
        } else {
            certificates.first().cloned()
        }
    }
}

fn shelf(certificates: Vec<Arc<CertifiedKey>>) -> (SocketAddr, Receiver<Hello>) {
    let (sender, hellos) = channel();
    let shelf = Shelf { certificates: Mutex::new(certificates), hellos: Mutex::new(sender) };
    let mut settings = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(rustls::ALL_VERSIONS)
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(shelf));
    settings.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let settings = Arc::new(settings);
    let address = serve(move |mut stream| {
        let mut connection = ServerConnection::new(settings.clone()).unwrap();
        while connection.is_handshaking() && connection.complete_io(&mut stream).is_ok() {}
    });
    (address, hellos)
}

fn der(certified: &CertifiedKey) -> &[u8] {
    &certified.cert[0]
}

#[test]
fn names_and_protocols_are_asked_for() {
    let certificate = certified(1, &rcgen::PKCS_ECDSA_P256_SHA256);
    let (address, hellos) = shelf(vec![certificate.clone()]);
    let named = Verification {
        server_name: Some("web.contoso.com".to_owned()),
        alpn: vec![b"h2".to_vec()],
        ..question(address, LONG)
    };
    verify(&named, der(&certificate)).unwrap();
    let wanted = Hello { name: Some("web.contoso.com".into()), protocols: vec![b"h2".to_vec()] };
    assert_eq!(hellos.try_iter().next().unwrap(), wanted);
}

#[test]
fn without_a_name_none_is_sent() {
    let certificate = certified(1, &rcgen::PKCS_ED25519);
    let (address, hellos) = shelf(vec![certificate.clone()]);
    verify(&question(address, LONG), der(&certificate)).unwrap();
    let silent = Hello { name: None, protocols: Vec::new() };
    assert!(hellos.try_iter().all(|hello| hello == silent));
}

#[test]
fn the_new_certificate_has_to_show_three_times_in_a_row() {
    let (old, new) = (
        certified(1, &rcgen::PKCS_ECDSA_P256_SHA256),
        certified(2, &rcgen::PKCS_ECDSA_P384_SHA384),
    );
    let shown = [&old, &new, &old, &new, &new, &old, &new].map(Arc::clone);
    let (address, hellos) = shelf(shown.into());
    verify(&question(address, LONG), der(&new)).unwrap();
    assert_eq!(hellos.try_iter().count(), 9);
}

#[test]
fn a_server_that_says_nothing_is_not_waited_for() {
    let kept = Mutex::new(Vec::new());
    let address = serve(move |stream| kept.lock().unwrap().push(stream));
    let began = Instant::now();
    let error = verify(&question(address, SHORT), b"").unwrap_err();
    assert!(matches!(error, VerificationError::None { .. }), "{error}");
    assert_eq!(error.to_string(), format!("{address} shows no certificate: timed out"));
    assert!(began.elapsed() < LONG);
}

#[test]
fn what_is_not_tls_is_said() {
    let http = serve(|mut stream| drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")));
    let said = verify(&question(http, SHORT), b"").unwrap_err().to_string();
    assert!(said.contains("shows no certificate: "), "{said}");
    let deaf = serve(drop);
    let said = verify(&question(deaf, SHORT), b"").unwrap_err().to_string();
    assert!(said.contains("shows no certificate: "), "{said}");
}

#[test]
fn a_closed_port_is_refused() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let said = verify(&question(address, SHORT), b"").unwrap_err().to_string();
    assert_eq!(said, format!("{address} shows no certificate: Connection refused (os error 111)"));
}

#[test]
fn other_machines_and_impossible_names_are_not_asked() {
    let foreign = question("192.0.2.1:443".parse().unwrap(), LONG);
    let said = verify(&foreign, b"").unwrap_err().to_string();
    assert!(said.starts_with("192.0.2.1:443 is not one of this machine's addresses"), "{said}");
    let mut odd = question("127.0.0.1:443".parse().unwrap(), LONG);
    odd.server_name = Some("not a name".to_owned());
    let said = verify(&odd, b"").unwrap_err().to_string();
    assert_eq!(said, "\"not a name\" is not a name that TLS can ask for");
}

#[test]
fn where_nobody_listens_nothing_old_is_shown() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    assert!(!nobody_listens(&question(address, SHORT)));
    drop(listener);
    assert!(nobody_listens(&question(address, SHORT)));
    // An address of another machine says nothing of this one.
    assert!(!nobody_listens(&question("192.0.2.1:443".parse().unwrap(), SHORT)));
}
