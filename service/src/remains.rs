//! What killed programs have left half-written, outside the certificate stores.

use std::path::Path;

use atomic_file::Directory;
use worker_state::HandlerLock;

use crate::delivery::candidates;
use crate::machine::Machine;
use crate::order::Order;

/// Removes it from the state and run-time directories and from the guest agent's folders, which
/// are written by whoever holds the lease. A handler that is at work has tidied the former itself.
pub(crate) fn sweep(machine: &Machine, order: &Order) {
    // Private keys, which a killed worker had somebody look at; no pass is under way now.
    candidates::remove(&machine.directories.candidates_path());
    let state = match HandlerLock::acquire(&machine.directories) {
        Ok(lock) => machine.directories.sweep(&machine.lease, &lock),
        Err(_) => 0,
    };
    let folders = order.agent.iter().flat_map(|agent| {
        let paths = &agent.paths;
        [Some(paths.status_folder.as_path()), paths.heartbeat_file.parent()]
    });
    let agents: usize = folders.flatten().map(swept).sum();
    match state + agents {
        0 => {}
        files => log::info!("{files} unfinished documents of a killed predecessor removed"),
    }
}

/// How many files were removed. What cannot be is no hindrance, and perhaps nobody's any more.
fn swept(folder: &Path) -> usize {
    Directory::open(folder).and_then(|folder| folder.sweep()).unwrap_or_default()
}
