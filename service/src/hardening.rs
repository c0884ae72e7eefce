//! What keeps private keys in memory away from other processes and from the disk.

use log::warn;
use rustix::process::{DumpableBehavior, Resource, Rlimit};

/// No core dumps, and no attaching by processes of the same user (prctl(2), `PR_SET_DUMPABLE`).
pub(crate) fn forbid_dumps() {
    let dumpable = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let cores = rustix::process::setrlimit(Resource::Core, none);
    for error in [dumpable.err(), cores.err()].into_iter().flatten() {
        warn!("core dumps could not be switched off: {error}");
    }
}
