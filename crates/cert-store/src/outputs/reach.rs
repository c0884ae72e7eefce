//! Whether those who may read an output can get to it.

use std::path::Path;

use super::OutputStore;
use super::ledger::OutputLedger;
use super::wanted::{FileAccess, Output};
use crate::access::Granted;
use crate::directory_store::reach::{Grantees, Step, named, way};
use crate::ledger::GranteeKind;

/// Permission of the owner, and of the group, to read.
const READS: [(GranteeKind, u32); 2] = [(GranteeKind::User, 0o400), (GranteeKind::Group, 0o040)];

/// What is wrong with the access to all outputs, in sentences. What makes the preparation fail is
/// not among them.
pub(super) fn warnings(
    store: &OutputStore,
    wanted: &[Output],
    ledger: &OutputLedger,
) -> Vec<String> {
    let files = wanted.iter().flat_map(|output| {
        output.files().into_iter().map(move |(path, _, access)| (output, path, access))
    });
    let mut warnings = Vec::new();
    for (output, path, access) in files {
        let Ok((_, granted)) = store.access(&path, access, ledger) else { continue };
        warnings.extend(granted.unknown.iter().map(|who| {
            format!(
                "the grant for {who} on {path:?} is not in force: this machine knows nobody so \
                 called"
            )
        }));
        let readers = with_owners(granted, access);
        warnings.extend(barriers(store, output.path().parent(), &path, &readers));
    }
    warnings
}

/// Those who are granted access, and the owner and the group where the mode lets them read.
fn with_owners(mut granted: Granted, access: &FileAccess) -> Granted {
    for (kind, bit) in READS {
        let (name, ids) = match kind {
            GranteeKind::User => (&access.owner, &mut granted.users),
            GranteeKind::Group => (&access.group, &mut granted.groups),
        };
        let mut known = granted.grantees.iter().filter(|known| known.kind == kind);
        let id = known.find(|known| Some(&known.name) == name.as_ref()).map(|known| known.id);
        ids.extend(id.filter(|_| access.mode & bit != 0));
    }
    granted
}

fn barriers(
    store: &OutputStore,
    parent: Option<&Path>,
    path: &Path,
    readers: &Granted,
) -> Vec<String> {
    let Some(parent) = parent.filter(|_| !readers.is_empty()) else { return Vec::new() };
    let grantees = Grantees::of(store.accounts.as_ref(), readers);
    let barrier = |directory| {
        let held = Step::open(&store.opening, directory).ok()?.held(&grantees);
        let who = (!held.is_empty()).then(|| named(readers, &held))?;
        Some(format!(
            "{who} cannot get to {path:?}: no search permission on the directory {directory:?}; \
             give it, or choose another path"
        ))
    };
    way(parent).iter().filter_map(|directory| barrier(directory)).collect()
}
