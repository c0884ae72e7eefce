//! Where the worker writes while it serves an order.

use std::collections::BTreeSet;
use std::path::PathBuf;

use extension_settings::StoreLocation;
use worker_state::Directories;

use crate::order::Order;

/// What the package and the guest agent put into the extension's folder.
const UNTOUCHED: [&str; 4] = ["bin", "config", "HandlerEnvironment.json", "HandlerManifest.json"];

/// Directories that the worker writes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Places {
    /// Made where they are missing: the stores.
    pub(crate) stores: BTreeSet<PathBuf>,
    /// Written to where they are there: what settings name besides, which other people make.
    pub(crate) outputs: BTreeSet<PathBuf>,
    /// Made where they are missing: those of the worker.
    pub(crate) own: BTreeSet<PathBuf>,
    /// Written to where they are there: those of the guest agent.
    pub(crate) agents: BTreeSet<PathBuf>,
    /// What lies among the guest agent's and is none of the worker's: programs, settings.
    pub(crate) untouched: Vec<PathBuf>,
    /// Where the log lies.
    pub(crate) log: PathBuf,
    /// Whether directories above the stores are changed too.
    pub(crate) above: bool,
}

impl Places {
    pub(crate) fn of(order: &Order, directories: &Directories) -> Self {
        let stores = order.settings.certificates.iter().map(|observed| {
            let StoreLocation::Directory { path, .. } = &observed.store;
            path.clone()
        });
        let stores: BTreeSet<PathBuf> = stores.collect();
        let written = order.settings.written_directories();
        let agent = order.agent.as_ref().map(|agent| &agent.paths);
        let agents = agent.iter().flat_map(|agent| {
            let beat = agent.heartbeat_file.parent();
            beat.into_iter().chain([agent.status_folder.as_path()])
        });
        let folder = agent.map(|agent| &agent.extension_folder);
        let log_folder = agent.map(|agent| agent.log_folder.as_path());
        Self {
            outputs: written.into_iter().filter(|path| !stores.contains(path)).collect(),
            stores,
            own: [directories.state(), directories.runtime()].map(PathBuf::from).into(),
            agents: agents.map(PathBuf::from).collect(),
            untouched: folder
                .iter()
                .flat_map(|folder| UNTOUCHED.map(|name| folder.join(name)))
                .collect(),
            log: directories.logs(log_folder).to_owned(),
            above: order.environment.grants_ancestors(),
        }
    }

    /// What the work cannot do without.
    pub(crate) fn needed(&self) -> impl Iterator<Item = &PathBuf> {
        self.stores.iter().chain(&self.own)
    }
}
