//! The log's lines about certificates: one fact each, in words that stay the same.

use std::time::SystemTime;

use cert_store::Change;
use log::{error, info, warn};
use worker_state::{
    CertificateReport, CertificateState, InitialSyncPhase, InitialSyncRecord, Report,
};

use crate::code::Code;
use crate::delivery::hold;
use crate::failure::Failure;
use crate::item::News;
use crate::outcome::{Done, Outcome, Remark};
use crate::record;
use crate::roster::Entry;
use crate::standing;

/// Tells of a piece of news. `entries` are as they were before it.
pub(crate) fn news(news: &News, entries: &[Entry]) {
    match news {
        News::Looked(index, outcome) => {
            if let Some(entry) = entries.get(*index) {
                looked(entry, outcome);
            }
        }
        News::Retired(index, _, names) if !names.is_empty() => {
            let name = entries.get(*index).map_or("", |entry| entry.target.name());
            info!(certificate = name; "{name}: removed old files: {}", names.join(", "));
        }
        News::Reacted(index, record, answer) => {
            let name = entries.get(*index).map_or("", |entry| entry.target.name());
            let version = record::active_version(record);
            match answer {
                Ok(()) => {
                    info!(
                        certificate = name, version = version;
                        "{name}: those of its consumers that run use version {version}"
                    )
                }
                Err(why) => {
                    let code = Code::ReactionFailed.number();
                    error!(certificate = name, code = code; "{name}: {why} (code {code})");
                }
            }
        }
        News::Obeyed(index, _, _, answer) => {
            let name = entries.get(*index).map_or("", |entry| entry.target.name());
            info!(certificate = name; "{name}: an operator asked: {}", answer.text);
        }
        News::Trouble(text) => error!("{text}"),
        // A withdrawn permission, or a date that a clock set back had made a future one.
        News::Retired(..) | News::Unkept(_) => {}
    }
}

fn looked(entry: &Entry, outcome: &Outcome) {
    match &outcome.result {
        Ok(done) => brought(entry, outcome, done),
        Err(failure) => failed(entry, failure),
    }
    refused(entry, outcome);
    taken_over(entry, outcome);
    for note in &outcome.notes {
        let name = entry.target.name();
        info!(certificate = name; "{name}: {note}");
    }
}

/// A version that consumers have just refused.
fn refused(entry: &Entry, outcome: &Outcome) {
    let Some(record) = &outcome.record else { return };
    let is_new = entry.record.as_ref().is_none_or(|known| known.history != record.history);
    let last = record.history.last().filter(|event| is_new && event.what == "checkFailed");
    if let (Some(event), Some(remark)) = (last, hold::remark(record)) {
        let (name, code) = (entry.target.name(), remark.code.number());
        warn!(
            certificate = name, version = event.version.as_str(), code = code;
            "{name}: {} (code {code})", remark.text
        );
    }
}

/// Files that have just been taken over although they differ from what the vault hands out.
fn taken_over(entry: &Entry, outcome: &Outcome) {
    let Some(record) = outcome.record.as_deref() else { return };
    let before = entry.record.as_deref().map(standing::differing_remarks).unwrap_or_default();
    let now = standing::differing_remarks(record);
    for remark in now.iter().filter(|remark| !before.contains(remark)) {
        warned(entry, remark);
    }
}

fn warned(entry: &Entry, remark: &Remark) {
    let (name, code) = (entry.target.name(), remark.code.number());
    warn!(certificate = name, code = code; "{name}: {} (code {code})", remark.text);
}

fn brought(entry: &Entry, outcome: &Outcome, done: &Done) {
    let name = entry.target.name();
    let record = outcome.record.as_deref().or(entry.record.as_deref());
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
        info!(certificate = name, version = version; "{name}: {what}: version {version}, certificate file name {}", link.display());
    } else if entry.failure.is_some() {
        info!(certificate = name, version = version; "{name}: in order again: version {version}");
    } else {
        log::debug!("{name}: unchanged: version {version}");
    }
    for remark in done.remarks.iter().filter(|remark| !entry.remarks.contains(remark)) {
        warned(entry, remark);
    }
}

fn failed(entry: &Entry, failure: &Failure) {
    let name = entry.target.name();
    let code = failure.code.number();
    let causes = failure.causes.iter().map(|cause| format!("; because: {cause}"));
    let causes: String = causes.collect();
    let tries = entry.failures.saturating_add(1);
    error!(
        certificate = name, code = code;
        "{name}: {} (code {code}, {tries} in a row){causes}", failure.public
    );
}

/// Tells that somebody has set the clock.
pub(crate) fn clock_set(expected: SystemTime, now: SystemTime) {
    let (way, by) = match now.duration_since(expected) {
        Ok(ahead) => ("forward", ahead),
        Err(error) => ("back", error.duration()),
    };
    info!("the clock was set {way} by {} s", by.as_secs());
}

/// How a certificate stood in a report: its code, and how grave that is.
pub(crate) type Stood = (i32, CertificateState);

/// Tells which certificates have come closer to their end since the report in which they stood so.
pub(crate) fn expiry(before: &[Stood], report: &Report) {
    for (one, problem) in closer_to_the_end(before, report) {
        let (name, code) = (one.name.as_str(), one.code);
        match one.state {
            CertificateState::Error => {
                error!(certificate = name, code = code; "{name}: {problem} (code {code})");
            }
            _ => warn!(certificate = name, code = code; "{name}: {problem} (code {code})"),
        }
    }
}

/// Those that have passed one of the two thresholds, each with what is said of it.
fn closer_to_the_end<'r>(
    before: &[Stood],
    report: &'r Report,
) -> Vec<(&'r CertificateReport, &'r str)> {
    let all = report.certificates.iter().enumerate();
    let is_new = |(index, one): &(usize, &CertificateReport)| {
        let is_close = one.code == Code::ExpiresSoon.number();
        is_close && before.get(*index) != Some(&(one.code, one.state))
    };
    all.filter(is_new).filter_map(|(_, one)| Some((one, one.problem.as_deref()?))).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation;

    #[test]
    fn each_step_towards_the_end_is_told_once() {
        let mut report = simulation::report();
        let told = |before: &[Stood], report: &Report| closer_to_the_end(before, report).len();
        assert_eq!(told(&[], &report), 0);
        report.certificates[0].code = Code::ExpiresSoon.number();
        report.certificates[0].problem = Some("it ends".into());
        report.certificates[0].state = CertificateState::Warning;
        assert_eq!(told(&[], &report), 1);
        let warned = [(Code::ExpiresSoon.number(), CertificateState::Warning)];
        assert_eq!(told(&warned, &report), 0);
        report.certificates[0].state = CertificateState::Error;
        assert_eq!(told(&warned, &report), 1, "the error is news");
    }
}
