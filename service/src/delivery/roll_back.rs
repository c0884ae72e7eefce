//! The way back: the version before takes its place again, with all its outputs.

use std::time::SystemTime;

use cert_store::{CertificateStore, Standing};
use certified_key::Content;
use worker_state::{CertificateRecord, EventRecord, Timestamp};

use super::hold;
use crate::decide::Version;
use crate::install::Installation;
use crate::pass::Ground;
use crate::record;
use crate::target::Target;

/// Why a version is taken back.
#[derive(Clone, Copy)]
pub(crate) struct Refusal<'a> {
    /// In words for a person.
    pub(crate) because: &'a str,
    /// Whether an operator wants it.
    pub(crate) by_hand: bool,
}

/// Installs the version before the active one, and holds the active one. The record that it
/// returns is kept already.
///
/// # Errors
/// Why there is no way back, in words for a person. What is installed stays then.
pub(crate) fn roll_back<S: CertificateStore>(
    target: &Target,
    before: &CertificateRecord,
    refusal: Refusal<'_>,
    ground: &Ground<'_, S>,
    now: SystemTime,
) -> Result<CertificateRecord, String> {
    let content = way_back(target, before, refusal, ground, now)?;
    let refused = record::active_version(before).to_owned();
    let previous = before.previous.as_ref().map(|previous| previous.version.clone());
    let version = previous.unwrap_or_default();
    let mut wanted = before.clone();
    match refusal.by_hand {
        true => hold::hold_until_released(&mut wanted.delivery, &refused, refusal.because, now),
        false => {
            hold::hold(&mut wanted.delivery, &refused, refusal.because, ground.interval, now);
        }
    }
    let event = record::told("rolledBack", &version, now);
    wanted.tell(EventRecord { detail: Some(refusal.because.to_owned()), ..event });
    let standing = Standing::Intact;
    let installation = Installation {
        target,
        record: Some(&wanted),
        ground,
        now,
        standing: &standing,
        output_drifts: &[],
    };
    let (notes, remarks) = (Vec::new(), Vec::new());
    let brought = installation
        .go_back(Version { version, content, value: None, notes, remarks })
        .map_err(|failure| format!("it could not be rolled back: {}", failure.public))?;
    brought.record.ok_or_else(|| "it was rolled back already".to_owned())
}

/// What to go back to.
fn way_back<S: CertificateStore>(
    target: &Target,
    record: &CertificateRecord,
    refusal: Refusal<'_>,
    ground: &Ground<'_, S>,
    now: SystemTime,
) -> Result<Content, String> {
    if !refusal.by_hand && !target.delivery.rolls_back {
        return Err("it is not rolled back, because the settings say so (rollback)".into());
    }
    let renewed = record.delivery.reaction.as_ref().is_some_and(|due| due.reason == "rotated");
    if !refusal.by_hand && !renewed {
        return Err("there is nothing to go back to".into());
    }
    let ledger = record::ledger(Some(record));
    let Some(previous) = &ledger.previous else {
        return Err("there is no version before it to go back to".into());
    };
    let content = match ground.store.recall(&target.place, previous, &ledger) {
        Ok(Some(content)) => content,
        Ok(None) => {
            let version = &previous.version;
            return Err(format!(
                "the files of version {version} are gone, so there is no way back"
            ));
        }
        Err(error) => return Err(format!("the version before it cannot be read: {error}")),
    };
    match &content {
        Content::Certificate(key) if key.leaf().not_after() < now => {
            let end = Timestamp::from(key.leaf().not_after());
            Err(format!("version {} before it expired at {end}", previous.version))
        }
        _ => Ok(content),
    }
}
