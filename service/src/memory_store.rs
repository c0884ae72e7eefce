//! A store in memory: the second implementation that keeps the seam honest.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::SystemTime;

use cert_store::{
    Announce, Announcement, CertificateStore, Change, Drift, Generation, Installed, Layout, Ledger,
    LedgerFile, ReadBefore, Retirement, Standing, StoreError, StoreLocation, Target, Wanted,
};
use certified_key::{CertifiedKey, Content};

/// Installed PEM texts by link name, and how often something was written.
#[derive(Default)]
pub(crate) struct MemoryStore {
    pub(crate) installed: Mutex<BTreeMap<String, (String, Vec<u8>)>>,
    /// What was installed before, by link name and version.
    pub(crate) older: Mutex<BTreeMap<(String, String), Vec<u8>>>,
    pub(crate) links: Mutex<BTreeSet<String>>,
    pub(crate) writes: Mutex<usize>,
    /// How the next installation fails once it was announced.
    pub(crate) fails: Mutex<Option<StoreError>>,
}

/// What is about to be installed.
pub(crate) struct Ready {
    name: String,
    version: String,
    pem: Vec<u8>,
    installed: Installed,
}

impl CertificateStore for MemoryStore {
    type Prepared = Ready;

    fn standing(
        &self,
        target: &Target,
        ledger: &Ledger,
        _: &ReadBefore,
        _: SystemTime,
    ) -> Result<Standing, StoreError> {
        let Some(active) = &ledger.active else { return Ok(Standing::Absent) };
        let installed = self.installed.lock().unwrap();
        let linked = self.links.lock().unwrap().contains(&target.link_name);
        let stands = installed.get(&target.link_name).is_some_and(|(v, _)| *v == active.version);
        let intact = linked && stands;
        let missing = Drift::LinkMissing(PathBuf::from(&target.link_name));
        Ok(if intact { Standing::Intact } else { Standing::Drifted(vec![missing]) })
    }

    fn grant_warnings(&self, target: &Target, _: &Ledger) -> Vec<String> {
        target.grants.iter().map(|grant| format!("{grant:?} is unknown")).collect()
    }

    fn layouts_found(&self, _: &StoreLocation, _: &str) -> Result<Vec<Layout>, StoreError> {
        Ok(Vec::new())
    }

    fn recall(
        &self,
        target: &Target,
        generation: &Generation,
        _ledger: &Ledger,
    ) -> Result<Option<Content>, StoreError> {
        let installed = self.installed.lock().unwrap();
        let active = installed.get(&target.link_name).filter(|(v, _)| *v == generation.version);
        let older = self.older.lock().unwrap();
        let name = (target.link_name.clone(), generation.version.clone());
        let kept = active.map(|(_, pem)| pem).or(older.get(&name));
        Ok(kept.map(|pem| Content::Certificate(CertifiedKey::parse_pem(pem).unwrap())))
    }

    fn found(&self, target: &Target) -> Result<Option<(String, CertifiedKey)>, StoreError> {
        let installed = self.installed.lock().unwrap();
        let linked = self.links.lock().unwrap().contains(&target.link_name);
        let found = installed.get(&target.link_name).filter(|_| linked);
        Ok(found.map(|(v, pem)| (v.clone(), CertifiedKey::parse_pem(pem).unwrap())))
    }

    fn prepare(
        &self,
        target: &Target,
        wanted: Wanted<'_>,
        ledger: &Ledger,
        announce: Announce<'_>,
        now: SystemTime,
    ) -> Result<Ready, StoreError> {
        let Content::Certificate(key) = wanted.content else { panic!("a certificate") };
        let (name, version) = (target.link_name.clone(), wanted.version.to_owned());
        let mut before = ledger.clone();
        let change = match &before.active {
            None => Change::New,
            Some(active) if active.version == version => Change::Repaired,
            Some(_) => Change::Rotated,
        };
        for file in before.files.iter_mut().filter(|file| file.version != version) {
            file.superseded.get_or_insert(now);
        }
        let file = format!("{name}.{version}");
        if before.files.iter().all(|known| known.name != file) {
            let digest = String::new();
            let (name, version) = (file.clone(), version.clone());
            before.files.push(LedgerFile {
                name,
                version,
                digest,
                superseded: None,
                adopted: false,
                differs: false,
                prepared: false,
            });
        }
        let active = Generation { version: version.clone(), digest: String::new() };
        if change == Change::Rotated {
            before.previous = before.active.take();
        }
        before.active = Some(active);
        let paths = vec![PathBuf::from(&name)];
        announce(&Announcement { ahead: ledger, after: &before, change });
        let mut fails = self.fails.lock().unwrap();
        if let Some(error) = fails.take() {
            return Err(error);
        }
        let warnings = Vec::new();
        let installed = Installed { change, ledger: before, paths, file: file.into(), warnings };
        Ok(Ready { name, version, pem: key.to_pem().to_vec(), installed })
    }

    fn outcome<'p>(&self, ready: &'p Ready) -> &'p Installed {
        &ready.installed
    }

    fn switch(&self, ready: Ready) -> Result<Installed, StoreError> {
        *self.writes.lock().unwrap() += 1;
        let Ready { name, version, pem, installed } = ready;
        let before = self.installed.lock().unwrap().insert(name.clone(), (version.clone(), pem));
        if let Some((version, pem)) = before.filter(|(before, _)| *before != version) {
            self.older.lock().unwrap().insert((name.clone(), version), pem);
        }
        self.links.lock().unwrap().insert(name);
        Ok(installed)
    }

    fn discard(&self, _: Ready) -> Result<(), StoreError> {
        Ok(())
    }

    fn retire(&self, targets: &mut [(&Target, &mut Ledger)], _: SystemTime) -> Retirement {
        for (_, ledger) in targets {
            ledger.files.retain(|file| file.superseded.is_none());
        }
        Retirement::default()
    }

    fn sweep(&self, _: &StoreLocation) -> Result<usize, StoreError> {
        Ok(0)
    }
}
