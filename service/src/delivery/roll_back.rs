//! The way back: the version before takes its place again, with all its outputs.

use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use cert_store::{CertificateStore, Standing};
use certified_key::Content;
use worker_state::{CertificateRecord, EventRecord, Timestamp};

use super::hold;
use crate::ground::{Ground, Keep};
use crate::install::Version;
use crate::record;
use crate::schedule;
use crate::situation::Situation;
use crate::target::Target;
use crate::wording::typed;

/// Why a version is taken back.
#[derive(Clone, Copy)]
pub(crate) struct Refusal<'a> {
    /// In words for a person.
    pub(crate) because: &'a str,
    /// Whether an operator wants it.
    pub(crate) by_hand: bool,
    /// How many others are taken back before it in the same pass, perhaps for the same failure.
    pub(crate) others: u32,
}

/// Why there is no way back.
pub(crate) struct NoWayBack {
    /// In words for a person.
    pub(crate) why: String,
    /// What is known of the certificate now, where the attempt has changed that; to be kept.
    pub(crate) record: Option<Box<CertificateRecord>>,
}

impl From<String> for NoWayBack {
    fn from(why: String) -> Self {
        Self { why, record: None }
    }
}

/// Installs the version before the active one, and holds the active one. The record that it
/// returns is kept already.
///
/// # Errors
/// Why there is no way back. What is installed stays then.
pub(crate) fn roll_back<S: CertificateStore>(
    target: &Target,
    before: &CertificateRecord,
    refusal: Refusal<'_>,
    ground: &Ground<'_, S>,
    now: SystemTime,
) -> Result<CertificateRecord, NoWayBack> {
    let content = way_back(target, before, refusal, ground, now)?;
    let refused = record::active_version(before).to_owned();
    let previous = before.previous.as_ref().map(|previous| previous.version.clone());
    let version = previous.unwrap_or_default();
    let kept = Mutex::new(None);
    let keep: Keep<'_> = &|record: &CertificateRecord| {
        *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(record.clone());
        (ground.keep)(record)
    };
    let ground = &ground.keeping(keep);
    let mut wanted = before.clone();
    match refusal.by_hand {
        true => hold::hold_until_released(&mut wanted.delivery, &refused, refusal.because, now),
        false => {
            hold::hold(&mut wanted.delivery, &refused, refusal.because, ground.interval, now);
            // Tried again together they would fail together, and nobody could tell whose fault it is.
            hold::put_off(
                &mut wanted.delivery,
                schedule::TURN_OF_ONE.saturating_mul(refusal.others),
            );
        }
    }
    let event = record::told("rolledBack", &version, now);
    wanted.tell(EventRecord { detail: Some(refusal.because.to_owned()), ..event });
    let (record, standing, output_drifts) = (Some(&wanted), Standing::Intact, Vec::new());
    let situation = Situation { target, record, ground, now, standing, output_drifts };
    match situation.go_back(Version::again(&version, content)) {
        Ok(brought) => brought.record.ok_or_else(|| "it was rolled back already".to_owned().into()),
        Err(failure) => {
            let why = format!("it could not be rolled back: {}", failure.public);
            let kept = kept.into_inner().unwrap_or_else(PoisonError::into_inner);
            Err(NoWayBack { why, record: kept.map(|kept| Box::new(left_at(kept, before))) })
        }
    }
}

/// What is known after a way back that failed: it goes on where it stopped half way, and was never
/// begun else.
fn left_at(kept: CertificateRecord, before: &CertificateRecord) -> CertificateRecord {
    if kept.delivery.switching {
        return kept;
    }
    let (delivery, history) = (before.delivery.clone(), before.history.clone());
    CertificateRecord { delivery, history, ..kept }
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
    // Also where its wait is over: it comes in with a pass, which has it checked.
    if let Some(held) = record.delivery.held(&previous.version) {
        return Err(format!(
            "version {} before it is held itself ({}); let it in again first, with \
             akvvm_service sync --release {}",
            held.version,
            held.because,
            typed(target.name())
        ));
    }
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
