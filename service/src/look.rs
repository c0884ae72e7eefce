//! One look at one certificate: ask the vault, compare, decide, install.
//!
//! This is the straight way from the vault to the disk:
//! secret → content → decision → prepared → switched → recorded.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use cert_store::{CertificateStore, Drift, Standing, StoreError};
use certified_key::Content;
use keyvault_client::Secret;
use object_id::{ObjectId, Vault};
use worker_state::{CertificateRecord, StateError};

use crate::code::Code;
use crate::decide::{Decision, Version};
use crate::delivery::outputs;
use crate::failure::{Failure, Retry};
use crate::install::{Brought, Installation};
use crate::outcome::{Outcome, Remark};
use crate::pass::Ground;
use crate::queue::Reach;
use crate::record;
use crate::target::Target;
use crate::turns::Turn;

/// Where secrets come from.
pub(crate) trait SecretSource: Reach<Vault> + Send + Sync {
    /// The secret that `id` names, asked for as the target's identity.
    fn secret(&self, id: &ObjectId, target: &Target, now: SystemTime) -> Result<Secret, Failure>;

    /// What wants attention of the way to the target's secret, although it leads there.
    fn remark(&self, _target: &Target, _now: SystemTime) -> Option<Remark> {
        None
    }

    /// Waits for the turn to decode what was fetched.
    fn turn(&self) -> Option<Turn<'_>> {
        None
    }

    /// Whether this vault was not to be asked when it was wanted last.
    fn was_closed(&self, _vault: &str) -> bool {
        false
    }
}

/// Keeps a record on disk, durably.
pub(crate) type Keep<'a> = &'a (dyn Fn(&CertificateRecord) -> Result<(), StateError> + Sync);

/// Looks at one certificate. `record` is what was kept of the last look that changed anything.
pub(crate) fn look<S: CertificateStore>(
    target: &Target,
    record: Option<&CertificateRecord>,
    ground: &Ground<'_, S>,
    now: SystemTime,
) -> Outcome {
    let kept = Mutex::new(None);
    let keep: Keep<'_> = &|record: &CertificateRecord| {
        *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(record.clone());
        (ground.keep)(record)
    };
    let ground = &ground.keeping(keep);
    let look = match Look::begin(target, record, ground, now) {
        Ok(look) => look,
        Err((present, failure)) => return failed(present, failure),
    };
    let mut turn = None;
    let decision = look.decide(&mut turn);
    // A command that tries the new files may take its time: nobody waits for that.
    let in_hand = turn.filter(|_| target.delivery.check.is_none());
    let mut outcome = match decision.and_then(|decision| look.carry_out(decision)) {
        Ok(Brought { mut done, record, unkept, notes }) => {
            let asked = !look.is_pinned_and_intact();
            done.remarks.extend(asked.then(|| ground.source.remark(target, now)).flatten());
            let record = record.map(Arc::new);
            Outcome { present: true, result: Ok(done), record, unkept, notes }
        }
        Err(failure) => look.make_do(failure),
    };
    drop(in_hand);
    // Where the rest went wrong, what was kept on the way is still what is known from now on.
    let kept = kept.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcome.record =
        outcome.record.or_else(|| kept.filter(|kept| Some(kept) != record).map(Arc::new));
    outcome
}

/// Finishes a switch that a crash or a full disk has interrupted, with what the disk has: before
/// anything else happens to that certificate. Nothing where there is nothing to finish.
pub(crate) fn finish<S: CertificateStore>(
    target: &Target,
    record: Option<&CertificateRecord>,
    ground: &Ground<'_, S>,
    now: SystemTime,
) -> Option<Outcome> {
    record.filter(|record| record.delivery.switching)?;
    let look = Look::begin(target, record, ground, now).ok()?;
    let Brought { done, record, unkept, notes } = look.put_right()?.ok()?;
    let record = record.map(Arc::new);
    Some(Outcome { present: true, result: Ok(done), record, unkept, notes })
}

fn failed(present: bool, failure: Failure) -> Outcome {
    let (record, unkept, notes) = (None, None, Vec::new());
    Outcome { present, result: Err(failure), record, unkept, notes }
}

/// One certificate under one look.
pub(crate) struct Look<'a, 'g, S: CertificateStore> {
    pub(crate) target: &'a Target,
    pub(crate) record: Option<&'a CertificateRecord>,
    pub(crate) ground: &'a Ground<'g, S>,
    pub(crate) now: SystemTime,
    pub(crate) standing: Standing,
    pub(crate) output_drifts: Vec<Drift>,
}

impl<'a, 'g, S: CertificateStore> Look<'a, 'g, S> {
    /// Looks at what stands on the disk.
    ///
    /// # Errors
    /// Where that cannot be seen; whether at least the store is as it should be.
    pub(crate) fn begin(
        target: &'a Target,
        record: Option<&'a CertificateRecord>,
        ground: &'a Ground<'g, S>,
        now: SystemTime,
    ) -> Result<Self, (bool, Failure)> {
        let ledger = record::ledger(record);
        let standing = ground
            .store
            .standing(&target.place, &ledger, &target.read_before, now)
            .map_err(|error| (false, store_failure(&error)))?;
        let (wanted, known) = (&target.delivery.outputs, outputs::ledger(record));
        let is_stored = standing == Standing::Intact
            && record.is_some_and(|record| record::is_wanted(record, target));
        let output_drifts = ground
            .outputs
            .standing(wanted, &known)
            .map_err(|error| (is_stored, store_failure(&error)))?;
        Ok(Self { target, record, ground, now, standing, output_drifts })
    }

    /// Whether everything stands as it was installed.
    pub(crate) fn is_intact(&self) -> bool {
        self.standing == Standing::Intact && self.output_drifts.is_empty()
    }

    fn carry_out(&self, decision: Decision) -> Result<Brought, Failure> {
        match decision {
            Decision::Stay(remarks) => Ok(self.installation().unchanged(remarks)),
            Decision::Install(version) => self.installation().install(*version),
        }
    }

    fn installation(&self) -> Installation<'_, 'g, S> {
        let Self { target, record, ground, now, standing, output_drifts } = self;
        Installation { target, record: *record, ground, now: *now, standing, output_drifts }
    }

    /// Nothing new can be had. What is installed stays, and is put right as far as the disk itself
    /// has what that takes.
    fn make_do(&self, failure: Failure) -> Outcome {
        // A file of another certificate, or of another version than the one that is pinned, is
        // left as it is, but it is not what was asked for.
        if !self.record.is_some_and(|record| record::is_wanted(record, self.target)) {
            return failed(false, failure);
        }
        if self.is_intact() {
            return failed(true, failure);
        }
        // What consumers have just refused they would refuse again.
        let put_right = if failure.code == Code::Held { None } else { self.put_right() };
        match put_right {
            Some(Ok(Brought { record, unkept, mut notes, .. })) => {
                notes.push("put right with what the disk itself still has".to_owned());
                let record = record.map(Arc::new);
                Outcome { present: true, result: Err(failure), record, unkept, notes }
            }
            Some(Err(_)) | None => failed(self.standing == Standing::Intact, failure),
        }
    }

    /// Installs once more what is installed, from the disk itself; `None` where it is lost there.
    fn put_right(&self) -> Option<Result<Brought, Failure>> {
        let active = self.record?.active.as_ref()?;
        let content = self.recall().ok().flatten()?;
        let (notes, remarks) = (Vec::new(), Vec::new());
        let version = active.version.clone();
        let again = Version { version, content, value: None, notes, remarks };
        Some(self.installation().install(again))
    }

    /// The installed version, read back from the disk.
    pub(crate) fn recall(&self) -> Result<Option<Content>, StoreError> {
        let ledger = record::ledger(self.record);
        let Some(active) = &ledger.active else { return Ok(None) };
        self.ground.store.recall(&self.target.place, active, &ledger)
    }
}

pub(crate) fn store_failure(error: &StoreError) -> Failure {
    let code = if error.is_customer() { Code::StorePath } else { Code::Disk };
    Failure::of(error, code, Retry::Backoff)
}
