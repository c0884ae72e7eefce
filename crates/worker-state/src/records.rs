//! The records of all certificates: one file each, so that damage to one touches no other and a
//! rotation of one costs one write.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use atomic_file::{Directory, FileOptions, KeptOpen};

use crate::certificate_record::CertificateRecord;
use crate::{Directories, Lease, StateError, document, fingerprint};

/// All records, by store and link.
#[derive(Debug, Default)]
pub struct Records {
    records: BTreeMap<(PathBuf, String), CertificateRecord>,
}

impl Records {
    /// Reads every record. Damaged ones are left out and returned as problems: what they knew of
    /// is then neither repaired against nor ever removed, and they are written anew by the next
    /// installation.
    ///
    /// # Errors
    /// Where the directory cannot be listed.
    pub fn read(directories: &Directories) -> Result<(Self, Vec<StateError>), StateError> {
        let folder = directories.records_path();
        let mut records = Self::default();
        let mut damaged = Vec::new();
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok((records, damaged));
            }
            Err(error) => return Err(StateError::read(&folder, error)),
        };
        for entry in entries {
            let path = entry.map_err(|error| StateError::read(&folder, error))?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            match document::read::<CertificateRecord>(&path) {
                Ok(Some(record)) => records.remember(record),
                Ok(None) => {}
                Err(error) => damaged.push(error),
            }
        }
        Ok((records, damaged))
    }

    /// The record of a link in a store.
    pub fn of(&self, store: &Path, link: &str) -> Option<&CertificateRecord> {
        self.records.get(&(store.to_owned(), link.to_owned()))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &CertificateRecord> {
        self.records.values()
    }

    /// Takes a record in, in place of the one with the same store and link.
    pub fn remember(&mut self, record: CertificateRecord) {
        self.records.insert((record.store.clone(), record.link.clone()), record);
    }
}

/// The folder of the records, for whoever keeps many: it stays open from one to the next.
#[derive(Debug)]
pub struct RecordsFolder {
    path: PathBuf,
    opened: KeptOpen,
}

impl RecordsFolder {
    /// The folder in these directories; it is opened when a record is to be kept.
    pub fn of(directories: &Directories) -> Self {
        Self { path: directories.records_path(), opened: KeptOpen::default() }
    }

    /// Writes a record, in place of the one with the same store and link, durably.
    ///
    /// # Errors
    /// Where the file cannot be replaced.
    pub fn keep(&self, record: &CertificateRecord, _lease: &Lease) -> Result<(), StateError> {
        let name = file_name(record);
        let path = self.path.join(&name);
        let text = document::text(&path, record)?;
        self.opened
            .or_open(&self.path, || Directory::open(&self.path))
            .and_then(|folder| folder.replace(&name, &FileOptions::mode(0o600), &text))
            .map_err(|error| StateError::write(&path, error))
    }
}

/// Store and link name a record; paths can be longer than the name of a file.
fn file_name(record: &CertificateRecord) -> String {
    let store = record.store.as_os_str().as_encoded_bytes();
    fingerprint(&[store, &[0], record.link.as_bytes()]) + ".json"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate_record::tests::record;

    #[test]
    fn records_read_back_and_replace_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let directories = Directories::below(folder.path());
        directories.create().unwrap();
        let lease = Lease::acquire(&directories).unwrap();
        let records = RecordsFolder::of(&directories);
        let newer = CertificateRecord { files: Vec::new(), ..record("a") };
        for record in [&record("a"), &record("b"), &newer] {
            records.keep(record, &lease).unwrap();
        }
        let (records, damaged) = Records::read(&directories).unwrap();
        assert!(damaged.is_empty());
        assert_eq!(records.of(Path::new("/store"), "a"), Some(&newer));
        assert_eq!(records.of(Path::new("/store"), "b"), Some(&record("b")));
        assert_eq!(records.of(Path::new("/other"), "b"), None);
    }

    #[test]
    fn damage_to_one_record_touches_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let directories = Directories::below(folder.path());
        directories.create().unwrap();
        let lease = Lease::acquire(&directories).unwrap();
        RecordsFolder::of(&directories).keep(&record("a"), &lease).unwrap();
        #[expect(clippy::disallowed_methods, reason = "a test damages a file")]
        std::fs::write(directories.records_path().join("x.json"), b"{").unwrap();
        let (records, damaged) = Records::read(&directories).unwrap();
        assert_eq!(records.iter().count(), 1);
        assert!(damaged[0].to_string().contains("x.json"));
    }

    #[test]
    fn a_folder_that_was_removed_and_made_again_takes_further_records() {
        let folder = tempfile::tempdir().unwrap();
        let directories = Directories::below(folder.path());
        directories.create().unwrap();
        let lease = Lease::acquire(&directories).unwrap();
        let records = RecordsFolder::of(&directories);
        records.keep(&record("a"), &lease).unwrap();
        std::fs::remove_dir_all(directories.records_path()).unwrap();
        records.keep(&record("b"), &lease).unwrap_err();
        directories.create().unwrap();
        records.keep(&record("b"), &lease).unwrap();
        let (read, _) = Records::read(&directories).unwrap();
        assert_eq!(read.iter().map(|record| record.link.as_str()).collect::<Vec<_>>(), ["b"]);
    }
}
