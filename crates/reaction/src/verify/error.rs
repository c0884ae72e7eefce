//! Why a service was not seen to serve a certificate.

use std::error::Error;
use std::fmt;

use super::handshake::Cause;
use super::{LocalAddress, Shown};

/// Why the new certificate was not seen. `Display` says what was seen instead.
#[derive(Debug)]
#[non_exhaustive]
pub enum VerificationError {
    /// The address is not one of this machine's (now), and no other is ever asked.
    Foreign {
        /// As it was given.
        address: LocalAddress,
    },
    /// The name to ask for is none.
    ServerName {
        /// As it was given.
        name: String,
    },
    /// Another certificate was shown to the end.
    Another {
        /// Where.
        address: LocalAddress,
        /// The one that was shown last.
        shown: Shown,
        /// The one that was waited for.
        expected: Shown,
    },
    /// No handshake came as far as a certificate.
    None {
        /// Where.
        address: LocalAddress,
        /// What the last one ended on.
        cause: Cause,
    },
}

impl VerificationError {
    /// Whether another try can end otherwise.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Self::Another { .. } | Self::None { .. })
    }
}

impl fmt::Display for VerificationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign { address } => write!(
                f,
                "{address} is not one of this machine's addresses, and no other is asked what it \
                 serves"
            ),
            Self::ServerName { name } => write!(f, "{name:?} is not a name that TLS can ask for"),
            Self::Another { address, shown, expected } => {
                write!(f, "{address} shows the certificate with {shown}, not that with {expected}")
            }
            Self::None { address, cause } => {
                write!(f, "{address} shows no certificate: {cause}")
            }
        }
    }
}

impl Error for VerificationError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::None { cause, .. } => Some(cause.as_ref()),
            _ => None,
        }
    }
}
