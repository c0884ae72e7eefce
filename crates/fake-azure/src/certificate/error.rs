//! Why a certificate could not be made.

use std::fmt;

use crate::openssl::OpensslError;

/// Why a certificate could not be made.
#[derive(Debug)]
pub enum IssueError {
    /// The specification asks for something that cannot be; the sentence says what.
    Spec(String),
    /// There is no such certificate to rotate.
    Unknown {
        /// The vault's host.
        vault: String,
        /// The certificate's name.
        name: String,
    },
    /// The openssl program failed.
    Openssl(OpensslError),
    /// The certificate could not be signed or written.
    Certificate(rcgen::Error),
}

impl fmt::Display for IssueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spec(sentence) => f.write_str(sentence),
            Self::Unknown { vault, name } => {
                write!(f, "vault {vault} has no certificate {name:?}: put it there first")
            }
            Self::Openssl(error) => error.fmt(f),
            Self::Certificate(error) => write!(f, "the certificate cannot be made: {error}"),
        }
    }
}

impl std::error::Error for IssueError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Spec(_) | Self::Unknown { .. } => None,
            Self::Openssl(error) => Some(error),
            Self::Certificate(error) => Some(error),
        }
    }
}

impl From<OpensslError> for IssueError {
    fn from(error: OpensslError) -> Self {
        Self::Openssl(error)
    }
}

impl From<rcgen::Error> for IssueError {
    fn from(error: rcgen::Error) -> Self {
        Self::Certificate(error)
    }
}
