//! What can go wrong with a file.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

/// Why a file or directory could not be read or changed.
#[derive(Debug)]
#[non_exhaustive]
pub enum FileError {
    /// The kernel refused.
    Refused {
        /// What was tried, for example `rename`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The kernel's reason.
        source: io::Error,
    },
    /// A symbolic link on the way that another user could have placed or could replace.
    PlantedLink(PathBuf),
    /// More symbolic links on the way than the kernel itself would follow.
    TooManyLinks(PathBuf),
    /// A directory was expected.
    NotADirectory(PathBuf),
    /// A regular file was expected.
    NotARegularFile(PathBuf),
    /// The file system would leave a file open to more users than was asked for.
    WiderMode(PathBuf),
    /// A file is longer than the caller wanted to read, in bytes.
    TooLong {
        /// The file.
        path: PathBuf,
        /// The caller's limit in bytes.
        limit: u64,
    },
    /// Not the name of a file in a directory: empty, `.`, `..`, or with a separator or NUL in it.
    BadName(PathBuf),
}

impl FileError {
    /// The kind of the kernel's refusal; [`io::ErrorKind::InvalidInput`] for the others.
    pub fn kind(&self) -> io::ErrorKind {
        match self {
            FileError::Refused { source, .. } => source.kind(),
            _ => io::ErrorKind::InvalidInput,
        }
    }

    /// The file or directory that the error is about.
    pub fn path(&self) -> &Path {
        match self {
            FileError::Refused { path, .. } | FileError::TooLong { path, .. } => path,
            FileError::PlantedLink(path)
            | FileError::TooManyLinks(path)
            | FileError::NotADirectory(path)
            | FileError::NotARegularFile(path)
            | FileError::WiderMode(path)
            | FileError::BadName(path) => path,
        }
    }

    /// Whether the file system does not have the feature at all (access-control lists, say).
    pub fn is_unsupported(&self) -> bool {
        self.raw() == Some(Errno::OPNOTSUPP.raw_os_error())
            || self.raw() == Some(Errno::NOSYS.raw_os_error())
    }

    /// Whether the disk, or the owner's share of it, is full.
    pub fn is_full(&self) -> bool {
        [Errno::NOSPC, Errno::DQUOT].iter().any(|e| self.raw() == Some(e.raw_os_error()))
    }

    /// Whether the file system is mounted for reading only.
    pub fn is_read_only(&self) -> bool {
        self.raw() == Some(Errno::ROFS.raw_os_error())
    }

    fn raw(&self) -> Option<i32> {
        match self {
            FileError::Refused { source, .. } => source.raw_os_error(),
            _ => None,
        }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // But modes and owners are root's alone to change.
            FileError::Refused { action, path, source }
                if self.raw() == Some(Errno::PERM.raw_os_error())
                    && !action.starts_with("change") =>
            {
                write!(
                    f,
                    "cannot {action} {path:?}: {source}; lsattr shows what is immutable, chattr -i \
                     ends that"
                )
            }
            FileError::Refused { action, path, source } => {
                write!(f, "cannot {action} {path:?}: {source}")
            }
            FileError::PlantedLink(path) => write!(
                f,
                "{path:?} is a symbolic link that other users could have placed; replace it by a \
                 directory, or let root own the link and the directory it stands in"
            ),
            FileError::TooManyLinks(path) => {
                write!(f, "too many symbolic links on the way to {path:?}")
            }
            FileError::NotADirectory(path) => write!(f, "{path:?} is not a directory"),
            FileError::NotARegularFile(path) => write!(f, "{path:?} is not a regular file"),
            FileError::WiderMode(path) => write!(
                f,
                "the file system does not keep permission bits: {path:?} would be open to other \
                 users; use a directory on a file system that does"
            ),
            FileError::TooLong { path, limit } => {
                write!(f, "{path:?} is longer than {limit} bytes")
            }
            FileError::BadName(path) => write!(f, "{path:?} is not a usable file name"),
        }
    }
}

impl Error for FileError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            FileError::Refused { source, .. } => Some(source),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(errno: Errno) -> FileError {
        FileError::Refused { action: "write", path: "/s/f".into(), source: errno.into() }
    }

    #[test]
    fn a_full_disk_and_a_missing_feature_are_told_apart() {
        assert!(refused(Errno::NOSPC).is_full() && refused(Errno::DQUOT).is_full());
        assert!(refused(Errno::OPNOTSUPP).is_unsupported());
        assert!(!refused(Errno::IO).is_full() && !refused(Errno::IO).is_unsupported());
        assert!(refused(Errno::ROFS).is_read_only() && !refused(Errno::IO).is_read_only());
    }

    #[test]
    fn the_sentence_names_the_step_the_file_and_the_reason() {
        let text = refused(Errno::ROFS).to_string();
        assert!(text.starts_with("cannot write \"/s/f\": Read-only file system"), "{text}");
        assert!(!text.contains("chattr"), "{text}");
        let text = refused(Errno::PERM).to_string();
        assert!(text.ends_with("chattr -i ends that"), "{text}");
    }
}
