//! One look at one certificate: ask the vault, compare, decide, install.
//!
//! This is the straight way from the vault to the disk:
//! secret → content → decision → prepared → switched → recorded.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use cert_store::{CertificateStore, Standing};
use worker_state::CertificateRecord;

use crate::code::Code;
use crate::decide::Decision;
use crate::failure::Failure;
use crate::ground::{Ground, Keep};
use crate::install::{Brought, Version};
use crate::outcome::Outcome;
use crate::record;
use crate::situation::Situation;
use crate::target::Target;

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
    let situation = match Situation::find(target, record, ground, now) {
        Ok(situation) => situation,
        Err((present, failure)) => return failed(present, failure),
    };
    let mut turn = None;
    let decision = situation.decide(&mut turn);
    // A command that tries the new files may take its time: nobody waits for that.
    let in_hand = turn.filter(|_| target.delivery.check.is_none());
    let mut outcome = match decision.and_then(|decision| situation.carry_out(decision)) {
        Ok(Brought { mut done, record, unkept, notes }) => {
            let asked = !situation.is_pinned_and_intact();
            done.remarks.extend(asked.then(|| ground.source.remark(target, now)).flatten());
            let record = record.map(Arc::new);
            Outcome { present: true, result: Ok(done), record, unkept, notes }
        }
        Err(failure) => situation.make_do(failure),
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
    let situation = Situation::find(target, record, ground, now).ok()?;
    let Brought { done, record, unkept, notes } = situation.put_right()?.ok()?;
    let record = record.map(Arc::new);
    Some(Outcome { present: true, result: Ok(done), record, unkept, notes })
}

fn failed(present: bool, failure: Failure) -> Outcome {
    let (record, unkept, notes) = (None, None, Vec::new());
    Outcome { present, result: Err(failure), record, unkept, notes }
}

impl<S: CertificateStore> Situation<'_, '_, S> {
    fn carry_out(&self, decision: Decision) -> Result<Brought, Failure> {
        match decision {
            Decision::Stay(remarks) => Ok(self.unchanged(remarks)),
            Decision::Install(version) => self.install(*version),
        }
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
        Some(self.install(Version::again(&active.version, content)))
    }
}
