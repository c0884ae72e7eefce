//! `akvvm_service confine`: what the unit does before each start of the worker, outside of the
//! sandbox. What it cannot do is said and hinders nothing: the worker tells what it misses then.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use cert_store::DirectoryStore;
use worker_state::{Directories, Lease, LeaseError, MadeDirectories, Records};

use super::{Places, drop_in, units};
use crate::clock::Clock;
use crate::exit::Exit;
use crate::order::{self, Surroundings};
use crate::{announce, serve, terminal};

/// Makes the directories that the worker is to write to, and confines it to them.
pub(crate) fn run(
    directories: Directories,
    surroundings: Surroundings,
    settings: Option<PathBuf>,
) -> Exit {
    let clock = Clock::start();
    let origin = serve::origin(&directories, settings);
    let order = order::read(&origin, &directories, &surroundings, clock.now().wall);
    // What is wrong with the order is the worker's to say.
    let Ok(order) = order.and_then(serve::if_installed) else { return Exit::Fine };
    let places = Places::of(&order, &directories);
    let made = match announce::acquire(&directories, &clock) {
        Ok(lease) => make(&places, &directories, &lease),
        // The worker that has it has its directories.
        Err(LeaseError::Held) => return Exit::Fine,
        Err(failure) => return fail(&failure.to_string()),
    };
    // As they are named, and where they lie in truth: links may lead out of what is open.
    let named = drop_in::directories(&places, &made);
    let open = named.iter().map(|path| fs::canonicalize(path).unwrap_or_else(|_| path.clone()));
    let text = drop_in::text(&open.collect(), &places.untouched);
    match put(Path::new(units::FOLDER), &text) {
        Ok(()) => Exit::Fine,
        Err(failure) => fail(&format!("{failure:#}")),
    }
}

fn put(folder: &Path, text: &str) -> anyhow::Result<()> {
    if units::write(folder, text)? {
        units::reload().inspect_err(|_| units::remove(folder))?;
    }
    Ok(())
}

/// Makes what is missing; gives all directories that are the extension's own.
fn make(places: &Places, directories: &Directories, lease: &Lease) -> BTreeSet<PathBuf> {
    let store = DirectoryStore::new();
    let before = MadeDirectories::read(directories);
    let before = before.inspect_err(|damage| terminal::complain(&damage.to_string())).ok();
    let mut known = before.clone().unwrap_or_default();
    for place in &places.stores {
        match store.make(place) {
            Ok(made) => known.directories.extend(made),
            Err(error) => terminal::complain(&error.to_string()),
        }
    }
    known.directories.retain(|made| places.stores.iter().any(|store| store.starts_with(made)));
    if before.as_ref() != Some(&known)
        && let Err(error) = known.replace(directories, lease)
    {
        terminal::complain(&error.to_string());
    }
    // As the worker would make it.
    if let Err(error) = DirBuilder::new().recursive(true).mode(0o700).create(&places.log) {
        terminal::complain(&format!("{}: {error}", places.log.display()));
    }
    known.directories.extend(recorded(directories));
    known.directories
}

/// Directories that a worker has made itself, outside of any sandbox.
fn recorded(directories: &Directories) -> BTreeSet<PathBuf> {
    let records = Records::read(directories).map(|(records, _)| records).unwrap_or_default();
    records.iter().flat_map(|record| record.directories.iter().cloned()).collect()
}

fn fail(why: &str) -> Exit {
    terminal::complain(why);
    Exit::Failed
}
