//! The bytes of outputs, kept under their own SHA-256: what was, is and was in the way.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::PathBuf;

use atomic_file::{Directory, FileError, FileOptions, Opening};
use zeroize::Zeroizing;

use crate::digest::digest;
use crate::private_file;

/// The permission bits of kept files.
const PRIVATE: u32 = 0o600;

/// The permission bits of the directory that they stand in.
const CLOSED: u32 = 0o700;

/// The directory of kept bytes.
#[derive(Debug)]
pub(super) struct Keep {
    path: PathBuf,
}

impl Keep {
    pub(super) fn new(path: PathBuf) -> Self {
        Keep { path }
    }

    /// The bytes with this digest; `None` if they are gone or were changed.
    pub(super) fn read(
        &self,
        opening: &Opening,
        digest: &str,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, FileError> {
        let Some(directory) = self.open(opening)? else { return Ok(None) };
        let found = private_file::examine(&directory, digest)?;
        Ok(found.map(|found| found.content).filter(|bytes| self::digest(bytes) == digest))
    }

    /// Keeps bytes durably; nothing is written where they are kept already.
    pub(super) fn save(&self, opening: &Opening, bytes: &[u8]) -> Result<String, FileError> {
        let digest = digest(bytes);
        if self.read(opening, &digest)?.is_none() {
            self.create(opening)?.replace(&digest, &FileOptions::mode(PRIVATE), bytes)?;
        }
        Ok(digest)
    }

    /// Keeps somebody else's bytes, which no sweep removes.
    pub(super) fn save_foreign(
        &self,
        opening: &Opening,
        bytes: &[u8],
    ) -> Result<String, FileError> {
        let digest = digest(bytes);
        let name = foreign(&digest);
        self.create(opening)?.replace(name, &FileOptions::mode(PRIVATE), bytes)?;
        Ok(digest)
    }

    /// Where somebody else's bytes are kept.
    pub(super) fn foreign(&self, digest: &str) -> PathBuf {
        self.path.join(foreign(digest))
    }

    /// Removes temporary files, and bytes that nobody names; returns the paths.
    pub(super) fn sweep(
        &self,
        opening: &Opening,
        named: &BTreeSet<&str>,
    ) -> Result<Vec<PathBuf>, FileError> {
        let Some(directory) = self.open(opening)? else { return Ok(Vec::new()) };
        directory.sweep()?;
        let mut removed = Vec::new();
        for name in directory.list()? {
            let unnamed =
                name.to_str().is_some_and(|name| is_digest(name) && !named.contains(name));
            if unnamed && directory.remove(&name)? {
                removed.push(self.path.join(name));
            }
        }
        Ok(removed)
    }

    fn create(&self, opening: &Opening) -> Result<Directory, FileError> {
        let directory = opening.create(&self.path, CLOSED)?.directory;
        if directory.entry()?.mode != CLOSED {
            directory.set_mode(CLOSED)?;
        }
        Ok(directory)
    }

    fn open(&self, opening: &Opening) -> Result<Option<Directory>, FileError> {
        match opening.open(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            other => other.map(Some),
        }
    }
}

/// Not the name of a digest, so that a lost ledger loses nobody's file.
fn foreign(digest: &str) -> String {
    format!("{digest}.replaced")
}

fn is_digest(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
