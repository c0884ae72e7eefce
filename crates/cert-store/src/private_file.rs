//! Files that may hold a private key, read whole.

use atomic_file::{Directory, Entry, Examined, FileError};
use zeroize::Zeroizing;

use crate::access::Access;
use crate::digest::digest;

/// Files longer than this, in bytes, are no certificates; a chain has some ten thousand.
const LONGEST_FILE: u64 = 4 << 20;

/// A file that may hold a private key.
pub(crate) struct PrivateFile {
    pub(crate) entry: Entry,
    pub(crate) acl: Option<Vec<u8>>,
    pub(crate) content: Zeroizing<Vec<u8>>,
}

impl PrivateFile {
    /// Whether it stands exactly so.
    pub(crate) fn has(&self, access: &Access) -> bool {
        access.is(&self.entry, self.acl.as_deref())
    }

    pub(crate) fn digest(&self) -> String {
        digest(&self.content)
    }
}

impl From<Examined> for PrivateFile {
    fn from(examined: Examined) -> Self {
        let Examined { entry, acl, content } = examined;
        PrivateFile { entry, acl, content: Zeroizing::new(content) }
    }
}

/// Looks at a regular file; anything else, and an impossibly long file, is as good as none.
pub(crate) fn examine(directory: &Directory, name: &str) -> Result<Option<PrivateFile>, FileError> {
    match directory.examine(name, LONGEST_FILE) {
        Err(FileError::NotARegularFile(_) | FileError::TooLong { .. }) => Ok(None),
        other => Ok(other?.map(PrivateFile::from)),
    }
}
