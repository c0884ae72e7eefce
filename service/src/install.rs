//! Installing one version of one certificate: prepared beside what stands, recorded, switched.

use std::time::SystemTime;

use cert_store::{CertificateStore, Change, Installed, Ledger, Standing, StoreError, Wanted};
use certified_key::Content;
use worker_state::{CertificateRecord, InstalledCertificate};

use crate::code::Code;
use crate::failure::Failure;
use crate::look::{Keep, Version, store_failure};
use crate::outcome::{Done, Remark};
use crate::record;
use crate::target::Target;

/// What an installation stands on.
pub(crate) struct Installation<'a, S> {
    pub(crate) target: &'a Target,
    pub(crate) record: Option<&'a CertificateRecord>,
    pub(crate) store: &'a S,
    pub(crate) keep: Keep<'a>,
    pub(crate) now: SystemTime,
    pub(crate) standing: &'a Standing,
}

/// What a look that ended well brought.
pub(crate) struct Brought {
    pub(crate) done: Done,
    pub(crate) record: Option<CertificateRecord>,
    pub(crate) unkept: Option<String>,
    pub(crate) notes: Vec<String>,
}

impl<S: CertificateStore> Installation<'_, S> {
    /// Installs `version`.
    pub(crate) fn install(&self, version: Version) -> Result<Brought, Failure> {
        let Version { version, content, mut notes, mut remarks } = version;
        if let Standing::Drifted(drifts) = self.standing {
            notes.extend(drifts.iter().map(|drift| format!("found: {drift}")));
        }
        let ledger = record::ledger(self.record);
        let wanted = Wanted { version: &version, content: &content };
        let mut announced = None;
        let mut announce = |ledger: &Ledger| {
            let record = announced.insert(self.announced(ledger));
            // Where it cannot be kept, a crash at the wrong moment leaves a file for ever; no more.
            let _ = (self.keep)(record);
        };
        let prepared = self
            .store
            .prepare(&self.target.place, wanted, &ledger, &mut announce, self.now)
            .map_err(|error| store_failure(&error))?;
        let installed = self.store.outcome(&prepared).clone();
        let certificate = self.certificate(&version, &content);
        let mut record = record::record(self.target, &installed.ledger, certificate, self.record);
        if let Some(what) = record::event(installed.change) {
            record.tell(record::told(what, &version, self.now));
        }
        let record = Some(record).filter(|record| Some(record) != self.record);
        // Kept first: a crash from here on is finished by the next pass, never undone.
        let unkept = record.as_ref().and_then(|record| (self.keep)(record).err());
        let before = announced.as_ref().or(self.record);
        self.store.switch(prepared).map_err(|error| self.not_switched(&error, before))?;
        let Installed { change, warnings, .. } = installed;
        remarks.extend(warnings.into_iter().map(grant_remark));
        let unkept = unkept.map(|error| error.to_string());
        Ok(Brought { done: Done { change, remarks }, record, unkept, notes })
    }

    /// The record with files in it that are about to be made.
    fn announced(&self, ledger: &Ledger) -> CertificateRecord {
        let certificate = self.record.and_then(|record| record.certificate.clone());
        record::record(self.target, ledger, certificate, self.record)
    }

    /// Nothing to do; what hinders those who were granted access is said every time.
    pub(crate) fn unchanged(&self, mut remarks: Vec<Remark>) -> Brought {
        let warnings = self.store.grant_warnings(&self.target.place, &record::ledger(self.record));
        remarks.extend(warnings.into_iter().map(grant_remark));
        let done = Done { change: Change::Same, remarks };
        Brought { done, record: None, unkept: None, notes: Vec::new() }
    }

    /// Whom the version names, and since when it is installed.
    fn certificate(&self, version: &str, content: &Content) -> Option<InstalledCertificate> {
        let Content::Certificate(key) = content else { return None };
        let known = self.record.filter(|record| record::is_active(Some(record), version));
        let known = known.and_then(|record| record.certificate.clone());
        Some(known.unwrap_or_else(|| record::installed(key.leaf(), self.now)))
    }

    /// What was kept for the switch is taken back, as far as that is possible.
    fn not_switched(&self, error: &StoreError, before: Option<&CertificateRecord>) -> Failure {
        let mut failure = store_failure(error);
        if let Some(Err(unkept)) = before.map(self.keep) {
            failure.causes.push(unkept.to_string());
        }
        failure
    }
}

fn grant_remark(text: String) -> Remark {
    Remark { code: Code::GrantUnusable, text }
}
