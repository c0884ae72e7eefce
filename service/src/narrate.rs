//! The log's lines about certificates: one fact each, in words that stay the same.

use std::time::SystemTime;

use cert_store::Change;
use log::{error, info, warn};
use worker_state::{InitialSyncPhase, InitialSyncRecord};

use crate::failure::Failure;
use crate::outcome::{Done, Outcome};
use crate::pass::News;
use crate::roster::Entry;

/// Tells of a piece of news. `entries` are as they were before it.
pub(crate) fn news(news: &News, entries: &[Entry]) {
    match news {
        News::Looked(index, outcome) => {
            if let Some(entry) = entries.get(*index) {
                looked(entry, outcome);
            }
        }
        News::Retired(index, _, names) => {
            let name = entries.get(*index).map_or("", |entry| entry.target.name());
            info!("{name}: removed old files: {}", names.join(", "));
        }
        News::Trouble(text) => error!("{text}"),
    }
}

fn looked(entry: &Entry, outcome: &Outcome) {
    match &outcome.result {
        Ok(done) => brought(entry, outcome, done),
        Err(failure) => failed(entry, failure),
    }
    for note in &outcome.notes {
        info!("{}: {note}", entry.target.name());
    }
}

fn brought(entry: &Entry, outcome: &Outcome, done: &Done) {
    let name = entry.target.name();
    let record = outcome.record.as_ref().or(entry.record.as_deref());
    let version = record.and_then(|record| Some(record.active.as_ref()?.version.as_str()));
    let version = version.unwrap_or("unknown");
    let link = entry.target.link();
    let what = match done.change {
        Change::New => Some("installed"),
        Change::Rotated => Some("rotated"),
        Change::Repaired => Some("repaired"),
        Change::Adopted => Some("adopted what stood there"),
        Change::Same => None,
    };
    if let Some(what) = what {
        info!("{name}: {what}: version {version}, certificate file name {}", link.display());
    } else if entry.failure.is_some() {
        info!("{name}: in order again: version {version}");
    } else {
        log::debug!("{name}: unchanged: version {version}");
    }
    for remark in done.remarks.iter().filter(|remark| !entry.remarks.contains(remark)) {
        warn!("{name}: {} (code {})", remark.text, remark.code.number());
    }
}

fn failed(entry: &Entry, failure: &Failure) {
    let name = entry.target.name();
    let code = failure.code.number();
    let causes = failure.causes.iter().map(|cause| format!("; because: {cause}"));
    let causes: String = causes.collect();
    let tries = entry.failures.saturating_add(1);
    error!("{name}: {} (code {code}, {tries} in a row){causes}", failure.public);
}

/// Tells that somebody has set the clock.
pub(crate) fn clock_set(expected: SystemTime, now: SystemTime) {
    let (way, by) = match now.duration_since(expected) {
        Ok(ahead) => ("forward", ahead),
        Err(error) => ("back", error.duration()),
    };
    info!("the clock was set {way} by {} s", by.as_secs());
}

/// Tells how the first sync went on.
pub(crate) fn initial_sync(before: Option<InitialSyncPhase>, record: &InitialSyncRecord) {
    if before == Some(record.phase) {
        return;
    }
    let attempts = record.attempts;
    match record.phase {
        InitialSyncPhase::Pending => info!("the required first sync is under way"),
        InitialSyncPhase::Done => info!("the required first sync is done"),
        InitialSyncPhase::GaveUp => error!(
            "the required first sync is given up after {attempts} attempts; the worker goes on"
        ),
        InitialSyncPhase::Healed => info!(
            "all certificates are installed now; extensions that depend on this one were skipped \
             and must be deployed again"
        ),
    }
}
