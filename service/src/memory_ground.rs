//! What looks and passes stand on, in tests: a vault and a store in memory, consumers that answer
//! by a script, output files in a temporary directory.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use cert_store::OutputStore;
use reaction::{Action, Candidates, Command, Effect, Occasion, Verification};
use worker_state::CertificateRecord;

use crate::delivery::consumers::Consumers;
use crate::ground::{Ground, Keep, SecretSource};
use crate::memory_store::MemoryStore;

/// Everything but the vault.
pub(crate) struct Bed {
    pub(crate) store: MemoryStore,
    pub(crate) outputs: OutputStore,
    pub(crate) consumers: MemoryConsumers,
    pub(crate) candidates: PathBuf,
    pub(crate) folder: tempfile::TempDir,
}

impl Default for Bed {
    fn default() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keep = folder.path().join("kept");
        std::fs::create_dir(&keep).unwrap();
        Self {
            store: MemoryStore::default(),
            outputs: OutputStore::new(keep),
            consumers: MemoryConsumers::default(),
            candidates: folder.path().join("candidates"),
            folder,
        }
    }
}

/// Keeps nothing.
pub(crate) const FORGET: Keep<'static> = &|_: &CertificateRecord| Ok(());

impl Bed {
    pub(crate) fn ground<'a>(
        &'a self,
        source: &'a dyn SecretSource,
        keep: Keep<'a>,
    ) -> Ground<'a, MemoryStore> {
        self.ground_with(source, &self.store, keep)
    }

    /// The same over another store.
    pub(crate) fn ground_with<'a, S>(
        &'a self,
        source: &'a dyn SecretSource,
        store: &'a S,
        keep: Keep<'a>,
    ) -> Ground<'a, S> {
        Ground {
            source,
            answered: &|| (),
            store,
            outputs: &self.outputs,
            consumers: &self.consumers,
            candidates: &self.candidates,
            keep,
            interval: Duration::from_secs(3600),
        }
    }
}

/// Decides what a consumer answers to a question such as `check VERSION` or `reload x.service`.
type Script = Box<dyn FnMut(&str) -> Result<(), String> + Send>;

/// Consumers that do as the script says, and remember what they were asked.
pub(crate) struct MemoryConsumers {
    pub(crate) asked: Mutex<Vec<String>>,
    /// The paths that they were told last.
    pub(crate) paths: Mutex<Vec<PathBuf>>,
    pub(crate) script: Mutex<Script>,
    /// What does not run is left alone.
    pub(crate) unit_runs: AtomicBool,
    pub(crate) somebody_listens: AtomicBool,
    /// How long they take to answer.
    pub(crate) takes: Mutex<Duration>,
}

impl Default for MemoryConsumers {
    fn default() -> Self {
        Self {
            asked: Mutex::default(),
            paths: Mutex::default(),
            script: Mutex::new(Box::new(|_| Ok(()))),
            unit_runs: true.into(),
            somebody_listens: true.into(),
            takes: Mutex::default(),
        }
    }
}

impl MemoryConsumers {
    pub(crate) fn answer(&self, script: impl FnMut(&str) -> Result<(), String> + Send + 'static) {
        *self.script.lock().unwrap() = Box::new(script);
    }

    /// What was asked since the last time.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    fn ask(&self, question: String) -> Result<(), String> {
        let answer = (self.script.lock().unwrap())(&question);
        self.asked.lock().unwrap().push(question);
        answer
    }
}

fn paths(occasion: &Occasion) -> Vec<PathBuf> {
    occasion.changes.iter().flat_map(|change| change.paths.clone()).collect()
}

fn versions(occasion: &Occasion) -> String {
    let each = |change: &reaction::Change| {
        let number = change.version.trim_start_matches('0');
        format!("{}:{number}:{}", change.certificate, change.reason)
    };
    occasion.changes.iter().map(each).collect::<Vec<_>>().join(" ")
}

impl Consumers for MemoryConsumers {
    fn check(&self, _: &Command, candidates: &Candidates, all: &Occasion) -> Result<(), String> {
        *self.paths.lock().unwrap() = paths(all);
        let files = candidates.files.iter().filter(|(_, path)| path.exists()).count();
        self.ask(format!("check {} with {files} files", versions(all)))
    }

    fn react(&self, action: &Action, occasion: &Occasion) -> Result<Effect, String> {
        *self.paths.lock().unwrap() = paths(occasion);
        self.ask(format!("{action} for {}", versions(occasion)))?;
        Ok(if self.unit_runs.load(Relaxed) { Effect::Done } else { Effect::NotRunning })
    }

    fn nobody_listens(&self, _: &Verification) -> bool {
        !self.somebody_listens.load(Relaxed)
    }

    fn verify(&self, verification: &Verification, leaf: &[u8]) -> Result<(), String> {
        assert!(!leaf.is_empty());
        self.ask(format!("verify {}", verification.server_name.as_deref().unwrap_or("-")))
    }

    fn answered_at(&self, asked_at: SystemTime) -> SystemTime {
        asked_at + *self.takes.lock().unwrap()
    }
}
