//! Who keeps the worker running.

pub(crate) mod choice;
mod detached;
mod systemd;
mod unit;

use std::fmt::Debug;
use std::path::{Path, PathBuf};

use anyhow::Result;

pub use detached::Detached;
pub use systemd::Systemd;
pub use unit::UnitFolders;

/// The worker's program and the variables that it must get to find its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerProgram {
    /// Its absolute path.
    pub path: PathBuf,
    /// Names and values.
    pub environment: Vec<(String, String)>,
}

/// What runs the worker. It is told what to do and asked nothing about the worker's health: that
/// is read from the worker's own files, whoever runs it.
pub trait Supervisor: Debug {
    /// Why no worker can be run here at all, in a sentence with the next step.
    fn obstacle(&self) -> Option<String>;

    /// Makes ready for [`Self::start`], without starting anything.
    ///
    /// # Errors
    /// Where something cannot be written or the supervisor refuses.
    fn prepare(&self, worker: &WorkerProgram) -> Result<()>;

    /// Starts the worker, now and after a reboot. A worker that already runs under this
    /// supervisor is stopped before.
    ///
    /// # Errors
    /// Where something cannot be written or the supervisor refuses.
    fn start(&self, worker: &WorkerProgram) -> Result<Box<dyn Started + '_>>;

    /// Stops the worker, if this supervisor knows of one.
    ///
    /// # Errors
    /// Where the supervisor refuses or takes too long.
    fn stop(&self) -> Result<()>;

    /// Sees to it that nothing starts after a reboot.
    ///
    /// # Errors
    /// Where the supervisor refuses.
    fn keep_stopped(&self) -> Result<()>;

    /// Forgets the worker below `extension_folder`: removes what [`Self::prepare`] made for it,
    /// and nothing that was made for another folder or by somebody else. Says what was removed.
    ///
    /// # Errors
    /// Where something of ours cannot be removed.
    fn remove(&self, extension_folder: &Path) -> Result<Option<Removed>>;
}

/// What a supervisor has removed of its own.
#[derive(Debug)]
pub struct Removed {
    /// The file.
    pub path: PathBuf,
    /// What has not come off, though the file is gone: nothing can be started through it any more.
    pub trouble: Option<anyhow::Error>,
}

/// A worker that was started and has not been seen at work yet.
pub trait Started: Debug {
    /// How it has ended, if it has and will not be started again.
    fn end(&mut self) -> Option<String>;

    /// What the supervisor knows of a worker that is not seen at work.
    fn last_words(&mut self) -> Option<String>;

    /// Ends it, as far as its supervisor's `stop` does not.
    fn abandon(&mut self);
}
