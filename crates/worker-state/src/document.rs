//! Reading and replacing the JSON documents of the state directory.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::read_trusted;

/// State could not be read or written. Displays the path and what is wrong with it.
#[derive(Debug)]
pub struct StateError {
    path: PathBuf,
    problem: Problem,
}

#[derive(Debug)]
enum Problem {
    Read(io::Error),
    Write(Box<dyn std::error::Error + Send + Sync>),
    Malformed(serde_json::Error),
    Untrusted(String),
}

impl StateError {
    pub(crate) fn read(path: &Path, error: io::Error) -> Self {
        Self { path: path.into(), problem: Problem::Read(error) }
    }

    pub(crate) fn write(
        path: &Path,
        error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { path: path.into(), problem: Problem::Write(error.into()) }
    }

    pub(crate) fn untrusted(path: &Path, why: String) -> Self {
        Self { path: path.into(), problem: Problem::Untrusted(why) }
    }
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.problem {
            Problem::Read(error) => write!(f, "{path}: cannot be read: {error}"),
            Problem::Write(error) => write!(f, "{path}: cannot be written: {error}"),
            Problem::Malformed(error) => write!(f, "{path}: is damaged: {error}"),
            Problem::Untrusted(why) => write!(f, "{path}: {why}"),
        }
    }
}

impl std::error::Error for StateError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.problem {
            Problem::Read(error) => Some(error),
            Problem::Write(error) => Some(error.as_ref()),
            Problem::Malformed(error) => Some(error),
            Problem::Untrusted(_) => None,
        }
    }
}

/// The document at `path`; `None` where there is no such file. One that others could have written
/// is none of ours.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StateError> {
    read_trusted(path)?.map(|bytes| parse(path, &bytes)).transpose()
}

/// The same for a document that is published: `None` also where a power cut came between its name
/// and its content, which leaves nothing in the file, or zeros.
pub(crate) fn read_published<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StateError> {
    let written = read_trusted(path)?.filter(|bytes| bytes.iter().any(|byte| *byte != 0));
    written.map(|bytes| parse(path, &bytes)).transpose()
}

fn parse<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T, StateError> {
    serde_json::from_slice(bytes)
        .map_err(|error| StateError { path: path.into(), problem: Problem::Malformed(error) })
}

/// Replaces the document at `path`, readable by its owner only.
pub(crate) fn replace<T: Serialize>(path: &Path, document: &T) -> Result<(), StateError> {
    let bytes = text(path, document)?;
    atomic_file::replace_file(path, 0o600, &bytes).map_err(|error| StateError::write(path, error))
}

/// The same for a document that says nothing any more once the machine has stopped: after a power
/// cut it can be the one before, or what [`read_published`] takes for none.
pub(crate) fn publish<T: Serialize>(path: &Path, document: &T) -> Result<(), StateError> {
    let bytes = text(path, document)?;
    atomic_file::publish_file(path, 0o600, &bytes).map_err(|error| StateError::write(path, error))
}

/// A document as it is to stand at `path`.
pub(crate) fn text<T: Serialize>(path: &Path, document: &T) -> Result<Vec<u8>, StateError> {
    let mut bytes =
        serde_json::to_vec_pretty(document).map_err(|error| StateError::write(path, error))?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Removes the document at `path`, if it is there.
pub(crate) fn remove(path: &Path) -> Result<(), StateError> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(StateError::write(path, error)),
    }
}
