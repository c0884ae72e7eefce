//! What the ledger says once a plan was carried out.

use std::time::SystemTime;

use super::terms::{Chosen, Listing, Plan, Request, Source, Step};
use crate::ledger::{Generation, Ledger, LedgerFile};
use crate::names;

/// The files that no longer belong to the active generation.
pub(super) fn superseded(chosen: &[Chosen], ledger: &Ledger) -> Vec<String> {
    let files = ledger.files.iter().filter(|file| {
        file.superseded.is_none()
            && !names::is_metadata(&file.name)
            && chosen.iter().all(|chosen| chosen.name != file.name)
    });
    files.map(|file| file.name.clone()).collect()
}

/// The ledger after `plan` was applied at `now`. `metadata` is the entry of a metadata file that
/// was written.
pub(crate) fn next_ledger(
    plan: &Plan,
    wanted: &Request<'_>,
    ledger: &Ledger,
    metadata: Option<LedgerFile>,
    now: SystemTime,
) -> Ledger {
    let same = ledger.active.as_ref().filter(|active| active.version == wanted.version);
    let ours = plan.chosen.iter().any(|chosen| chosen.write == Some(Source::Ours));
    let generation =
        || Generation { version: wanted.version.into(), digest: wanted.digest.to_owned() };
    let mut files: Vec<LedgerFile> = plan
        .chosen
        .iter()
        .map(|chosen| LedgerFile {
            name: chosen.name.clone(),
            version: wanted.version.into(),
            digest: chosen.digest.clone(),
            superseded: None,
            adopted: chosen.adopted,
            differs: chosen.differs,
            prepared: false,
        })
        .collect();
    if plan.metadata_stays {
        let kept = wanted.metadata.as_ref().and_then(|name| ledger.file(name));
        files.extend(kept.cloned());
    }
    files.extend(metadata);
    let chosen = files.len();
    for file in ledger.files.iter().filter(|file| !names::is_metadata(&file.name)) {
        if files[..chosen].iter().all(|now| now.name != file.name) {
            let left = plan.retire.contains(&file.name).then_some(now);
            files.push(LedgerFile { superseded: file.superseded.or(left), ..file.clone() });
        }
    }
    Ledger {
        active: Some(same.filter(|_| !ours).cloned().unwrap_or_else(generation)),
        previous: if same.is_some() { ledger.previous.clone() } else { ledger.active.clone() },
        files,
        directories: ledger.directories.clone(),
        grantees: ledger.grantees.clone(),
    }
}

/// The ledger with the files that are about to be made before the switch, as if they had been left
/// behind already; `None` if there is none that it does not have.
pub(crate) fn announced(
    plan: &Plan,
    wanted: &Request<'_>,
    listing: &Listing,
    ledger: &Ledger,
    now: SystemTime,
) -> Option<Ledger> {
    let is_new = |name: &str| !listing.files.contains_key(name) && ledger.file(name).is_none();
    let ahead = plan.prepare.iter().filter_map(|step| match step {
        Step::Write { part, name, .. } if is_new(name) => Some((*part, name)),
        _ => None,
    });
    let files = ahead.filter_map(|(part, name)| {
        Some(LedgerFile {
            name: name.clone(),
            version: wanted.version.into(),
            digest: plan.file(part)?.digest.clone(),
            superseded: Some(now),
            adopted: false,
            differs: false,
            prepared: true,
        })
    });
    let files: Vec<LedgerFile> = files.collect();
    let with =
        || Ledger { files: ledger.files.iter().chain(&files).cloned().collect(), ..ledger.clone() };
    (!files.is_empty()).then(with)
}
