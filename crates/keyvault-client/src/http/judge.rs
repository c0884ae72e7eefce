//! Who judges what vaults present: rustls' own verifier, with what this machine trusts.

use std::fmt;
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::Trouble;
use super::trust::TrustStore;

/// Judges by the file of authorities that is named, and by the directories that are named beside
/// it where the file does not do. A vault's authority is mostly in the file, and the hundreds of
/// files of a directory take longer to read than a certificate takes to fetch.
pub(super) struct Judge {
    trust: Arc<TrustStore>,
    at_first: Arc<WebPkiServerVerifier>,
    in_the_end: OnceLock<Option<Arc<WebPkiServerVerifier>>>,
}

impl Judge {
    /// # Errors
    /// Where nothing is trusted.
    pub(super) fn new(trust: &Arc<TrustStore>) -> Result<Arc<Self>, Trouble> {
        let roots = trust.load_first().map_err(Trouble::NoTrustedRoots)?;
        let at_first = verifier(roots).map_err(Trouble::other)?;
        let trust = Arc::clone(trust);
        Ok(Arc::new(Self { trust, at_first, in_the_end: OnceLock::new() }))
    }

    /// By everything that is trusted; nothing where that was asked first.
    fn in_the_end(&self) -> Option<&WebPkiServerVerifier> {
        let build = || self.trust.load_all().and_then(|roots| verifier(roots).ok());
        self.in_the_end.get_or_init(build).as_deref()
    }
}

fn verifier(
    roots: RootCertStore,
) -> Result<Arc<WebPkiServerVerifier>, rustls::client::VerifierBuilderError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build()
}

impl ServerCertVerifier for Judge {
    /// Whoever is trusted by a part is trusted by the whole, so only objections are looked into.
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        issuers: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let judge = |judge: &WebPkiServerVerifier| {
            judge.verify_server_cert(leaf, issuers, name, ocsp_response, now)
        };
        judge(&self.at_first).or_else(|objection| match self.in_the_end() {
            Some(last) => judge(last),
            None => Err(objection),
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.at_first.verify_tls12_signature(message, leaf, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.at_first.verify_tls13_signature(message, leaf, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.at_first.supported_verify_schemes()
    }
}

impl fmt::Debug for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Judge").finish_non_exhaustive()
    }
}
