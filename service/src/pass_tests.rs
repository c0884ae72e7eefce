//! One pass, over a vault and a store in memory.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cert_store::{DirectoryStore, StoreLocation};
use worker_state::{CertificateRecord, RecordsFolder};

use crate::item::{Item, News};
use crate::look::look;
use crate::memory_ground::{Bed, FORGET};
use crate::memory_vault::{Vault, today, version};
use crate::pass::pass;
use crate::simulation::target;

#[test]
fn what_could_not_be_kept_is_kept_by_a_later_pass() {
    let folder = tempfile::tempdir().unwrap();
    let directories = worker_state::Directories::below(folder.path());
    directories.create().unwrap();
    let lease = worker_state::Lease::acquire(&directories).unwrap();
    let (mut vault, bed) = (Vault::default(), Bed::default());
    vault.issue(1, -1, 90);
    let records = directories.state().join("records");
    std::fs::remove_dir(&records).unwrap();
    let folder_of_records = RecordsFolder::of(&directories);
    let keep = |record: &CertificateRecord| folder_of_records.keep(record, &lease);
    let outcome = look(&target("web"), None, &bed.ground(&vault, &keep), today());
    assert!(outcome.present && outcome.unkept.is_some(), "installed all the same");
    std::fs::create_dir(&records).unwrap();
    let (target, record) = (Arc::new(target("web")), outcome.record);
    let item = Item {
        index: 0,
        target,
        record: record.clone(),
        unkept: true,
        due: true,
        reacts: false,
        requests: Vec::new(),
        delivered: false,
        wanted: true,
    };
    let ground = bed.ground(&vault, &keep);
    pass(vec![item], &ground, today(), &|_| ());
    let (read, _) = worker_state::Records::read(&directories).unwrap();
    assert_eq!(read.iter().next(), record.as_deref());
}

#[test]
fn a_pass_looks_at_what_is_due_keeps_what_changed_and_removes_what_is_superseded() {
    let (mut vault, bed) = (Vault::default(), Bed::default());
    vault.issue(1, -1, 90);
    let record = look(&target("web"), None, &bed.ground(&vault, FORGET), today()).record.unwrap();
    vault.issue(2, -1, 90);
    let item = |index, name: &str, record: Option<&CertificateRecord>, due| Item {
        index,
        target: Arc::new(target(name)),
        record: record.cloned().map(Arc::new),
        unkept: false,
        due,
        reacts: false,
        requests: Vec::new(),
        delivered: false,
        wanted: due,
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
    let ground = bed.ground(&vault, &keep);
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
    // Before the files of the new version were made, before the switch, and when the old ones went.
    assert_eq!(kept.into_inner().unwrap().iter().filter(|link| *link == "contoso.web").count(), 3);
}

/// Offers a version, and takes it back before it is installed: the worker is killed in between.
#[test]
fn a_file_that_was_made_before_a_kill_goes_when_its_version_is_never_installed() {
    let folder = tempfile::tempdir().unwrap();
    let mut target = target("web");
    let path = folder.path().join("store");
    target.place.location = StoreLocation::Directory { path: path.clone(), is_default: false };
    let (store, bed) = (DirectoryStore::new(), Bed::default());
    let mut vault = Vault::default();
    vault.issue(1, -1, 90);
    let first =
        look(&target, None, &bed.ground_with(&vault, &store, FORGET), today()).record.unwrap();
    let names = || fs::read_dir(&path).unwrap().count();
    assert_eq!(names(), 2);
    vault.issue(2, -1, 90);
    let kept = Mutex::new(Vec::new());
    let keep_until_killed = |record: &CertificateRecord| {
        kept.lock().unwrap().push(record.clone());
        assert_eq!(kept.lock().unwrap().len(), 1, "killed");
        Ok(())
    };
    let killed = AssertUnwindSafe(|| {
        look(&target, Some(&first), &bed.ground_with(&vault, &store, &keep_until_killed), today())
    });
    assert!(catch_unwind(killed).is_err());
    assert_eq!(names(), 3, "version 2 is there, and no link leads to it");
    let record = kept.into_inner().unwrap_or_else(PoisonError::into_inner).remove(0);
    assert_eq!(record.active, first.active);

    vault.issue(3, -1, 90);
    let item = Item {
        index: 0,
        target: Arc::new(target),
        record: Some(Arc::new(record)),
        unkept: false,
        due: true,
        reacts: false,
        requests: Vec::new(),
        delivered: false,
        wanted: true,
    };
    let ground = bed.ground_with(&vault, &store, FORGET);
    pass(vec![item], &ground, today() + Duration::from_secs(61), &|_| ());
    let names: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()).collect();
    let of = |number| {
        names.iter().filter(|name| name.to_str().unwrap().ends_with(&version(number))).count()
    };
    assert_eq!((of(1), of(2), of(3), names.len()), (1, 0, 1, 3), "and the link");
}
