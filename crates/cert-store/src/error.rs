//! Why something could not be installed.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

use atomic_file::FileError;

use crate::output_error::OutputError;

/// Why a certificate could not be installed, repaired or removed. `Display` is a sentence that
/// may be shown to anyone: it names paths and causes, never content.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// The file system refused.
    File(FileError),
    /// Something that is not ours stands where a link or file has to be.
    Taken {
        /// Where.
        path: PathBuf,
        /// What stands there.
        by: &'static str,
    },
    /// A link would have the name of the file that it leads to.
    Circle {
        /// The link.
        link: String,
    },
    /// A plain secret cannot be split into a chain and a key.
    NotSplittable {
        /// The link that asks for it.
        link: String,
    },
    /// An output could not be written.
    Output(OutputError),
    /// What confines this process keeps the store from it.
    Closed {
        /// The store.
        path: PathBuf,
        /// What does so, and what to do.
        why: String,
    },
    /// What was written, or was about to be, does not read back the same.
    NotTheSame {
        /// The file.
        path: PathBuf,
    },
}

impl StoreError {
    /// Whether the customer can fix it in the settings or by tidying the store. What is left lies with
    /// this machine: its disk, its permissions, its memory.
    #[must_use]
    pub fn is_customer(&self) -> bool {
        match self {
            Self::Taken { .. }
            | Self::Circle { .. }
            | Self::NotSplittable { .. }
            | Self::Closed { .. } => true,
            Self::Output(error) => error.is_customer(),
            Self::NotTheSame { .. } => false,
            Self::File(FileError::Refused { .. }) => false,
            Self::File(_) => true,
        }
    }
}

impl From<FileError> for StoreError {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) if error.is_full() => {
                write!(f, "{error}; free some space, what is installed stays as it is")
            }
            Self::File(error) if error.is_read_only() => {
                write!(f, "{error}; mount it writable, what is installed stays as it is")
            }
            Self::File(error @ FileError::NotADirectory(_)) => {
                write!(f, "{error}; move it away, or choose another path")
            }
            Self::File(error) => error.fmt(f),
            Self::Taken { path, by } => write!(
                f,
                "{path:?} is {by}, and it was not put there by this extension; move it away or \
                 choose another customSymbolicLinkName"
            ),
            Self::Circle { link } => write!(
                f,
                "{link}: the link would have the name of the file that it leads to; choose \
                 another customSymbolicLinkName"
            ),
            Self::NotSplittable { link } => write!(
                f,
                "{link}: a secret that is no certificate has no chain and key to write to two \
                 files; use certificateFileLayout \"combined\""
            ),
            Self::Output(error) => error.fmt(f),
            Self::Closed { path, why } => write!(f, "{path:?} {why}"),
            Self::NotTheSame { path } => {
                write!(f, "{path:?} does not read back as it was written; nothing was switched")
            }
        }
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::File(error) => Some(error),
            Self::Output(error) => Some(error),
            _ => None,
        }
    }
}
