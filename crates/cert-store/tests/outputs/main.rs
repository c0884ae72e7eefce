//! Outputs, looked at from outside.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test looks from outside"
)]
#![allow(clippy::print_stdout, reason = "the figures are what the test found out")]

#[path = "../bed/mod.rs"]
mod bed;
#[path = "../bed/failing.rs"]
mod failing;

mod access;
mod directories;
mod faults;
mod files;
mod pkcs12;
mod readers;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use cert_store::{
    FileAccess, Form, Material, Output, OutputLedger, OutputStore, SetFile, StoreError,
};
use certified_key::Content;

use crate::bed::version;

/// Outputs in a temporary folder, and their ledger.
struct Place {
    folder: tempfile::TempDir,
    store: OutputStore,
    wanted: Vec<Output>,
    ledger: OutputLedger,
}

impl Place {
    fn new() -> Self {
        let folder = bed::scratch();
        fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        fs::create_dir(folder.path().join("out")).unwrap();
        let store = OutputStore::new(folder.path().join("state/keep"));
        Place { folder, store, wanted: Vec::new(), ledger: OutputLedger::default() }
    }

    /// With these files in one directory.
    fn with(files: &[(&str, Form)]) -> Self {
        let mut place = Place::new();
        for (name, form) in files {
            let path = place.path(name);
            let access = FileAccess::default();
            place.wanted.push(Output::File { path, form: form.clone(), access });
        }
        place
    }

    /// With chain and key below one link.
    fn with_set() -> Self {
        let mut place = Place::new();
        let file = |name: &str, form, mode| SetFile {
            name: name.into(),
            form,
            access: FileAccess { mode, ..FileAccess::default() },
        };
        let files =
            vec![file("tls.crt", Form::FullChain, 0o644), file("tls.key", Form::PrivateKey, 0o600)];
        place.wanted.push(Output::Directory { link: place.path("tls"), files });
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("out").join(name)
    }

    fn keep(&self) -> PathBuf {
        self.folder.path().join("state/keep")
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    fn names(&self) -> Vec<String> {
        bed::names(&self.path(""))
    }

    /// Prepares, keeps the ledger and switches; says whether there was something to do.
    fn install(&mut self, number: u32, content: &Content) -> Result<bool, StoreError> {
        self.install_with(number, content, None)
    }

    fn install_with(
        &mut self,
        number: u32,
        content: &Content,
        value: Option<&[u8]>,
    ) -> Result<bool, StoreError> {
        let version = version(number);
        let material = Material { version: &version, content, value };
        let prepared = self.store.prepare(&self.wanted, material, &self.ledger)?;
        self.ledger = prepared.ledger().clone();
        let changes = !prepared.is_empty();
        prepared.switch()?;
        Ok(changes)
    }

    fn standing(&self) -> Vec<String> {
        let drifts = self.store.standing(&self.wanted, &self.ledger).unwrap();
        drifts.iter().map(ToString::to_string).collect()
    }

    fn sweep(&self) -> usize {
        let retirement = self.store.sweep(&self.wanted, &[&self.ledger]);
        assert!(retirement.problems.is_empty(), "{:?}", retirement.problems);
        retirement.removed.len()
    }

    /// Modes, owners, inodes and times of everything, kept bytes included.
    fn snapshot(&self) -> BTreeMap<PathBuf, (u32, u64, i64, i64)> {
        let mut all = BTreeMap::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                let m = path.symlink_metadata().unwrap();
                all.insert(path.clone(), (m.mode(), m.ino(), m.mtime_nsec(), m.ctime_nsec()));
                if m.is_dir() {
                    folders.push(path);
                }
            }
        }
        all
    }
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}
