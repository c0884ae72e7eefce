//! The vaults' certificates: an authority made at start, and the server's side of TLS.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use serde::{Deserialize, Serialize};

use crate::lock::locked;
use crate::vault::cloud;

/// Ways for a vault's certificate to be wrong.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsFault {
    /// An authority that is not in `ca.pem` signed it.
    UnknownAuthority,
    /// Its validity is over.
    Expired,
    /// It is for another host.
    WrongName,
}

/// The server's side of TLS.
pub(crate) struct Tls {
    pub(crate) config: Arc<ServerConfig>,
    /// The authority's certificate.
    pub(crate) ca_pem: String,
    presented: Arc<Presented>,
}

impl Tls {
    /// An authority, and a certificate by it for vaults below Azure's suffixes and these, and for
    /// this machine's own addresses.
    pub(crate) fn new(suffixes: &[String]) -> Result<Self, TlsError> {
        let authority = Authority::new("Fake Azure TLS CA")?;
        let names = names(&cloud::suffixes(suffixes));
        let presented = Arc::new(Presented {
            usual: authority.certify(&names, 2049)?,
            authority,
            names,
            faulty: Mutex::default(),
        });
        let provider = Arc::new(ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&presented) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let ca_pem = presented.authority.pem.clone();
        Ok(Self { config: Arc::new(config), ca_pem, presented })
    }

    /// From now on this host presents a certificate with this fault, or its true one again.
    pub(crate) fn fault(&self, host: &str, fault: Option<TlsFault>) -> Result<(), TlsError> {
        let presented = &*self.presented;
        let Some(fault) = fault else {
            locked(&presented.faulty).remove(host);
            return Ok(());
        };
        let certified = match fault {
            TlsFault::Expired => presented.authority.certify(&presented.names, 2021)?,
            TlsFault::WrongName => {
                presented.authority.certify(&["wrong.example.test".to_owned()], 2049)?
            }
            TlsFault::UnknownAuthority => {
                Authority::new("Somebody else's CA")?.certify(&presented.names, 2049)?
            }
        };
        locked(&presented.faulty).insert(host.to_owned(), certified);
        Ok(())
    }
}

fn names(suffixes: &[String]) -> Vec<String> {
    let below = suffixes.iter().flat_map(|suffix| [format!("*.{suffix}"), suffix.clone()]);
    let own = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    below.chain(own).collect()
}

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new(name: &str) -> Result<Self, TlsError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2049, 12, 31);
        let pem = params.self_signed(&key)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), pem })
    }

    /// A certificate for these names until the end of that year.
    fn certify(&self, names: &[String], until: i32) -> Result<Arc<CertifiedKey>, TlsError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name.push(DnType::CommonName, "Fake Azure Key Vault");
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        params.not_before = rcgen::date_time_ymd(2020, 1, 2);
        params.not_after = rcgen::date_time_ymd(until, 12, 30);
        let certificate = params.signed_by(&key, &self.issuer)?;
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let signer = ring::sign::any_supported_type(&private)?;
        Ok(Arc::new(CertifiedKey::new(vec![certificate.der().clone()], signer)))
    }
}

/// What is presented to whom.
struct Presented {
    usual: Arc<CertifiedKey>,
    authority: Authority,
    names: Vec<String>,
    faulty: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

impl fmt::Debug for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presented").field("names", &self.names).finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Presented {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let host = cloud::host_in(hello.server_name().unwrap_or(cloud::LOCAL));
        let faulty = locked(&self.faulty).get(&host).cloned();
        Some(faulty.unwrap_or_else(|| Arc::clone(&self.usual)))
    }
}

/// Why there is no TLS.
#[derive(Debug)]
pub enum TlsError {
    /// A certificate could not be made.
    Certificate(rcgen::Error),
    /// The TLS library would not have it.
    Rustls(rustls::Error),
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(error) => write!(f, "the server's certificate: {error}"),
            Self::Rustls(error) => write!(f, "the server's TLS: {error}"),
        }
    }
}

impl std::error::Error for TlsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Certificate(error) => Some(error),
            Self::Rustls(error) => Some(error),
        }
    }
}

impl From<rcgen::Error> for TlsError {
    fn from(error: rcgen::Error) -> Self {
        Self::Certificate(error)
    }
}

impl From<rustls::Error> for TlsError {
    fn from(error: rustls::Error) -> Self {
        Self::Rustls(error)
    }
}
