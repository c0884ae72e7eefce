//! One look at one certificate: ask the vault, compare, decide, install.
//!
//! This is the straight way from the vault to the disk:
//! secret → content → verdict → prepared → switched → recorded.

use std::time::SystemTime;

use cert_store::{CertificateStore, Change, Standing, StoreError, Wanted};
use certified_key::{CertifiedKey, Content, DecodeError};
use keyvault_client::Secret;
use object_id::ObjectId;
use worker_state::{CertificateRecord, StateError};

use crate::code::Code;
use crate::failure::{Failure, Retry};
use crate::guard::{self, Validity, Verdict};
use crate::outcome::{Done, Outcome, Remark};
use crate::record;
use crate::target::Target;

/// Where secrets come from.
pub(crate) trait SecretSource: Send + Sync {
    /// The secret that `id` names, asked for as the target's identity.
    fn secret(&self, id: &ObjectId, target: &Target, now: SystemTime) -> Result<Secret, Failure>;
}

/// Keeps a record on disk, durably.
pub(crate) type Keep<'a> = &'a (dyn Fn(&CertificateRecord) -> Result<(), StateError> + Sync);

/// Looks at one certificate. `record` is what was kept of the last look that changed anything;
/// `keep` keeps the next one, between preparing and switching.
pub(crate) fn look<S: CertificateStore>(
    target: &Target,
    record: Option<&CertificateRecord>,
    source: &dyn SecretSource,
    (store, keep): (&S, Keep<'_>),
    now: SystemTime,
) -> Outcome {
    let ledger = record::ledger(record);
    let standing = match store.standing(&target.place, &ledger) {
        Ok(standing) => standing,
        Err(error) => return failed(false, store_failure(&error)),
    };
    let look = Look { target, record, source, store, keep, now, standing };
    match look.bring_up_to_date() {
        Ok(Brought { done, record, unkept, notes }) => {
            Outcome { present: true, result: Ok(done), record, unkept, notes }
        }
        Err(failure) => look.make_do(failure),
    }
}

fn failed(present: bool, failure: Failure) -> Outcome {
    let (record, unkept, notes) = (None, None, Vec::new());
    Outcome { present, result: Err(failure), record, unkept, notes }
}

struct Look<'a, S: CertificateStore> {
    target: &'a Target,
    record: Option<&'a CertificateRecord>,
    source: &'a dyn SecretSource,
    store: &'a S,
    keep: Keep<'a>,
    now: SystemTime,
    standing: Standing,
}

/// What a look that ended well brought.
struct Brought {
    done: Done,
    record: Option<CertificateRecord>,
    unkept: Option<String>,
    notes: Vec<String>,
}

impl<S: CertificateStore> Look<'_, S> {
    fn bring_up_to_date(&self) -> Result<Brought, Failure> {
        if self.is_pinned_and_intact() {
            return Ok(self.unchanged(self.date_remark(Validity::ALWAYS)));
        }
        let secret = self.source.secret(&self.target.id, self.target, self.now)?;
        if !secret.attributes.enabled {
            return Err(disabled(&secret));
        }
        if self.is_active(&secret.version) && self.standing == Standing::Intact {
            return Ok(self.unchanged(self.date_remark(dates_of(&secret))));
        }
        let (key, notes) = decode(&secret)?;
        let offered = leaf_dates(&key).within(dates_of(&secret));
        let verdict = match self.is_active(&secret.version) {
            true => self.confirm(offered),
            false => guard::judge(offered, self.installed_validity(), self.now),
        };
        match verdict {
            Verdict::Install => self.install(&secret.version, key, notes, Vec::new()),
            Verdict::InstallAnyway(objection) => {
                let remark = not_valid(&objection);
                self.install(&secret.version, key, notes, vec![remark])
            }
            Verdict::Hold(objection) => self.hold(&secret.version, &objection),
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
        if self.standing == Standing::Intact {
            return failed(true, failure);
        }
        let active = self.record.and_then(|record| record.active.as_ref());
        let recalled = active.and_then(|active| Some((active, self.recall().ok().flatten()?)));
        let Some((active, key)) = recalled else { return failed(false, failure) };
        match self.install(&active.version, key, Vec::new(), Vec::new()) {
            Ok(Brought { record, unkept, mut notes, .. }) => {
                notes.push("put right with what the disk itself still has".to_owned());
                Outcome { present: true, result: Err(failure), record, unkept, notes }
            }
            Err(_) => failed(false, failure),
        }
    }

    /// A pinned version never changes: what stands intact needs no question.
    fn is_pinned_and_intact(&self) -> bool {
        let pinned = self.target.id.version();
        self.standing == Standing::Intact && pinned.is_some_and(|pinned| self.is_active(pinned))
    }

    fn is_active(&self, version: &str) -> bool {
        let active = self.record.and_then(|record| record.active.as_ref());
        active.is_some_and(|active| active.version.eq_ignore_ascii_case(version))
    }

    fn installed_validity(&self) -> Option<Validity> {
        let record = self.record.filter(|record| record::is_of(record, self.target))?;
        record.certificate.as_ref().map(record::validity)
    }

    /// The version that is installed already is put back where it was lost, whatever its dates.
    fn confirm(&self, offered: Validity) -> Verdict {
        offered.objection(self.now).map_or(Verdict::Install, Verdict::InstallAnyway)
    }

    fn date_remark(&self, dates: Validity) -> Vec<Remark> {
        let leaf = self.record.and_then(|record| record.certificate.as_ref());
        let dates = leaf.map_or(dates, |leaf| record::validity(leaf).within(dates));
        dates.objection(self.now).iter().map(|objection| not_valid(objection)).collect()
    }

    fn install(
        &self,
        version: &str,
        key: CertifiedKey,
        mut notes: Vec<String>,
        mut remarks: Vec<Remark>,
    ) -> Result<Brought, Failure> {
        if let Standing::Drifted(drifts) = &self.standing {
            notes.extend(drifts.iter().map(|drift| format!("found: {drift}")));
        }
        let ledger = record::ledger(self.record);
        let certificate = record::installed(key.leaf(), self.now);
        let content = Content::Certificate(key);
        let wanted = Wanted { version, content: &content };
        let prepared = self
            .store
            .prepare(&self.target.place, wanted, &ledger, self.now)
            .map_err(|error| store_failure(&error))?;
        let installed = self.store.outcome(&prepared).clone();
        let certificate = match self.record.filter(|_| self.is_active(version)) {
            Some(record) => record.certificate.clone().or(Some(certificate)),
            None => Some(certificate),
        };
        let record = record::record(self.target, &installed.ledger, certificate);
        let record = Some(record).filter(|record| Some(record) != self.record);
        // Kept first: a crash from here on is finished by the next pass, never undone.
        let unkept = record.as_ref().and_then(|record| (self.keep)(record).err());
        self.store.switch(prepared).map_err(|error| self.not_switched(&error))?;
        remarks.extend(installed.warnings.into_iter().map(grant_remark));
        let unkept = unkept.map(|error| error.to_string());
        Ok(Brought { done: Done { change: installed.change, remarks }, record, unkept, notes })
    }

    /// What was kept for the switch is taken back, as far as that is possible.
    fn not_switched(&self, error: &StoreError) -> Failure {
        let mut failure = store_failure(error);
        if let Some(Err(unkept)) = self.record.map(self.keep) {
            failure.causes.push(unkept.to_string());
        }
        failure
    }

    /// The offered version stays outside; what is installed is still kept whole.
    fn hold(&self, version: &str, objection: &str) -> Result<Brought, Failure> {
        let text = format!(
            "version {version} is held back because it {objection}; the installed version stays \
             until the vault offers a valid one"
        );
        let remark = Remark { code: Code::HeldBack, text };
        let active = self.record.and_then(|record| record.active.as_ref());
        let Some(active) = active.filter(|_| self.standing != Standing::Intact) else {
            return Ok(self.unchanged(vec![remark]));
        };
        let (key, notes) = self.installed_content(&active.version)?;
        self.install(&active.version, key, notes, vec![remark])
    }

    /// What is installed, read back from the disk or, where it is lost there, from the vault.
    fn installed_content(&self, version: &str) -> Result<(CertifiedKey, Vec<String>), Failure> {
        if let Some(key) = self.recall().map_err(|error| store_failure(&error))? {
            return Ok((key, Vec::new()));
        }
        let malformed =
            |error: object_id::ObjectIdError| Failure::of(&error, Code::State, Retry::NextPoll);
        let id = self.target.id.at_version(version).map_err(malformed)?;
        decode(&self.source.secret(&id, self.target, self.now)?)
    }

    /// The installed version, read back from the disk.
    fn recall(&self) -> Result<Option<CertifiedKey>, StoreError> {
        let ledger = record::ledger(self.record);
        let Some(active) = &ledger.active else { return Ok(None) };
        match self.store.recall(&self.target.place, active, &ledger)? {
            Some(Content::Certificate(key)) => Ok(Some(key)),
            Some(Content::Opaque(_)) | None => Ok(None),
        }
    }

    /// Nothing to do; what hinders those who were granted access is said every time.
    fn unchanged(&self, mut remarks: Vec<Remark>) -> Brought {
        let warnings = self.store.grant_warnings(&self.target.place);
        remarks.extend(warnings.into_iter().map(grant_remark));
        let done = Done { change: Change::Same, remarks };
        Brought { done, record: None, unkept: None, notes: Vec::new() }
    }
}

fn grant_remark(text: String) -> Remark {
    Remark { code: Code::GrantUnusable, text }
}

fn not_valid(objection: &str) -> Remark {
    let text = format!("the certificate {objection}; issue a new version in the vault");
    Remark { code: Code::NotValid, text }
}

pub(crate) fn disabled(secret: &Secret) -> Failure {
    let public = format!(
        "version {} is disabled in the vault; enable it or issue a new version",
        secret.version
    );
    Failure::plain(Code::SecretDisabled, Retry::NextPoll, public)
}

pub(crate) fn dates_of(secret: &Secret) -> Validity {
    Validity { begins: secret.attributes.not_before, ends: secret.attributes.expires }
}

pub(crate) fn leaf_dates(key: &CertifiedKey) -> Validity {
    Validity { begins: Some(key.leaf().not_before()), ends: Some(key.leaf().not_after()) }
}

pub(crate) fn decode(secret: &Secret) -> Result<(CertifiedKey, Vec<String>), Failure> {
    match certified_key::decode(secret.content_type.as_deref(), &secret.value) {
        Ok(decoded) => Ok((decoded.key, decoded.notes)),
        Err(error) => {
            let code = match error {
                DecodeError::NoPrivateKey { .. } => Code::NoPrivateKey,
                _ => Code::NotACertificate,
            };
            Err(Failure::of(&error, code, Retry::NextPoll))
        }
    }
}

pub(crate) fn store_failure(error: &StoreError) -> Failure {
    let code = if error.is_customer() { Code::StorePath } else { Code::Disk };
    Failure::of(error, code, Retry::Backoff)
}
