//! One pass: a look at each certificate that is due, several at a time, none waiting for another.

use std::sync::Arc;
use std::time::SystemTime;

use cert_store::CertificateStore;
use worker_state::CertificateRecord;

use crate::delivery::obey::obey;
use crate::delivery::outputs;
use crate::delivery::react::react;
use crate::ground::Ground;
use crate::item::{Item, News};
use crate::look;
use crate::queue::Queue;
use crate::record;

/// Walks over all due items and tells `tell` of each as soon as it is done.
pub(crate) fn pass<S: CertificateStore>(
    mut items: Vec<Item>,
    ground: &Ground<'_, S>,
    now: SystemTime,
    tell: &(dyn Fn(News) + Sync),
) {
    finish(&mut items, ground, now, tell);
    obey(&mut items, ground, now, tell);
    for (index, record) in look_at_all(&items, ground, now, tell) {
        if let Some(item) = items.get_mut(index) {
            item.take(record);
        }
    }
    react(&mut items, ground, now, tell);
    retire(&items, ground, now, tell);
    if items.iter().any(|item| item.delivered) {
        sweep_outputs(&items, ground, tell);
    }
}

/// Finishes what was interrupted, before anybody is asked anything.
fn finish<S: CertificateStore>(
    items: &mut [Item],
    ground: &Ground<'_, S>,
    now: SystemTime,
    tell: &(dyn Fn(News) + Sync),
) {
    for item in items {
        let before = item.record.as_deref();
        let Some(outcome) = look::finish(&item.target, before, ground, now) else { continue };
        let record = outcome.record.clone();
        tell(News::Looked(item.index, Box::new(outcome)));
        if let Some(record) = record {
            item.take(record);
        }
    }
}

fn look_at_all<S: CertificateStore>(
    items: &[Item],
    ground: &Ground<'_, S>,
    now: SystemTime,
    tell: &(dyn Fn(News) + Sync),
) -> Vec<(usize, Arc<CertificateRecord>)> {
    let due = items.iter().filter(|item| item.due);
    let vault = |item: &Item| item.target.id.vault().clone();
    let queue = Queue::new(due.map(|item| (vault(item), item.wanted, item)))
        .careful_at(|vault| ground.source.was_closed(vault.host()));
    queue.work_off(ground.source, |item, answered| {
        look_and_tell(item, &ground.telling(answered), now, tell)
    })
}

fn look_and_tell<S: CertificateStore>(
    item: &Item,
    ground: &Ground<'_, S>,
    now: SystemTime,
    tell: &(dyn Fn(News) + Sync),
) -> Option<(usize, Arc<CertificateRecord>)> {
    let before = item.record.as_deref();
    let mut outcome = look::look(&item.target, before, ground, now);
    if let (None, Some(record), true) = (&outcome.record, before, item.unkept) {
        outcome.unkept = (ground.keep)(record).err().map(|error| error.to_string());
    }
    if let Some(trouble) = &outcome.unkept {
        tell(News::Trouble(trouble.clone()));
    }
    let record = outcome.record.clone();
    tell(News::Looked(item.index, Box::new(outcome)));
    record.map(|record| (item.index, record))
}

/// Removes what outputs of former versions have left, but for the last of them.
fn sweep_outputs<S: CertificateStore>(
    items: &[Item],
    ground: &Ground<'_, S>,
    tell: &(dyn Fn(News) + Sync),
) {
    let ledgers: Vec<_> =
        items.iter().map(|item| outputs::ledger(item.record.as_deref())).collect();
    let wanted = items.iter().flat_map(|item| &item.target.delivery.outputs);
    let swept = ground.outputs.sweep(wanted, &ledgers.iter().collect::<Vec<_>>());
    for problem in swept.problems {
        tell(News::Trouble(problem.to_string()));
    }
}

/// Removes files that nothing leads to any more, and permissions that nobody grants. All targets take part, because a file of one can
/// be what another wants.
fn retire<S: CertificateStore>(
    items: &[Item],
    ground: &Ground<'_, S>,
    now: SystemTime,
    tell: &(dyn Fn(News) + Sync),
) {
    let is_left = |record: &CertificateRecord| {
        record.files.iter().any(|file| file.superseded_at.is_some())
            || record.grantees.iter().any(|grantee| grantee.withdrawn)
    };
    if !items.iter().filter_map(|item| item.record.as_deref()).any(is_left) {
        return;
    }
    let mut ledgers: Vec<_> =
        items.iter().map(|item| record::ledger(item.record.as_deref())).collect();
    let before = ledgers.clone();
    let mut held: Vec<_> =
        items.iter().zip(&mut ledgers).map(|(item, ledger)| (&item.target.place, ledger)).collect();
    let retirement = ground.store.retire(&mut held, now);
    for problem in retirement.problems {
        tell(News::Trouble(problem.to_string()));
    }
    for ((item, before), after) in items.iter().zip(before).zip(ledgers) {
        if before == after {
            continue;
        }
        let certificate = item.record.as_ref().and_then(|record| record.certificate.clone());
        let record = record::record(&item.target, &after, certificate, item.record.as_deref());
        let kept = (ground.keep)(&record);
        let is_gone = |name: &String| !after.files.iter().any(|file| file.name == *name);
        let gone = before.files.into_iter().map(|file| file.name).filter(is_gone).collect();
        tell(News::Retired(item.index, Box::new(record), gone));
        if let Err(error) = kept {
            tell(News::Trouble(error.to_string()));
            tell(News::Unkept(item.index));
        }
    }
}
