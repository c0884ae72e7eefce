//! One look at one certificate: ask the vault, compare, decide, install.
//!
//! This is the straight way from the vault to the disk:
//! secret → content → decision → prepared → switched → recorded.

use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use cert_store::{CertificateStore, Standing, StoreError};
use certified_key::{CertifiedKey, Content, DecodeError};
use keyvault_client::Secret;
use object_id::ObjectId;
use worker_state::{CertificateRecord, StateError};

use crate::code::Code;
use crate::failure::{Failure, Retry};
use crate::guard::{self, Validity, Verdict};
use crate::install::{Brought, Installation};
use crate::outcome::{Outcome, Remark};
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
    let look = match Look::begin(target, record, source, store, now) {
        Ok(look) => look,
        Err(failure) => return failed(false, failure),
    };
    let kept = Mutex::new(None);
    let keep: Keep<'_> = &|record: &CertificateRecord| {
        *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(record.clone());
        keep(record)
    };
    let brought = look.decide().and_then(|decision| look.carry_out(decision, keep));
    let mut outcome = match brought {
        Ok(Brought { done, record, unkept, notes }) => {
            Outcome { present: true, result: Ok(done), record, unkept, notes }
        }
        Err(failure) => look.make_do(failure, keep),
    };
    // Where the rest went wrong, what was kept on the way is still what is known from now on.
    let kept = kept.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcome.record = outcome.record.or(kept.filter(|kept| Some(kept) != record));
    outcome
}

fn failed(present: bool, failure: Failure) -> Outcome {
    let (record, unkept, notes) = (None, None, Vec::new());
    Outcome { present, result: Err(failure), record, unkept, notes }
}

/// What a look came to.
pub(crate) enum Decision {
    /// All stays as it is.
    Stay(Vec<Remark>),
    /// A version goes in, for the first time or again.
    Install(Box<Version>),
}

/// A version that is to be installed.
pub(crate) struct Version {
    pub(crate) version: String,
    pub(crate) content: Content,
    /// For the log.
    pub(crate) notes: Vec<String>,
    /// For people.
    pub(crate) remarks: Vec<Remark>,
}

/// One certificate under one look.
pub(crate) struct Look<'a, S: CertificateStore> {
    pub(crate) target: &'a Target,
    pub(crate) record: Option<&'a CertificateRecord>,
    source: &'a dyn SecretSource,
    pub(crate) store: &'a S,
    pub(crate) now: SystemTime,
    pub(crate) standing: Standing,
}

impl<'a, S: CertificateStore> Look<'a, S> {
    /// Looks at what stands on the disk.
    pub(crate) fn begin(
        target: &'a Target,
        record: Option<&'a CertificateRecord>,
        source: &'a dyn SecretSource,
        store: &'a S,
        now: SystemTime,
    ) -> Result<Self, Failure> {
        let ledger = record::ledger(record);
        let standing =
            store.standing(&target.place, &ledger).map_err(|error| store_failure(&error))?;
        Ok(Self { target, record, source, store, now, standing })
    }

    /// Asks the vault and decides. Writes nothing.
    pub(crate) fn decide(&self) -> Result<Decision, Failure> {
        if self.is_pinned_and_intact() {
            return Ok(Decision::Stay(self.date_remark(Validity::ALWAYS)));
        }
        let secret = self.source.secret(&self.target.id, self.target, self.now)?;
        if !secret.attributes.enabled {
            return Err(disabled(&secret));
        }
        if self.is_active(&secret.version) && self.standing == Standing::Intact {
            return Ok(Decision::Stay(self.date_remark(dates_of(&secret))));
        }
        let (key, notes) = decode(&secret)?;
        let offered = leaf_dates(&key).within(dates_of(&secret));
        let verdict = match self.is_active(&secret.version) {
            true => self.confirm(offered),
            false => guard::judge(offered, self.installed_validity(), self.now),
        };
        let remarks = match verdict {
            Verdict::Install => Vec::new(),
            Verdict::InstallAnyway(objection) => vec![not_valid(&objection)],
            Verdict::Hold(objection) => return self.hold(&secret.version, &objection),
        };
        let content = Content::Certificate(key);
        let version = secret.version.clone();
        Ok(Decision::Install(Box::new(Version { version, content, notes, remarks })))
    }

    fn carry_out(&self, decision: Decision, keep: Keep<'_>) -> Result<Brought, Failure> {
        match decision {
            Decision::Stay(remarks) => Ok(self.installation(keep).unchanged(remarks)),
            Decision::Install(version) => self.installation(keep).install(*version),
        }
    }

    fn installation<'l>(&'l self, keep: Keep<'l>) -> Installation<'l, S> {
        let Self { target, record, store, now, standing, .. } = self;
        Installation { target, record: *record, store: *store, keep, now: *now, standing }
    }

    /// Nothing new can be had. What is installed stays, and is put right as far as the disk itself
    /// has what that takes.
    fn make_do(&self, failure: Failure, keep: Keep<'_>) -> Outcome {
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
        let Some((active, content)) = recalled else { return failed(false, failure) };
        let (notes, remarks) = (Vec::new(), Vec::new());
        let again = Version { version: active.version.clone(), content, notes, remarks };
        match self.installation(keep).install(again) {
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
        record::is_active(self.record, version)
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

    /// The offered version stays outside; what is installed is still kept whole.
    fn hold(&self, version: &str, objection: &str) -> Result<Decision, Failure> {
        let text = format!(
            "version {version} is held back because it {objection}; the installed version stays \
             until the vault offers a valid one"
        );
        let remarks = vec![Remark { code: Code::HeldBack, text }];
        let active = self.record.and_then(|record| record.active.as_ref());
        let Some(active) = active.filter(|_| self.standing != Standing::Intact) else {
            return Ok(Decision::Stay(remarks));
        };
        let (content, notes) = self.installed_content(&active.version)?;
        let version = active.version.clone();
        Ok(Decision::Install(Box::new(Version { version, content, notes, remarks })))
    }

    /// What is installed, read back from the disk or, where it is lost there, from the vault.
    fn installed_content(&self, version: &str) -> Result<(Content, Vec<String>), Failure> {
        if let Some(content) = self.recall().map_err(|error| store_failure(&error))? {
            return Ok((content, Vec::new()));
        }
        let malformed =
            |error: object_id::ObjectIdError| Failure::of(&error, Code::State, Retry::NextPoll);
        let id = self.target.id.at_version(version).map_err(malformed)?;
        let (key, notes) = decode(&self.source.secret(&id, self.target, self.now)?)?;
        Ok((Content::Certificate(key), notes))
    }

    /// The installed version, read back from the disk.
    fn recall(&self) -> Result<Option<Content>, StoreError> {
        let ledger = record::ledger(self.record);
        let Some(active) = &ledger.active else { return Ok(None) };
        self.store.recall(&self.target.place, active, &ledger)
    }
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
