//! Installing one version of one certificate: prepared beside what stands, tried by whoever uses
//! it, recorded, switched.

mod kept;

use cert_store::{
    Announcement, CertificateStore, Change, Installed, Material, PreparedOutputs, Standing, Wanted,
};
use certified_key::Content;
use reaction::{Candidates, Occasion};
use worker_state::{CertificateRecord, EventRecord, ReactionRecord};
use zeroize::Zeroizing;

use crate::code::Code;
use crate::delivery::{candidates, consumers, hold, outputs};
use crate::failure::{Failure, Retry, store_failure};
use crate::outcome::{Done, Remark};
use crate::record;
use crate::situation::Situation;
use kept::Announced;

/// A version that is to be installed.
pub(crate) struct Version {
    pub(crate) version: String,
    pub(crate) content: Content,
    /// The secret's value, where the vault has just handed it out.
    pub(crate) value: Option<Zeroizing<String>>,
    /// For the log.
    pub(crate) notes: Vec<String>,
    /// For people.
    pub(crate) remarks: Vec<Remark>,
}

impl Version {
    /// One that the machine itself still has.
    pub(crate) fn again(version: &str, content: Content) -> Self {
        let (notes, remarks) = (Vec::new(), Vec::new());
        Self { version: version.to_owned(), content, value: None, notes, remarks }
    }
}

/// What a look that ended well brought.
pub(crate) struct Brought {
    pub(crate) done: Done,
    pub(crate) record: Option<CertificateRecord>,
    pub(crate) unkept: Option<String>,
    pub(crate) notes: Vec<String>,
}

/// Everything that is prepared, before anybody sees it.
struct Ready<P> {
    store: P,
    installed: Installed,
    outputs: PreparedOutputs,
    announced: Announced,
}

impl<S: CertificateStore> Situation<'_, '_, S> {
    /// Installs `version`, unless its consumers refuse it.
    pub(crate) fn install(&self, version: Version) -> Result<Brought, Failure> {
        let ready = self.prepare(&version)?;
        if let Err(why) = self.check(&version.version, &ready) {
            let ahead = self.discard(ready);
            return self.refuse(&version.version, &why, ahead);
        }
        self.switch(version, ready, None)
    }

    /// Installs the version before, for consumers that could not live with the one after.
    pub(crate) fn go_back(&self, version: Version) -> Result<Brought, Failure> {
        let ready = self.prepare(&version)?;
        self.switch(version, ready, Some("rolledBack"))
    }

    /// Nothing to do; what hinders those who were granted access is said every time.
    pub(crate) fn unchanged(&self, mut remarks: Vec<Remark>) -> Brought {
        let ledger = record::ledger(self.record);
        let warnings = self.ground.store.grant_warnings(&self.target.place, &ledger);
        let (files, known) = (&self.target.delivery.outputs, outputs::ledger(self.record));
        let others = self.ground.outputs.warnings(files, &known);
        remarks.extend(warnings.into_iter().chain(others).map(grant_remark));
        let done = Done { change: Change::Same, remarks };
        Brought { done, record: None, unkept: None, notes: Vec::new() }
    }

    fn prepare(&self, version: &Version) -> Result<Ready<S::Prepared>, Failure> {
        let Version { version: name, content, value, .. } = version;
        let ledger = record::ledger(self.record);
        let wanted = Wanted { version: name, content };
        let store = self.ground.store;
        let mut announced = Announced::default();
        let mut announce = |announcement: &Announcement<'_>| {
            announced = self.announce(name, content, announcement)
        };
        let prepared = store.prepare(&self.target.place, wanted, &ledger, &mut announce, self.now);
        let prepared = prepared.map_err(|error| match announced.after {
            Some(_) => self.not_switched(&error, &announced),
            None => store_failure(&error),
        })?;
        let value = value.as_ref().map(|value| value.as_bytes());
        let material = Material { version: name, content, value };
        let (files, known) = (&self.target.delivery.outputs, outputs::ledger(self.record));
        match self.ground.outputs.prepare(files, material, &known) {
            Ok(outputs) => {
                let installed = store.outcome(&prepared).clone();
                Ok(Ready { store: prepared, installed, outputs, announced })
            }
            Err(error) => {
                let _ = store.discard(prepared); // the first error says more
                Err(store_failure(&error))
            }
        }
    }

    /// Has the new files tried, where the settings ask for that and there are any.
    fn check(&self, version: &str, ready: &Ready<S::Prepared>) -> Result<(), String> {
        let is_new = !record::is_active(self.record, version);
        if !is_new && self.record.is_some_and(|record| record.delivery.switching) {
            return Ok(()); // it was tried before the switch that is to be finished now
        }
        let Some(command) = &self.target.delivery.check else { return Ok(()) };
        if !is_new && ready.outputs.is_empty() {
            return Ok(());
        }
        let folder = self.ground.candidates.join(record::file_name(self.target));
        let made = candidates::make(&folder).map_err(|error| error.to_string());
        let written = made.and_then(|()| {
            ready.outputs.write_candidates(&folder).map_err(|error| error.to_string())
        });
        let answer = written.and_then(|mut files| {
            files.push(("store".into(), ready.installed.file.clone()));
            let candidates = Candidates { directory: folder.clone(), files };
            let reason = consumers::reason(self.reason(ready).unwrap_or_default());
            let change = reaction::Change {
                certificate: self.target.name().to_owned(),
                version: version.to_owned(),
                paths: self.target.paths(),
                reason,
            };
            let occasion = Occasion { changes: vec![change] };
            self.ground.consumers.check(command, &candidates, &occasion)
        });
        candidates::remove(&folder);
        answer
    }

    /// Takes back what was prepared, but for what had been announced of it: that helps to remove
    /// what is left over.
    fn discard(&self, ready: Ready<S::Prepared>) -> Option<CertificateRecord> {
        let _ = ready.outputs.discard();
        let _ = self.ground.store.discard(ready.store);
        ready.announced.ahead
    }

    /// The version stays outside, and what is installed stays in use.
    fn refuse(
        &self,
        version: &str,
        why: &str,
        ahead: Option<CertificateRecord>,
    ) -> Result<Brought, Failure> {
        let because = format!("the check refused it: {why}");
        let held = self.record.filter(|record| !record::is_active(Some(record), version));
        let Some(record) = held.filter(|record| record.active.is_some()) else {
            // Nothing else is in use that could stay so.
            let what = match record::is_active(self.record, version) {
                true => "is in use, but what is missing of it is not put right",
                false => "is not installed",
            };
            let public = format!("version {version} {what}: {because}");
            return Err(Failure::plain(Code::Held, Retry::Backoff, public));
        };
        let mut record = ahead.unwrap_or_else(|| record.clone());
        hold::hold(&mut record.delivery, version, &because, self.ground.interval, self.now);
        let event = record::told("checkFailed", version, self.now);
        record.tell(EventRecord { detail: Some(because), ..event });
        let unkept = (self.ground.keep)(&record).err().map(|error| error.to_string());
        let brought = self.unchanged(Vec::new());
        Ok(Brought { record: Some(record), unkept, ..brought })
    }

    fn switch(
        &self,
        version: Version,
        ready: Ready<S::Prepared>,
        back: Option<&str>,
    ) -> Result<Brought, Failure> {
        let Version { version, content, mut notes, mut remarks, .. } = version;
        self.note_drifts(&mut notes);
        let reason = back.or_else(|| self.reason(&ready));
        let Ready { store, installed, outputs, announced } = ready;
        let after = (&installed.ledger, installed.change);
        let mut record = self.next_record(&version, &content, after, back);
        outputs::keep(&mut record.delivery, outputs.ledger());
        self.plan_reaction(&mut record, reason);
        let output_warnings = outputs.warnings().to_vec();
        record.delivery.switching = !outputs.is_empty();
        let changed = Some(&record) != self.record;
        let is_kept = announced.after.as_ref() == Some(&record);
        // Kept first: a crash from here on is finished by the next pass, never undone.
        let mut unkept = (changed && !is_kept).then(|| (self.ground.keep)(&record).err()).flatten();
        if let Err(error) = self.ground.store.switch(store) {
            let _ = outputs.discard();
            return Err(self.not_switched(&error, &announced));
        }
        if record.delivery.switching {
            outputs.switch().map_err(|error| store_failure(&error))?;
            record.delivery.switching = false;
            unkept = (self.ground.keep)(&record).err();
        }
        let Installed { change, warnings, .. } = installed;
        remarks.extend(warnings.into_iter().chain(output_warnings).map(grant_remark));
        let done = Done { change, remarks };
        let unkept = unkept.map(|error| error.to_string());
        Ok(Brought { done, record: Some(record).filter(|_| changed), unkept, notes })
    }

    fn note_drifts(&self, notes: &mut Vec<String>) {
        if let Standing::Drifted(drifts) = &self.standing {
            notes.extend(drifts.iter().map(|drift| format!("found: {drift}")));
        }
        notes.extend(self.output_drifts.iter().map(|drift| format!("found: {drift}")));
    }

    /// Why consumers would have to be told; nothing where nothing changes for them.
    fn reason(&self, ready: &Ready<S::Prepared>) -> Option<&'static str> {
        match ready.installed.change {
            Change::New => Some("installed"),
            Change::Rotated => Some("rotated"),
            Change::Repaired => Some("repaired"),
            Change::Adopted | Change::Same => (!ready.outputs.is_empty()).then_some("repaired"),
        }
    }

    fn plan_reaction(&self, record: &mut CertificateRecord, reason: Option<&str>) {
        if !self.target.delivery.reacts() {
            record.delivery.reaction = None;
            return;
        }
        let Some(reason) = reason else { return };
        let now = self.now.into();
        let repaired = reason == "repaired";
        if let Some(due) = record.delivery.reaction.as_mut().filter(|_| repaired) {
            due.next_attempt_at = now; // what it was due for, it still is
            return;
        }
        record.delivery.reaction = Some(ReactionRecord {
            reason: reason.to_owned(),
            since: now,
            attempts: 0,
            next_attempt_at: now,
            problem: None,
        });
    }
}

fn grant_remark(text: String) -> Remark {
    Remark { code: Code::GrantUnusable, text }
}
