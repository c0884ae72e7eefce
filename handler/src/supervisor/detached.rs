//! The worker as a process of its own, on machines without systemd. Nobody restarts it but the
//! next `enable`, which the guest agent calls at each of its starts.

use std::path::Path;
use std::process::Child;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{Removed, Started, Supervisor, UnitFolders, WorkerProgram};
use crate::clock::Clock;
use crate::processes;

/// How the C library keeps memory, as in the unit (`scripts/akvvm_service.service.in`).
pub(super) const MALLOC: (&str, &str) =
    ("GLIBC_TUNABLES", "glibc.malloc.arena_max=2:glibc.malloc.tcache_max=128");

/// Starts the worker and lets it go.
pub struct Detached<'c> {
    /// Where a unit of another product would stand.
    pub units: UnitFolders,
    /// The clock that waits.
    pub clock: &'c dyn Clock,
    /// How long a freshly unpacked program may be busy.
    pub unpacking: Duration,
}

impl std::fmt::Debug for Detached<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Detached")
    }
}

impl Supervisor for Detached<'_> {
    fn obstacle(&self) -> Option<String> {
        self.units.obstacle()
    }

    fn prepare(&self, _worker: &WorkerProgram) -> Result<()> {
        Ok(())
    }

    fn start(&self, worker: &WorkerProgram) -> Result<Box<dyn Started + '_>> {
        let path = &worker.path;
        let mut environment = vec![(MALLOC.0.to_owned(), MALLOC.1.to_owned())];
        environment.extend_from_slice(&worker.environment);
        let child =
            processes::spawn_detached(path, &["run"], &environment, self.clock, self.unpacking);
        let child = child.with_context(|| format!("{} cannot be started", path.display()))?;
        Ok(Box::new(StartedProcess { child }))
    }

    /// A detached worker is found by its announcement alone; whoever stops it signals that.
    fn stop(&self) -> Result<()> {
        Ok(())
    }

    fn keep_stopped(&self) -> Result<()> {
        Ok(())
    }

    fn remove(&self, _extension_folder: &Path) -> Result<Option<Removed>> {
        Ok(None)
    }
}

#[derive(Debug)]
struct StartedProcess {
    child: Child,
}

impl Started for StartedProcess {
    fn end(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok()??;
        Some(format!("it ended at once ({status})"))
    }

    fn last_words(&mut self) -> Option<String> {
        None
    }

    fn abandon(&mut self) {
        // Both fail only where it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
