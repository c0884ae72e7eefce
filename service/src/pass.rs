//! One pass: a look at each certificate that is due, several at a time, none waiting for another.

use std::sync::Arc;
use std::time::SystemTime;

use cert_store::CertificateStore;
use worker_state::CertificateRecord;

use crate::look::{Keep, SecretSource, look};
use crate::outcome::Outcome;
use crate::queue::Queue;
use crate::record;
use crate::target::Target;

/// One certificate, as a pass finds it.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// Its place in the settings, and among the items of a pass: a pass gets all of them.
    pub(crate) index: usize,
    /// What is to be brought where.
    pub(crate) target: Arc<Target>,
    /// What was kept of it.
    pub(crate) record: Option<Arc<CertificateRecord>>,
    /// Whether that could not be written to the disk yet.
    pub(crate) unkept: bool,
    /// Whether this pass looks at it; the others only say which files are still wanted.
    pub(crate) due: bool,
}

/// What a pass stands on.
pub(crate) struct Ground<'a, S> {
    pub(crate) source: &'a dyn SecretSource,
    pub(crate) store: &'a S,
    /// Keeps a changed record.
    pub(crate) keep: Keep<'a>,
}

/// News from a pass, as it goes on.
#[derive(Debug)]
pub(crate) enum News {
    /// The certificate at this place has been looked at.
    Looked(usize, Box<Outcome>),
    /// Older files of the certificate at this place were removed.
    Retired(usize, Box<CertificateRecord>, Vec<String>),
    /// Something could not be kept or removed; the next pass tries again.
    Trouble(String),
}

/// Walks over all due items and tells `tell` of each as soon as it is done.
pub(crate) fn pass<S: CertificateStore>(
    mut items: Vec<Item>,
    ground: &Ground<'_, S>,
    now: SystemTime,
    tell: &(dyn Fn(News) + Sync),
) {
    let due = items.iter().filter(|item| item.due);
    let queue = Queue::new(due.map(|item| (item.target.id.vault().host().to_owned(), item)));
    let work = || -> Vec<(usize, CertificateRecord)> {
        let mut kept = Vec::new();
        queue.work(|item| kept.extend(look_and_tell(item, ground, now, tell)));
        kept
    };
    let kept: Vec<(usize, CertificateRecord)> = std::thread::scope(|scope| {
        // A machine that is out of threads has fewer hands: this one does it all, if need be.
        let hand = || std::thread::Builder::new().name("look".into()).spawn_scoped(scope, work);
        let more = queue.hands().saturating_sub(1);
        let threads: Vec<_> = (0..more).map_while(|_| hand().ok()).collect();
        let mut kept = work();
        for thread in threads {
            kept.extend(thread.join().unwrap_or_default());
        }
        kept
    });
    for (index, record) in kept {
        if let Some(item) = items.get_mut(index) {
            item.record = Some(Arc::new(record));
        }
    }
    retire(&items, ground, now, tell);
}

fn look_and_tell<S: CertificateStore>(
    item: &Item,
    ground: &Ground<'_, S>,
    now: SystemTime,
    tell: &(dyn Fn(News) + Sync),
) -> Option<(usize, CertificateRecord)> {
    let before = item.record.as_deref();
    let disk = (ground.store, ground.keep);
    let mut outcome = look(&item.target, before, ground.source, disk, now);
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
        if let Err(error) = (ground.keep)(&record) {
            tell(News::Trouble(error.to_string()));
        }
        let is_gone = |name: &String| !after.files.iter().any(|file| file.name == *name);
        let gone = before.files.into_iter().map(|file| file.name).filter(is_gone).collect();
        tell(News::Retired(item.index, Box::new(record), gone));
    }
}
