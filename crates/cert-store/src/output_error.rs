//! Why an output could not be written.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

use certified_key::EncodeError;

/// Why an output could not be written. `Display` is a sentence that may be shown to anyone.
#[derive(Debug)]
#[non_exhaustive]
pub enum OutputError {
    /// The directory that an output is to stand in does not exist.
    NoDirectory {
        /// That directory.
        directory: PathBuf,
    },
    /// Something that is no file stands where an output goes.
    Taken {
        /// Where.
        path: PathBuf,
        /// What stands there.
        by: &'static str,
    },
    /// The owner or group that a file is to have is unknown.
    UnknownAccount {
        /// The file.
        path: PathBuf,
        /// `user "tomcat"` or `group "web"`.
        account: String,
    },
    /// A file is to have an access-control list, and the file system keeps none.
    NoLists {
        /// The file.
        path: PathBuf,
    },
    /// A plain secret has no certificate and no key.
    NotACertificate {
        /// The output that asks for it.
        path: PathBuf,
    },
    /// The value of this version is not at hand any more.
    NoValue {
        /// The output that asks for it.
        path: PathBuf,
    },
    /// A password could not be read from its file.
    Password {
        /// The password's file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: &'static str,
    },
    /// PKCS#12 could not be encoded.
    Encode {
        /// The output.
        path: PathBuf,
        /// Why.
        source: EncodeError,
    },
}

impl OutputError {
    pub(crate) fn is_customer(&self) -> bool {
        !matches!(self, Self::NoValue { .. } | Self::Encode { .. })
    }
}

impl fmt::Display for OutputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDirectory { directory } => write!(
                f,
                "the directory {directory:?} does not exist; make it, with the owner and mode that \
                 those who read from it need"
            ),
            Self::Taken { path, by } => write!(
                f,
                "{path:?} is {by}, where an output has to be; move it away or choose another path"
            ),
            Self::UnknownAccount { path, account } => write!(
                f,
                "{path:?} is to belong to {account}, whom this machine does not know; create it or \
                 name another"
            ),
            Self::NoLists { path } => write!(
                f,
                "the file system of {path:?} keeps no access-control lists; leave out acls, or \
                 choose a path on one that does"
            ),
            Self::NotACertificate { path } => write!(
                f,
                "{path:?} asks for a certificate or its key, but the secret is none; use the form \
                 raw"
            ),
            Self::NoValue { path } => write!(
                f,
                "the secret's value for {path:?} is not at hand; it is written with the next \
                 version"
            ),
            Self::Password { path, reason } => write!(f, "the passwordFile {path:?} {reason}"),
            Self::Encode { path, source } => write!(f, "{path:?}: {source}"),
        }
    }
}

impl Error for OutputError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Encode { source, .. } => Some(source),
            _ => None,
        }
    }
}
