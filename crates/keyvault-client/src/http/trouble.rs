//! Requests without an answer: what happened, in the terms that a person can act on.

use std::error::Error;
use std::io::{self, ErrorKind};

use rustls::CertificateError;

use super::proxy::ProxyError;
use super::resolver::NameNotResolved;
use super::trust::TrustError;

pub(crate) type Cause = Box<dyn Error + Send + Sync>;

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Trouble {
    NameNotResolved(NameNotResolved),
    Refused(Cause),
    Unreachable(Cause),
    TimedOut(Cause),
    /// Cut off, or no HTTP.
    Lost(Cause),
    Tls(TlsTrouble, Cause),
    NoTrustedRoots(TrustError),
    /// The proxy answered a CONNECT with something else than 200.
    ProxyRefused(Cause),
    TooLarge,
    /// The body is not what its `Content-Encoding` says.
    Encoding(Cause),
    Other(Cause),
    /// Any of the others, on the way through this proxy (its address without its password).
    ThroughProxy(String, Box<Trouble>),
}

/// Why no TLS connection came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TlsTrouble {
    /// No authority that this machine trusts signed the certificate.
    UnknownIssuer,
    /// The certificate is for another name.
    WrongName,
    /// The certificate has expired or is not valid yet; or the clock is wrong.
    Validity,
    /// The certificate is bad in another way.
    BadCertificate,
    /// Version, cipher suite, or something that is no TLS at all.
    Handshake,
}

impl Trouble {
    pub(crate) fn other(cause: impl Into<Cause>) -> Self {
        Self::Other(cause.into())
    }

    pub(crate) fn through(self, proxy: String) -> Self {
        Self::ThroughProxy(proxy, Box::new(self))
    }

    pub(super) fn from_ureq(error: ureq::Error) -> Self {
        match error {
            ureq::Error::Io(error) => Self::from_io(error),
            ureq::Error::Timeout(_) => Self::TimedOut(Box::new(error)),
            ureq::Error::ConnectProxyFailed(_) => Self::ProxyRefused(Box::new(error)),
            ureq::Error::Decompress(_, ref cause) if cause.kind() == ErrorKind::UnexpectedEof => {
                Self::Lost(Box::new(error))
            }
            ureq::Error::Decompress(..) => Self::Encoding(Box::new(error)),
            ureq::Error::BodyExceedsLimit(_) | ureq::Error::LargeResponseHeader(..) => {
                Self::TooLarge
            }
            ureq::Error::Protocol(_) | ureq::Error::BodyStalled => Self::Lost(Box::new(error)),
            ureq::Error::Other(cause) => match cause.downcast::<NameNotResolved>() {
                Ok(name) => Self::NameNotResolved(*name),
                Err(cause) => Self::Other(cause),
            },
            other => Self::Other(Box::new(other)),
        }
    }

    pub(super) fn from_io(error: io::Error) -> Self {
        // rustls' own errors come wrapped, since they arise under a read or a write.
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        if let Some(tls) = tls {
            return Self::Tls(tls_trouble(tls), Box::new(error));
        }
        let trouble = match error.kind() {
            ErrorKind::ConnectionRefused => Self::Refused,
            ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::NetworkDown
            | ErrorKind::AddrNotAvailable
            | ErrorKind::PermissionDenied => Self::Unreachable,
            ErrorKind::TimedOut | ErrorKind::WouldBlock => Self::TimedOut,
            ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof
            | ErrorKind::InvalidData
            | ErrorKind::NotConnected => Self::Lost,
            _ => Self::Other,
        };
        trouble(Box::new(error))
    }
}

impl From<ProxyError> for Trouble {
    fn from(error: ProxyError) -> Self {
        Self::Other(Box::new(error))
    }
}

fn tls_trouble(error: &rustls::Error) -> TlsTrouble {
    let rustls::Error::InvalidCertificate(certificate) = error else {
        return TlsTrouble::Handshake;
    };
    match certificate {
        // A bad signature: signed by a namesake of an authority that this machine trusts.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            TlsTrouble::UnknownIssuer
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            TlsTrouble::WrongName
        }
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => TlsTrouble::Validity,
        _ => TlsTrouble::BadCertificate,
    }
}
