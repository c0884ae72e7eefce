//! Files that steer a program of root's, settings and state alike: only root may have written them.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::StateError;

/// No file that a person or one of our programs writes is near this size, in bytes.
const LARGEST: u64 = 64 * 1024 * 1024;

/// Reads a file that only root, or the user who runs this, can have written; `None` where there is
/// no such file. What is looked at is what is read, also where it is replaced at that moment.
///
/// # Errors
/// Where the file belongs to somebody else or others can write it, with the fix; where it cannot
/// be read, or is larger than 64 MiB.
pub fn read_trusted(path: &Path) -> Result<Option<Vec<u8>>, StateError> {
    let Some(file) = open(path)? else { return Ok(None) };
    let metadata = file.metadata().map_err(|error| StateError::read(path, error))?;
    let reader = rustix::process::geteuid().as_raw();
    let foreign = metadata.uid() != 0 && metadata.uid() != reader;
    if foreign || metadata.mode() & 0o022 != 0 {
        let fix = format!(
            "must belong to root and be writable by nobody else; \
             run: chown root {0} && chmod 0600 {0}",
            path.display()
        );
        return Err(StateError::untrusted(path, fix));
    }
    read_to_end(path, file).map(Some)
}

/// Reads a file whoever has written it; `None` where there is no such file.
///
/// # Errors
/// Where it cannot be read, or is larger than 64 MiB.
pub fn read_bounded(path: &Path) -> Result<Option<Vec<u8>>, StateError> {
    open(path)?.map(|file| read_to_end(path, file)).transpose()
}

fn open(path: &Path) -> Result<Option<File>, StateError> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StateError::read(path, error)),
    }
}

fn read_to_end(path: &Path, file: File) -> Result<Vec<u8>, StateError> {
    let mut bytes = Vec::new();
    let read = file.take(LARGEST + 1).read_to_end(&mut bytes);
    read.map_err(|error| StateError::read(path, error))?;
    if bytes.len() as u64 > LARGEST {
        return Err(StateError::untrusted(path, "is larger than 64 MiB".into()));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn refused(mode: u32) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        atomic_file::replace_file(&path, 0o600, b"content").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        read_trusted(&path).err().map(|error| error.to_string())
    }

    #[test]
    fn a_file_that_others_can_write_is_refused_with_the_fix() {
        for mode in [0o600, 0o644, 0o400] {
            assert_eq!(refused(mode), None);
        }
        for mode in [0o620, 0o602, 0o666] {
            let refusal = refused(mode).unwrap();
            assert!(refusal.contains("file: must belong to root"), "{refusal}");
            assert!(refusal.contains("run: chown root /"), "{refusal}");
        }
    }

    #[test]
    fn a_file_that_no_program_writes_is_refused_before_it_fills_the_memory() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(LARGEST).unwrap();
        assert_eq!(read_trusted(file.path()).unwrap().unwrap().len() as u64, LARGEST);
        file.as_file().set_len(LARGEST + 1).unwrap();
        let refusal = read_trusted(file.path()).unwrap_err().to_string();
        assert!(refusal.ends_with("is larger than 64 MiB"), "{refusal}");
    }

    #[test]
    fn a_file_of_somebody_elses_is_refused() {
        // Only root can give files away.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        atomic_file::replace_file(&path, 0o600, b"content").unwrap();
        if std::os::unix::fs::chown(&path, Some(4242), None).is_ok() {
            assert!(read_trusted(&path).is_err());
        }
        assert!(read_trusted(&folder.path().join("none")).unwrap().is_none());
    }
}
