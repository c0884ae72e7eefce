//! One look, and one pass, over a scripted vault and a store in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use cert_store::Change;
use keyvault_client::{Attributes, Secret};
use object_id::ObjectId;
use worker_state::CertificateRecord;

use crate::code::Code;
use crate::failure::{Failure, Retry};
use crate::look::{Outcome, SecretSource, look};
use crate::memory_store::MemoryStore;
use crate::pass::{Ground, Item, News, pass};
use crate::simulation::target;
use crate::target::Target;

/// Versions by number (32 digits), with what each holds; the newest is handed out.
#[derive(Default)]
struct Vault {
    versions: BTreeMap<String, (String, Attributes)>,
    asked: Mutex<Vec<String>>,
}

const DAY: Duration = Duration::from_secs(24 * 3600);

fn today() -> SystemTime {
    SystemTime::UNIX_EPOCH + 365 * 57 * DAY
}

fn version(number: u32) -> String {
    format!("{number:032}")
}

impl Vault {
    /// A certificate that is valid from and to so many days from today.
    fn issue(&mut self, number: u32, from: i64, to: i64) -> &mut Attributes {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(vec!["web".to_owned()]).unwrap();
        let at = |days: i64| {
            let moment = today() + 1000 * DAY;
            (moment - u32::try_from(1000 - days).unwrap() * DAY).into()
        };
        (parameters.not_before, parameters.not_after) = (at(from), at(to));
        let certificate = parameters.self_signed(&key).unwrap();
        let pem = format!("{}{}", key.serialize_pem(), certificate.pem());
        self.put(number, pem)
    }

    fn put(&mut self, number: u32, value: String) -> &mut Attributes {
        let attributes =
            Attributes { enabled: true, not_before: None, expires: None, updated: None };
        let entry = self.versions.entry(version(number)).insert_entry((value, attributes));
        &mut entry.into_mut().1
    }
}

impl SecretSource for Vault {
    fn secret(&self, id: &ObjectId, _: &Target, _: SystemTime) -> Result<Secret, Failure> {
        self.asked.lock().unwrap().push(id.to_string());
        let found = match id.version() {
            Some(version) => self.versions.get_key_value(version),
            None => self.versions.last_key_value(),
        };
        let Some((version, (value, attributes))) = found else {
            return Err(Failure::plain(Code::SecretNotFound, Retry::NextPoll, "none".into()));
        };
        Ok(Secret {
            value: value.clone().into(),
            content_type: Some("application/x-pem-file".into()),
            version: version.clone(),
            attributes: *attributes,
            certificate_backed: true,
        })
    }
}

fn look_at(vault: &Vault, store: &MemoryStore, record: Option<&CertificateRecord>) -> Outcome {
    look(&target("web"), record, vault, (store, &|_| Ok(())), today())
}

fn installed(vault: &Vault, store: &MemoryStore) -> CertificateRecord {
    let outcome = look_at(vault, store, None);
    assert_eq!(outcome.result.unwrap().change, Change::New);
    outcome.record.unwrap()
}

#[test]
fn a_certificate_is_installed_once_and_then_left_alone() {
    let (mut vault, store) = (Vault::default(), MemoryStore::default());
    vault.issue(1, -1, 90);
    let record = installed(&vault, &store);
    assert_eq!(record.certificate.as_ref().unwrap().subject, "CN=rcgen self signed cert");
    let again = look_at(&vault, &store, Some(&record));
    assert_eq!(again.result.unwrap().change, Change::Same);
    assert!(again.present && again.record.is_none());
    assert_eq!(*store.writes.lock().unwrap(), 1);
}

#[test]
fn a_rotated_certificate_replaces_the_old_one() {
    let (mut vault, store) = (Vault::default(), MemoryStore::default());
    vault.issue(1, -1, 90);
    let record = installed(&vault, &store);
    vault.issue(2, -1, 180);
    let outcome = look_at(&vault, &store, Some(&record));
    assert_eq!(outcome.result.unwrap().change, Change::Rotated);
    let record = outcome.record.unwrap();
    assert_eq!(record.active.unwrap().version, version(2));
    assert_eq!(record.previous.unwrap().version, version(1));
}

#[test]
fn an_expired_or_future_version_is_held_back_and_the_installed_one_stays() {
    for (from, to) in [(-90, -1), (1, 90)] {
        let (mut vault, store) = (Vault::default(), MemoryStore::default());
        vault.issue(1, -1, 90);
        let record = installed(&vault, &store);
        vault.issue(2, from, to);
        let outcome = look_at(&vault, &store, Some(&record));
        let done = outcome.result.unwrap();
        assert_eq!((done.change, done.remarks[0].code), (Change::Same, Code::HeldBack));
        assert!(outcome.present && outcome.record.is_none());
    }
}

#[test]
fn a_lost_file_is_restored_from_the_active_version_even_while_a_newer_one_is_held_back() {
    let (mut vault, store) = (Vault::default(), MemoryStore::default());
    vault.issue(1, -1, 90);
    let record = installed(&vault, &store);
    vault.issue(2, -90, -1);
    store.installed.lock().unwrap().clear();
    let outcome = look_at(&vault, &store, Some(&record));
    assert_eq!(outcome.result.unwrap().change, Change::Repaired);
    assert_eq!(store.installed.lock().unwrap()["contoso.web"].0, version(1));
}

#[test]
fn with_nothing_better_an_expired_certificate_is_installed_with_a_warning_that_stays() {
    let (mut vault, store) = (Vault::default(), MemoryStore::default());
    vault.issue(1, -90, -1);
    let outcome = look_at(&vault, &store, None);
    assert_eq!(outcome.result.unwrap().remarks[0].code, Code::NotValid);
    let again = look_at(&vault, &store, outcome.record.as_ref());
    assert_eq!(again.result.unwrap().remarks[0].code, Code::NotValid);
}

#[test]
fn the_secrets_own_dates_count_like_the_certificates() {
    let (mut vault, store) = (Vault::default(), MemoryStore::default());
    vault.issue(1, -1, 90);
    let record = installed(&vault, &store);
    vault.issue(2, -1, 90).not_before = Some(today() + DAY);
    let outcome = look_at(&vault, &store, Some(&record));
    assert_eq!(outcome.result.unwrap().remarks[0].code, Code::HeldBack);
}

#[test]
fn while_the_vault_says_no_what_the_disk_still_has_is_put_right() {
    let (mut vault, store) = (Vault::default(), MemoryStore::default());
    vault.issue(1, -1, 90);
    let record = installed(&vault, &store);
    vault.versions.clear();
    store.links.lock().unwrap().clear();
    let outcome = look_at(&vault, &store, Some(&record));
    assert_eq!(outcome.result.unwrap_err().code, Code::SecretNotFound);
    assert!(outcome.present && store.links.lock().unwrap().contains("contoso.web"));
    store.links.lock().unwrap().clear();
    store.installed.lock().unwrap().clear();
    assert!(!look_at(&vault, &store, Some(&record)).present);
}

#[test]
fn a_link_that_is_given_to_another_certificate_is_not_held_back_for_the_old_ones_sake() {
    let (mut vault, store) = (Vault::default(), MemoryStore::default());
    vault.issue(1, -1, 90);
    let mut record = installed(&vault, &store);
    record.url = "https://contoso.vault.azure.net/secrets/another".into();
    vault.issue(2, -90, -1);
    let outcome = look_at(&vault, &store, Some(&record));
    assert_eq!(outcome.result.unwrap().remarks[0].code, Code::NotValid);
}

#[test]
fn a_disabled_version_is_a_failure_and_touches_nothing() {
    let (mut vault, store) = (Vault::default(), MemoryStore::default());
    vault.issue(1, -1, 90);
    let record = installed(&vault, &store);
    vault.issue(2, -1, 90).enabled = false;
    let outcome = look_at(&vault, &store, Some(&record));
    assert!(outcome.present);
    assert_eq!(outcome.result.unwrap_err().code, Code::SecretDisabled);
    assert_eq!(*store.writes.lock().unwrap(), 1);
}

#[test]
fn a_password_is_no_certificate_and_is_not_repeated() {
    let (mut vault, store) = (Vault::default(), MemoryStore::default());
    vault.put(1, "hunter2-hunter2".into());
    let failure = look_at(&vault, &store, None).result.unwrap_err();
    assert_eq!(failure.code, Code::NotACertificate);
    assert!(!format!("{failure:?}").contains("hunter2"));
}

#[test]
fn a_pinned_version_that_stands_is_not_asked_for_again() {
    let (mut vault, store) = (Vault::default(), MemoryStore::default());
    vault.issue(1, -1, 90);
    vault.issue(2, -1, 90);
    let mut pinned = target("web");
    pinned.id = pinned.id.at_version(&version(1)).unwrap();
    let outcome = look(&pinned, None, &vault, (&store, &|_| Ok(())), today());
    let record = outcome.record.unwrap();
    assert_eq!(record.active.as_ref().unwrap().version, version(1));
    let again = look(&pinned, Some(&record), &vault, (&store, &|_| Ok(())), today());
    assert_eq!(again.result.unwrap().change, Change::Same);
    assert_eq!(vault.asked.lock().unwrap().len(), 1);
}

#[test]
fn a_pinned_version_that_cannot_be_had_is_missing_whatever_other_version_stands() {
    let (mut vault, store) = (Vault::default(), MemoryStore::default());
    vault.issue(1, -1, 90);
    let record = installed(&vault, &store);
    let mut pinned = target("web");
    pinned.id = pinned.id.at_version(&version(9)).unwrap();
    let outcome = look(&pinned, Some(&record), &vault, (&store, &|_| Ok(())), today());
    assert_eq!(outcome.result.unwrap_err().code, Code::SecretNotFound);
    assert!(!outcome.present);
}

#[test]
fn a_record_is_kept_before_the_switch_so_that_a_crash_in_between_rolls_forward() {
    let (mut vault, store) = (Vault::default(), MemoryStore::default());
    vault.issue(1, -1, 90);
    let kept = Mutex::new(None);
    let keep = |record: &CertificateRecord| {
        assert!(store.installed.lock().unwrap().is_empty(), "not switched yet");
        *kept.lock().unwrap() = Some(record.clone());
        Ok(())
    };
    look(&target("web"), None, &vault, (&store, &keep), today());
    let kept = kept.into_inner().unwrap().unwrap();
    store.links.lock().unwrap().clear();
    vault.versions.clear();
    let after_the_crash = look_at(&vault, &store, Some(&kept));
    assert!(after_the_crash.present && after_the_crash.result.is_err());
}

#[test]
fn what_could_not_be_kept_is_kept_by_a_later_pass() {
    let folder = tempfile::tempdir().unwrap();
    let directories = worker_state::Directories::below(folder.path());
    directories.create().unwrap();
    let lease = worker_state::Lease::acquire(&directories).unwrap();
    let (mut vault, store) = (Vault::default(), MemoryStore::default());
    vault.issue(1, -1, 90);
    let records = directories.state().join("records");
    std::fs::remove_dir(&records).unwrap();
    let keep = |record: &CertificateRecord| record.replace(&directories, &lease);
    let outcome = look(&target("web"), None, &vault, (&store, &keep), today());
    assert!(outcome.present && outcome.unkept.is_some(), "installed all the same");
    std::fs::create_dir(&records).unwrap();
    let (target, record) = (Arc::new(target("web")), outcome.record.map(Arc::new));
    let item = Item { index: 0, target, record: record.clone(), unkept: true, due: true };
    let ground = Ground { source: &vault, store: &store, keep: &keep };
    pass(vec![item], &ground, today(), &|_| ());
    let (read, _) = worker_state::Records::read(&directories).unwrap();
    assert_eq!(read.iter().next(), record.as_deref());
}

#[test]
fn a_pass_looks_at_what_is_due_keeps_what_changed_and_removes_what_is_superseded() {
    let (mut vault, store) = (Vault::default(), MemoryStore::default());
    vault.issue(1, -1, 90);
    let record = installed(&vault, &store);
    vault.issue(2, -1, 90);
    let item = |index, name: &str, record: Option<&CertificateRecord>, due| Item {
        index,
        target: Arc::new(target(name)),
        record: record.cloned().map(Arc::new),
        unkept: false,
        due,
    };
    let items = vec![
        item(0, "web", Some(&record), true),
        item(1, "idle", None, false),
        item(2, "api", None, true),
    ];
    let (kept, news) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let keep = |record: &CertificateRecord| {
        kept.lock().unwrap().push(record.link.clone());
        Ok(())
    };
    let ground = Ground { source: &vault, store: &store, keep: &keep };
    pass(items, &ground, today(), &|piece| news.lock().unwrap().push(piece));
    let news = news.into_inner().unwrap();
    let mut looked: Vec<usize> = news
        .iter()
        .filter_map(|piece| match piece {
            News::Looked(index, _) => Some(*index),
            _ => None,
        })
        .collect();
    looked.sort_unstable();
    assert_eq!(looked, [0, 2]);
    let retired = news.iter().any(|piece| {
        matches!(piece, News::Retired(0, record, gone)
            if record.files.len() == 1 && *gone == [format!("contoso.web.{}", version(1))])
    });
    assert!(retired, "{news:?}");
    assert_eq!(kept.into_inner().unwrap().iter().filter(|link| *link == "contoso.web").count(), 2);
}
