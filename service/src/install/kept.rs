//! What is kept of an installation: before anything is made, before the switch, and where that
//! fails.

use cert_store::{Announcement, CertificateStore, Change, Ledger, StoreError};
use certified_key::Content;
use worker_state::{CertificateRecord, HeldRecord, InstalledCertificate};

use crate::failure::{Failure, store_failure};
use crate::record;
use crate::situation::Situation;

/// What was kept before anything was made.
#[derive(Default)]
pub(super) struct Announced {
    /// With the files that were about to be made, as left behind.
    pub(super) ahead: Option<CertificateRecord>,
    /// As it is to be after the switch, where that was kept instead.
    pub(super) after: Option<CertificateRecord>,
}

impl<S: CertificateStore> Situation<'_, '_, S> {
    /// Keeps what is about to be made. Where it cannot be kept, a crash at the wrong moment leaves
    /// a file for ever; no more.
    ///
    /// Of a certificate of which nothing is known yet, and which nobody tries before it is
    /// switched, what is kept is how it will be: a crash is then finished by the next pass, and
    /// there is nothing to keep at the switch.
    pub(super) fn announce(
        &self,
        version: &str,
        content: &Content,
        announcement: &Announcement<'_>,
    ) -> Announced {
        let Announcement { ahead, after, change } = announcement;
        let certificate = self.record.and_then(|record| record.certificate.clone());
        let ahead = Some(record::record(self.target, ahead, certificate, self.record));
        let delivery = &self.target.delivery;
        let is_plain =
            delivery.check.is_none() && delivery.outputs.is_empty() && !delivery.reacts();
        if self.record.is_some() || !is_plain {
            let _ = ahead.as_ref().map(self.ground.keep);
            return Announced { ahead, after: None };
        }
        let after = self.next_record(version, content, (after, *change), None);
        let is_kept = (self.ground.keep)(&after).is_ok();
        Announced { ahead, after: Some(after).filter(|_| is_kept) }
    }

    /// What is to be known of the certificate after the switch; `back`: why it goes back to this
    /// version.
    pub(super) fn next_record(
        &self,
        version: &str,
        content: &Content,
        (ledger, change): (&Ledger, Change),
        back: Option<&str>,
    ) -> CertificateRecord {
        let certificate = self.certificate(version, content);
        let mut record = record::record(self.target, ledger, certificate, self.record);
        let is_it = |held: &HeldRecord| held.version.eq_ignore_ascii_case(version);
        if !self.target.delivery.reacts() {
            // Nobody is going to say whether it works.
            record.delivery.held.retain(|held| !is_it(held));
        }
        if back.is_none() && !record::is_active(self.record, version) {
            // How often this one was tried still counts; others are of no more interest.
            record.delivery.held.retain(is_it);
        }
        if let Some(what) = record::event(change).filter(|_| back.is_none()) {
            record.tell(record::told(what, version, self.now));
        }
        record
    }

    /// What was kept for the switch is taken back, as far as that is possible.
    pub(super) fn not_switched(&self, error: &StoreError, announced: &Announced) -> Failure {
        let mut failure = store_failure(error);
        if let Some(Err(unkept)) = announced.ahead.as_ref().or(self.record).map(self.ground.keep) {
            failure.causes.push(unkept.to_string());
        }
        failure
    }

    /// Whom the version names, and since when it is installed.
    fn certificate(&self, version: &str, content: &Content) -> Option<InstalledCertificate> {
        let Content::Certificate(key) = content else { return None };
        let known = self.record.filter(|record| record::is_active(Some(record), version));
        let known = known.and_then(|record| record.certificate.clone());
        Some(known.unwrap_or_else(|| record::installed(key.leaf(), self.now)))
    }
}
