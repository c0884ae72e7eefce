//! What the tests of this crate share: certificates, a store in a temporary folder, and a look at
//! it from outside.

#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use cert_store::{
    Announcement, CertificateStore, DirectoryStore, Installed, Layout, Ledger, ReadBefore, Retain,
    Standing, StoreError, StoreLocation, Target, Wanted,
};
use certified_key::{CertifiedKey, Content};
use object_id::{ObjectId, VaultSuffixes};
use rcgen::{CertificateParams, KeyPair};

/// A moment in 2023.
pub(crate) fn start() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

/// The version of a vault with this number: 32 hexadecimal digits.
pub(crate) fn version(number: u32) -> String {
    format!("{number:032x}")
}

/// A certificate with its key, different each time.
pub(crate) fn certificate(name: &str) -> Content {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let pem = params.self_signed(&key).unwrap().pem() + &key.serialize_pem();
    Content::Certificate(CertifiedKey::parse_pem(pem.as_bytes()).unwrap())
}

/// The certified key in a content.
pub(crate) fn key(content: &Content) -> &CertifiedKey {
    match content {
        Content::Certificate(key) => key,
        Content::Opaque(_) => unreachable!("the tests' certificates are certificates"),
    }
}

/// A store in a temporary folder, one target in it, and its ledger.
pub(crate) struct Bed {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) store: DirectoryStore,
    pub(crate) target: Target,
    pub(crate) ledger: Ledger,
    /// What the store last said that it was about to make: the ledger with what a crash would leave
    /// behind, and the one after the switch.
    pub(crate) announced: Option<[Ledger; 2]>,
    pub(crate) now: SystemTime,
}

impl Bed {
    pub(crate) fn new(layouts: &[Layout]) -> Self {
        Self::within(scratch(), layouts)
    }

    pub(crate) fn within(folder: tempfile::TempDir, layouts: &[Layout]) -> Self {
        let target = target(&folder.path().join("store"), "myCertificate", layouts);
        let store = DirectoryStore::new();
        Bed { folder, store, target, ledger: Ledger::default(), announced: None, now: start() }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.target.location.directory().unwrap().to_owned()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// One installation, ten minutes after the last.
    pub(crate) fn install(
        &mut self,
        number: u32,
        content: &Content,
    ) -> Result<Installed, StoreError> {
        self.now += Duration::from_secs(600);
        let version = version(number);
        let wanted = Wanted { version: &version, content };
        let announced = &mut self.announced;
        let mut announce = |told: &Announcement<'_>| {
            *announced = Some([told.ahead.clone(), told.after.clone()]);
        };
        let (target, ledger) = (&self.target, &self.ledger);
        let prepared = self.store.prepare(target, wanted, ledger, &mut announce, self.now);
        let installed = prepared.and_then(|prepared| self.store.switch(prepared));
        self.store.rest(); // as after a pass
        self.ledger = installed.as_ref().map_or(ledger, |installed| &installed.ledger).clone();
        installed
    }

    pub(crate) fn standing(&self) -> Standing {
        self.standing_since(&ReadBefore::default())
    }

    /// As one who has read the files before, long after they were written.
    pub(crate) fn standing_since(&self, before: &ReadBefore) -> Standing {
        let later = self.now + Duration::from_secs(100 * 365 * 86_400);
        let standing = self.store.standing(&self.target, &self.ledger, before, later).unwrap();
        self.store.rest();
        standing
    }

    pub(crate) fn retire(&mut self) -> Vec<PathBuf> {
        self.now += Duration::from_secs(600);
        let retirement = self.store.retire(&mut [(&self.target, &mut self.ledger)], self.now);
        assert!(retirement.problems.is_empty(), "{:?}", retirement.problems);
        retirement.removed
    }

    /// Names, kinds, modes, owners, inodes and times of everything in the store.
    pub(crate) fn snapshot(&self) -> BTreeMap<PathBuf, (u32, u32, u64, i64, i64)> {
        let mut all = BTreeMap::new();
        for entry in fs::read_dir(self.path()).unwrap() {
            let entry = entry.unwrap();
            let m = entry.path().symlink_metadata().unwrap();
            all.insert(entry.path(), (m.mode(), m.uid(), m.ino(), m.mtime_nsec(), m.ctime_nsec()));
        }
        let m = fs::metadata(self.path()).unwrap();
        all.insert(self.path(), (m.mode(), m.uid(), m.ino(), m.mtime_nsec(), m.ctime_nsec()));
        all
    }

    pub(crate) fn names(&self) -> Vec<String> {
        names(&self.path())
    }

    pub(crate) fn link(&self, name: &str) -> PathBuf {
        fs::read_link(self.file(name)).unwrap()
    }
}

/// A folder in memory, where the machine has one: syncing thousands of files takes no time there.
pub(crate) fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// The names in a directory, sorted.
pub(crate) fn names(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

pub(crate) fn object_id(name: &str) -> ObjectId {
    let url = format!("https://exampleVault.vault.azure.net/secrets/{name}");
    ObjectId::parse(&url, &VaultSuffixes::known()).unwrap()
}

pub(crate) fn target(store: &Path, name: &str, layouts: &[Layout]) -> Target {
    let id = object_id(name);
    Target {
        location: StoreLocation::Directory { path: store.to_owned(), is_default: false },
        link_name: Target::default_link_name(&id),
        id,
        layouts: layouts.to_vec(),
        grants: Vec::new(),
        retain: Retain::Versions(2),
    }
}

/// The permission bits of a path, links followed.
pub(crate) fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}
