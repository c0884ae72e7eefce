//! Consumers that take their time: what is waited for begins when they have answered.

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn whoever_answers_late_is_told_again_after_a_wait_all_the_same() {
    let (mut vault, bed) = (Vault::default(), Bed::default());
    vault.issue(1, -1, 90);
    refuse(&bed, &["reload"], "not now");
    *bed.consumers.takes.lock().unwrap() = MINUTE;
    let (records, _) = pass_over(&[target("web", &bed)], &[None], &bed, &vault, today());
    let record = records[0].as_ref().unwrap();
    let again = record.delivery.reaction.as_ref().unwrap().next_attempt_at.moment();
    assert!(again > today() + MINUTE, "{again:?}");
    assert_eq!(record.history.last().unwrap().at.moment(), today() + MINUTE);
}

#[test]
fn a_version_that_is_refused_late_is_held_for_as_long_as_any() {
    let (mut vault, bed, targets, records) = installed();
    vault.issue(2, -1, 180);
    refuse(&bed, &["2:renewed", "reload"], "not now");
    *bed.consumers.takes.lock().unwrap() = MINUTE;
    let (records, _) = pass_over(&targets, &records, &bed, &vault, today());
    let held = &records[0].as_ref().unwrap().delivery.held[0];
    assert_eq!(held.retry_at.unwrap().moment(), today() + MINUTE + HOUR);
}
