//! A TLS handshake that remembers what was presented, trusted or not.

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned};

use super::Trouble;
use super::judge::Judge;
use super::tls::client_config;

/// Judges exactly as the verifier that requests use, and keeps what it was shown.
#[derive(Clone)]
pub(super) struct Witness(Arc<Inner>);

struct Inner {
    judge: Arc<Judge>,
    seen: Mutex<Vec<Vec<u8>>>,
}

impl Witness {
    pub(super) fn new(judge: Arc<Judge>) -> Self {
        Self(Arc::new(Inner { judge, seen: Mutex::default() }))
    }

    /// Shakes hands as a client that wants to talk to this host, and says nothing more.
    pub(super) fn handshake<S: Read + Write>(
        &self,
        mut stream: S,
        host: &str,
    ) -> Result<StreamOwned<ClientConnection, S>, Trouble> {
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let name = ServerName::try_from(bare.to_owned()).map_err(Trouble::other)?;
        let config = client_config(Arc::new(self.clone()))?;
        let mut connection = ClientConnection::new(config, name).map_err(wrapped)?;
        connection.complete_io(&mut stream).map_err(Trouble::from_io)?;
        Ok(StreamOwned::new(connection, stream))
    }

    /// What was presented, leaf first, in DER.
    pub(super) fn seen(&self) -> Vec<Vec<u8>> {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn wrapped(error: Error) -> Trouble {
    Trouble::from_io(io::Error::other(error))
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        issuers: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown = std::iter::once(leaf).chain(issuers).map(|one| one.as_ref().to_vec());
        *self.0.seen.lock().unwrap_or_else(PoisonError::into_inner) = shown.collect();
        self.0.judge.verify_server_cert(leaf, issuers, name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.judge.verify_tls12_signature(message, leaf, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.judge.verify_tls13_signature(message, leaf, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.judge.supported_verify_schemes()
    }
}

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Witness").finish_non_exhaustive()
    }
}
