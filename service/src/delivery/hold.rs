//! Versions that stay outside although the vault offers them: consumers refused them, or an
//! operator went back. The next poll and the repair of drift leave them alone. Pure.

use std::time::{Duration, SystemTime};

use worker_state::{CertificateRecord, DeliveryRecord, HeldRecord};

use crate::code::Code;
use crate::outcome::Remark;
use crate::record;
use crate::schedule;
use crate::wording::typed;

/// What is known of `version`, where it must stay outside at `now`.
pub(crate) fn held<'r>(
    record: Option<&'r CertificateRecord>,
    version: &str,
    now: SystemTime,
) -> Option<&'r HeldRecord> {
    let held = record?.delivery.held(version)?;
    // A clock that was set back would hold it for as long as that.
    let due = |retry: SystemTime| retry <= now || held.since.moment() > now;
    let is_due = held.retry_at.is_some_and(|retry| due(retry.moment()));
    (!is_due).then_some(held)
}

/// Holds `version` until its next turn; each failed try makes that later.
pub(crate) fn hold(
    delivery: &mut DeliveryRecord,
    version: &str,
    because: &str,
    interval: Duration,
    now: SystemTime,
) {
    let attempts = delivery.held(version).map_or(0, |held| held.attempts).saturating_add(1);
    let retry = now + schedule::hold_delay(attempts, interval);
    put(delivery, version, because, attempts, Some(retry), now);
}

/// Makes the next turn of what is held so much later.
pub(crate) fn put_off(delivery: &mut DeliveryRecord, by: Duration) {
    for held in &mut delivery.held {
        held.retry_at = held.retry_at.map(|at| (at.moment() + by).into());
    }
}

/// Holds `version` until an operator releases it or a newer one comes.
pub(crate) fn hold_until_released(
    delivery: &mut DeliveryRecord,
    version: &str,
    because: &str,
    now: SystemTime,
) {
    put(delivery, version, because, 0, None, now);
}

/// Lets every held version in again at `now`; returns which.
pub(crate) fn release(delivery: &mut DeliveryRecord, now: SystemTime) -> Vec<String> {
    for held in &mut delivery.held {
        held.retry_at = Some(now.into());
    }
    delivery.held.iter().map(|held| held.version.clone()).collect()
}

fn put(
    delivery: &mut DeliveryRecord,
    version: &str,
    because: &str,
    attempts: u32,
    retry: Option<SystemTime>,
    now: SystemTime,
) {
    // The vault offers one version at a time: what was held before is of no more interest.
    delivery.held = vec![HeldRecord {
        version: version.into(),
        because: because.into(),
        since: now.into(),
        attempts,
        retry_at: retry.map(Into::into),
    }];
}

/// The version that stays outside; none where the installed one is meant.
pub(crate) fn held_version(record: &CertificateRecord) -> Option<String> {
    let held = record.delivery.held.first()?;
    let is_in_use = record::is_active(Some(record), &held.version);
    (!is_in_use).then(|| held.version.clone())
}

/// What people are told of a held version; none where the installed one is meant.
pub(crate) fn remark(record: &CertificateRecord) -> Option<Remark> {
    let active = record.active.as_ref()?;
    held_version(record)?;
    let held = record.delivery.held.first()?;
    let HeldRecord { version, because, retry_at, .. } = held;
    let end = match retry_at {
        Some(at) => format!("it is tried again at {at}, or"),
        None => "it stays outside until a newer one comes, or".to_owned(),
    };
    let text = format!(
        "version {version} is held: {because}; {} is in use; {end} with akvvm_service sync \
         --release {}",
        active.version,
        typed(&record.link)
    );
    Some(Remark { code: Code::Held, text })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use worker_state::GenerationRecord;

    use super::*;
    use crate::memory_vault::{DAY, today};
    use crate::simulation;

    const HOUR: Duration = Duration::from_secs(3600);

    fn record() -> CertificateRecord {
        let now = crate::moment::Moment { wall: today(), steady: Duration::ZERO };
        let record = simulation::installed("web", now).record.unwrap();
        let mut record = Arc::unwrap_or_clone(record);
        record.active = Some(GenerationRecord { version: "one".into(), digest: "d".into() });
        record
    }

    #[test]
    fn a_refused_version_stays_outside_until_its_turn_and_each_time_longer() {
        let mut record = record();
        assert!(held(Some(&record), "two", today()).is_none());
        hold(&mut record.delivery, "two", "the check failed", HOUR, today());
        assert!(held(Some(&record), "TWO", today() + HOUR / 2).is_some());
        assert!(held(Some(&record), "two", today() + HOUR).is_none());
        assert!(held(Some(&record), "three", today()).is_none());
        hold(&mut record.delivery, "two", "the check failed", HOUR, today() + HOUR);
        assert!(held(Some(&record), "two", today() + HOUR * 5 / 2).is_some());
        assert!(held(Some(&record), "two", today() + 3 * HOUR).is_none());
    }

    #[test]
    fn a_clock_that_was_set_back_holds_nothing_for_years() {
        let mut record = record();
        hold(&mut record.delivery, "two", "no", HOUR, today());
        assert!(held(Some(&record), "two", today() - 100 * DAY).is_none());
    }

    #[test]
    fn what_an_operator_took_back_waits_for_an_operator() {
        let mut record = record();
        hold_until_released(&mut record.delivery, "two", "rolled back by hand", today());
        assert!(held(Some(&record), "two", today() + 1000 * DAY).is_some());
        let said = remark(&record).unwrap().text;
        assert!(said.contains("until a newer one comes") && said.contains("--release web"));
        assert_eq!(release(&mut record.delivery, today()), ["two"]);
        assert!(held(Some(&record), "two", today()).is_none());
    }

    #[test]
    fn of_the_version_in_use_nothing_is_said() {
        let mut record = record();
        hold(&mut record.delivery, "ONE", "no", HOUR, today());
        assert_eq!(remark(&record), None);
    }
}
