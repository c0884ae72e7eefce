//! One look, over a vault and a store in memory.

use std::sync::{Arc, Mutex};

use cert_store::{Change, StoreError};
use worker_state::CertificateRecord;

use crate::code::Code;
use crate::look::look;
use crate::memory_ground::{Bed, FORGET};
use crate::memory_vault::{DAY, Vault, today, version};
use crate::outcome::{Outcome, Remark};
use crate::simulation::target;

fn look_at(vault: &Vault, bed: &Bed, record: Option<&CertificateRecord>) -> Outcome {
    look(&target("web"), record, &bed.ground(vault, FORGET), today())
}

fn installed(vault: &Vault, bed: &Bed) -> CertificateRecord {
    let outcome = look_at(vault, bed, None);
    assert_eq!(outcome.result.unwrap().change, Change::New);
    Arc::unwrap_or_clone(outcome.record.unwrap())
}

#[test]
fn a_certificate_is_installed_once_and_then_left_alone() {
    let (mut vault, bed) = (Vault::default(), Bed::default());
    vault.issue(1, -1, 90);
    let record = installed(&vault, &bed);
    assert_eq!(record.certificate.as_ref().unwrap().subject, "CN=rcgen self signed cert");
    let again = look_at(&vault, &bed, Some(&record));
    assert_eq!(again.result.unwrap().change, Change::Same);
    assert!(again.present && again.record.is_none());
    assert_eq!(*bed.store.writes.lock().unwrap(), 1);
}

/// What was kept during a look.
fn kept(vault: &Vault, bed: &Bed, record: Option<&CertificateRecord>) -> Vec<CertificateRecord> {
    let kept = Mutex::new(Vec::new());
    let keep = |record: &CertificateRecord| {
        kept.lock().unwrap().push(record.clone());
        Ok(())
    };
    look(&target("web"), record, &bed.ground(vault, &keep), today());
    kept.into_inner().unwrap()
}

#[test]
fn of_a_certificate_that_is_new_one_record_is_kept_before_anything_is_made() {
    let (mut vault, bed) = (Vault::default(), Bed::default());
    vault.issue(1, -1, 90);
    let kept = kept(&vault, &bed, None);
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].active.as_ref().unwrap().version, version(1));
    // A crash in between leaves this record and no file.
    bed.store.installed.lock().unwrap().clear();
    let outcome = look_at(&vault, &bed, Some(&kept[0]));
    assert_eq!(outcome.result.unwrap().change, Change::Repaired);
    assert!(outcome.present);
}

#[test]
fn of_another_version_it_is_kept_that_it_comes_and_that_it_is_there() {
    let (mut vault, bed) = (Vault::default(), Bed::default());
    vault.issue(1, -1, 90);
    let record = installed(&vault, &bed);
    vault.issue(2, -1, 180);
    let versions: Vec<_> = kept(&vault, &bed, Some(&record))
        .into_iter()
        .map(|record| record.active.unwrap().version)
        .collect();
    assert_eq!(versions, [version(1), version(2)]);
}

#[test]
fn where_the_first_files_cannot_be_made_the_record_is_taken_back() {
    let (mut vault, bed) = (Vault::default(), Bed::default());
    vault.issue(1, -1, 90);
    let full = StoreError::NotTheSame { path: "/store/web".into() };
    *bed.store.fails.lock().unwrap() = Some(full);
    let kept = kept(&vault, &bed, None);
    let active: Vec<bool> = kept.iter().map(|record| record.active.is_some()).collect();
    assert_eq!(active, [true, false]);
    let outcome = look_at(&vault, &bed, kept.last());
    assert_eq!(outcome.result.unwrap().change, Change::New);
}

#[test]
fn a_rotated_certificate_replaces_the_old_one() {
    let (mut vault, bed) = (Vault::default(), Bed::default());
    vault.issue(1, -1, 90);
    let record = installed(&vault, &bed);
    vault.issue(2, -1, 180);
    let outcome = look_at(&vault, &bed, Some(&record));
    assert_eq!(outcome.result.unwrap().change, Change::Rotated);
    let record = outcome.record.unwrap();
    assert_eq!(record.active.as_ref().unwrap().version, version(2));
    assert_eq!(record.previous.as_ref().unwrap().version, version(1));
}

#[test]
fn an_expired_or_future_version_is_held_back_and_the_installed_one_stays() {
    for (from, to) in [(-90, -1), (1, 90)] {
        let (mut vault, bed) = (Vault::default(), Bed::default());
        vault.issue(1, -1, 90);
        let record = installed(&vault, &bed);
        vault.issue(2, from, to);
        let outcome = look_at(&vault, &bed, Some(&record));
        let done = outcome.result.unwrap();
        assert_eq!((done.change, done.remarks[0].code), (Change::Same, Code::HeldBack));
        assert!(outcome.present && outcome.record.is_none());
    }
}

#[test]
fn a_lost_file_is_restored_from_the_active_version_even_while_a_newer_one_is_held_back() {
    let (mut vault, bed) = (Vault::default(), Bed::default());
    vault.issue(1, -1, 90);
    let record = installed(&vault, &bed);
    vault.issue(2, -90, -1);
    bed.store.installed.lock().unwrap().clear();
    let outcome = look_at(&vault, &bed, Some(&record));
    assert_eq!(outcome.result.unwrap().change, Change::Repaired);
    assert_eq!(bed.store.installed.lock().unwrap()["contoso.web"].0, version(1));
}

#[test]
fn with_nothing_better_an_expired_certificate_is_installed_with_a_warning_that_stays() {
    let (mut vault, bed) = (Vault::default(), Bed::default());
    vault.issue(1, -90, -1);
    let outcome = look_at(&vault, &bed, None);
    assert_eq!(outcome.result.unwrap().remarks[0].code, Code::NotValid);
    let again = look_at(&vault, &bed, outcome.record.as_deref());
    assert_eq!(again.result.unwrap().remarks[0].code, Code::NotValid);
}

#[test]
fn the_secrets_own_dates_count_like_the_certificates() {
    let (mut vault, bed) = (Vault::default(), Bed::default());
    vault.issue(1, -1, 90);
    let record = installed(&vault, &bed);
    vault.issue(2, -1, 90).not_before = Some(today() + DAY);
    let outcome = look_at(&vault, &bed, Some(&record));
    assert_eq!(outcome.result.unwrap().remarks[0].code, Code::HeldBack);
}

#[test]
fn while_the_vault_says_no_what_the_disk_still_has_is_put_right() {
    let (mut vault, bed) = (Vault::default(), Bed::default());
    vault.issue(1, -1, 90);
    let record = installed(&vault, &bed);
    vault.versions.clear();
    bed.store.links.lock().unwrap().clear();
    let outcome = look_at(&vault, &bed, Some(&record));
    assert_eq!(outcome.result.unwrap_err().code, Code::SecretNotFound);
    assert!(outcome.present && bed.store.links.lock().unwrap().contains("contoso.web"));
    bed.store.links.lock().unwrap().clear();
    bed.store.installed.lock().unwrap().clear();
    assert!(!look_at(&vault, &bed, Some(&record)).present);
}

#[test]
fn a_link_that_is_given_to_another_certificate_is_not_held_back_for_the_old_ones_sake() {
    let (mut vault, bed) = (Vault::default(), Bed::default());
    vault.issue(1, -1, 90);
    let mut record = installed(&vault, &bed);
    record.url = "https://contoso.vault.azure.net/secrets/another".into();
    vault.issue(2, -90, -1);
    let outcome = look_at(&vault, &bed, Some(&record));
    assert_eq!(outcome.result.unwrap().remarks[0].code, Code::NotValid);
}

#[test]
fn a_disabled_version_is_a_failure_and_touches_nothing() {
    let (mut vault, bed) = (Vault::default(), Bed::default());
    vault.issue(1, -1, 90);
    let record = installed(&vault, &bed);
    vault.issue(2, -1, 90).enabled = false;
    let outcome = look_at(&vault, &bed, Some(&record));
    assert!(outcome.present);
    assert_eq!(outcome.result.unwrap_err().code, Code::SecretDisabled);
    assert_eq!(*bed.store.writes.lock().unwrap(), 1);
}

#[test]
fn a_password_is_no_certificate_and_is_not_repeated() {
    let (mut vault, bed) = (Vault::default(), Bed::default());
    vault.put(1, "hunter2-hunter2".into());
    let failure = look_at(&vault, &bed, None).result.unwrap_err();
    assert_eq!(failure.code, Code::NotACertificate);
    assert!(!format!("{failure:?}").contains("hunter2"));
}

#[test]
fn a_pinned_version_that_stands_is_not_asked_for_again() {
    let (mut vault, bed) = (Vault::default(), Bed::default());
    vault.issue(1, -1, 90);
    vault.issue(2, -1, 90);
    let mut pinned = target("web");
    pinned.id = pinned.id.at_version(&version(1)).unwrap();
    let outcome = look(&pinned, None, &bed.ground(&vault, FORGET), today());
    let record = outcome.record.unwrap();
    assert_eq!(record.active.as_ref().unwrap().version, version(1));
    let again = look(&pinned, Some(&record), &bed.ground(&vault, FORGET), today());
    assert_eq!(again.result.unwrap().change, Change::Same);
    assert_eq!(vault.asked.lock().unwrap().len(), 1);
}

#[test]
fn what_wants_attention_of_the_way_is_told_with_each_look_that_went_there() {
    let (mut vault, bed) = (Vault::default(), Bed::default());
    vault.issue(1, -1, 90);
    let remark = Remark { code: Code::IdentityEndpoint, text: "it is getting late".into() };
    vault.remark = Some(remark.clone());
    let first = look_at(&vault, &bed, None);
    assert_eq!(first.result.unwrap().remarks, std::slice::from_ref(&remark));
    let record = first.record.unwrap();
    let again = look_at(&vault, &bed, Some(&record));
    assert_eq!(again.result.unwrap().remarks, [remark]);
    let mut pinned = target("web");
    pinned.id = pinned.id.at_version(&version(1)).unwrap();
    let unasked = look(&pinned, Some(&record), &bed.ground(&vault, FORGET), today());
    assert_eq!(unasked.result.unwrap().remarks, []);
}

#[test]
fn a_pinned_version_that_cannot_be_had_is_missing_whatever_other_version_stands() {
    let (mut vault, bed) = (Vault::default(), Bed::default());
    vault.issue(1, -1, 90);
    let record = installed(&vault, &bed);
    let mut pinned = target("web");
    pinned.id = pinned.id.at_version(&version(9)).unwrap();
    let outcome = look(&pinned, Some(&record), &bed.ground(&vault, FORGET), today());
    assert_eq!(outcome.result.unwrap_err().code, Code::SecretNotFound);
    assert!(!outcome.present);
}

#[test]
fn a_record_is_kept_before_the_switch_so_that_a_crash_in_between_rolls_forward() {
    let (mut vault, bed) = (Vault::default(), Bed::default());
    vault.issue(1, -1, 90);
    let kept = Mutex::new(None);
    let keep = |record: &CertificateRecord| {
        assert!(bed.store.installed.lock().unwrap().is_empty(), "not switched yet");
        *kept.lock().unwrap() = Some(record.clone());
        Ok(())
    };
    look(&target("web"), None, &bed.ground(&vault, &keep), today());
    let kept = kept.into_inner().unwrap().unwrap();
    bed.store.links.lock().unwrap().clear();
    vault.versions.clear();
    let after_the_crash = look_at(&vault, &bed, Some(&kept));
    assert!(after_the_crash.present && after_the_crash.result.is_err());
}
