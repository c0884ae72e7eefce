//! A TLS handshake for the sake of the certificate that it shows.

use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientConfig, ClientConnection, Resumption};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};

use super::stream::Stream;
use super::{Verification, VerificationError};
use crate::deadline::Deadline;

/// Why no certificate was shown, for people.
pub(super) type Cause = Box<dyn Error + Send + Sync>;

/// A name to ask for.
pub(super) fn name(text: &str) -> Result<ServerName<'static>, VerificationError> {
    let refused = |_| VerificationError::ServerName { name: text.to_owned() };
    ServerName::try_from(text.to_owned()).map_err(refused)
}

/// The leaf that is shown at `address`. Whatever goes wrong after it was shown is of no interest:
/// a service that demands a client's certificate ends the handshake then (in TLS 1.2).
pub(super) fn leaf(
    wanted: &Verification,
    address: SocketAddr,
    name: Option<ServerName<'static>>,
    deadline: Deadline,
) -> Result<Vec<u8>, Cause> {
    // With an address there is no SNI: it carries names only (RFC 6066, section 3).
    let name = name.unwrap_or_else(|| ServerName::IpAddress(address.ip().into()));
    let mut stream = Stream::connect(address, deadline)?;
    if let Some(start_tls) = wanted.start_tls {
        start_tls.negotiate(&mut stream)?;
    }
    let witness = Arc::new(Witness::default());
    let mut client = ClientConnection::new(Arc::new(settings(wanted, &witness)?), name)?;
    let outcome = shake_hands(&mut client, &mut stream);
    match (witness.leaf.get(), outcome) {
        (Some(leaf), _) => Ok(leaf.clone()),
        (None, Err(error)) => Err(error),
        (None, Ok(())) => Err("the handshake showed no certificate".into()),
    }
}

/// To the end, with a proper close, so that the service has nothing to complain about in its log.
fn shake_hands(client: &mut ClientConnection, stream: &mut Stream) -> Result<(), Cause> {
    while client.is_handshaking() {
        client.complete_io(stream)?;
    }
    client.send_close_notify();
    while client.wants_write() {
        client.write_tls(stream)?;
    }
    stream.flush()?;
    Ok(())
}

/// Every handshake is a whole one: one that is resumed shows no certificate.
fn settings(wanted: &Verification, witness: &Arc<Witness>) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut settings = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(rustls::ALL_VERSIONS)?
        .dangerous()
        .with_custom_certificate_verifier(witness.clone())
        .with_no_client_auth();
    settings.resumption = Resumption::disabled();
    settings.alpn_protocols = wanted.alpn.clone();
    Ok(settings)
}

/// Sees the leaf, and believes everything: nothing is ever sent over these connections.
#[derive(Debug, Default)]
struct Witness {
    leaf: OnceLock<Vec<u8>>,
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.leaf.get_or_init(|| end_entity.to_vec());
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    /// All there are: a service picks its certificate by them, and nothing is verified.
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![
            SignatureScheme::ECDSA_NISTP256_SHA256,
            SignatureScheme::ECDSA_NISTP384_SHA384,
            SignatureScheme::ECDSA_NISTP521_SHA512,
            SignatureScheme::ED25519,
            SignatureScheme::ED448,
            SignatureScheme::RSA_PSS_SHA256,
            SignatureScheme::RSA_PSS_SHA384,
            SignatureScheme::RSA_PSS_SHA512,
            SignatureScheme::RSA_PKCS1_SHA256,
            SignatureScheme::RSA_PKCS1_SHA384,
            SignatureScheme::RSA_PKCS1_SHA512,
            SignatureScheme::RSA_PKCS1_SHA1,
            SignatureScheme::ECDSA_SHA1_Legacy,
        ]
    }
}
