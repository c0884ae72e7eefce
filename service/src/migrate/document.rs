//! A migration for machines: `schema/migrate.schema.json`. Pure.

use cert_store::{Fate, Inherited};
use serde_json::{Value, json};

use super::Migration;
use super::estate::Estate;
use super::steps::Step;
use crate::validate::{remarks, source};

/// The whole document.
pub(super) fn document(migration: &Migration) -> Value {
    let reading = &migration.reading;
    json!({
        "migrateVersion": 1,
        "source": source(reading),
        "from": migration.from.major(),
        "problems": remarks(&reading.problems),
        "warnings": remarks(&reading.warnings),
        "changes": remarks(&migration.changes),
        "certificates": migration.estates.iter().map(certificate).collect::<Vec<_>>(),
        "steps": steps(&migration.steps.switch),
        "wayBack": steps(&migration.steps.back),
        "settings": migration.settings,
    })
}

fn certificate(estate: &Estate) -> Value {
    let found = estate.found.as_ref();
    json!({
        "url": estate.url,
        "store": estate.store.display().to_string(),
        "unseen": found.err().map(|unseen| &unseen.why),
        "names": found.ok().iter().flat_map(|found| &found.names).map(name).collect::<Vec<_>>(),
        "otherFiles": found.ok().map(|found| found.files.as_slice()).unwrap_or_default(),
    })
}

fn name(one: &Inherited) -> Value {
    let (fate, twin, by) = match &one.fate {
        Fate::Made { twin } => ("made", twin.as_deref(), None),
        Fate::TakenOver => ("takenOver", None, None),
        Fate::Repointed => ("repointed", None, None),
        Fate::Replaced => ("replaced", None, None),
        Fate::Left => ("left", None, None),
        Fate::InTheWay(by) => ("inTheWay", None, Some(*by)),
    };
    json!({
        "path": one.path.display().to_string(),
        "leadsTo": one.leads_to.as_ref().map(|to| to.display().to_string()),
        "fate": fate,
        "twin": twin,
        "by": by,
    })
}

fn steps(steps: &[Step]) -> Value {
    steps.iter().map(|step| json!({ "text": step.text, "commands": step.commands })).collect()
}
