//! Why nothing was started.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::tls::TlsError;

/// Why nothing was started.
#[derive(Debug)]
pub enum StartError {
    /// `ca.pem` could not be written.
    Directory(PathBuf, io::Error),
    /// A port could not be opened.
    Listen(io::Error),
    /// There is no certificate to serve with.
    Tls(TlsError),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path, error) => write!(f, "cannot write {}: {error}", path.display()),
            Self::Listen(error) => write!(f, "cannot listen on the loopback address: {error}"),
            Self::Tls(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Directory(_, error) | Self::Listen(error) => Some(error),
            Self::Tls(error) => Some(error),
        }
    }
}
