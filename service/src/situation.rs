//! How one certificate stands on the disk.

use std::time::SystemTime;

use cert_store::{CertificateStore, Drift, Standing, StoreError};
use certified_key::Content;
use worker_state::CertificateRecord;

use crate::delivery::outputs;
use crate::failure::{Failure, store_failure};
use crate::ground::Ground;
use crate::record;
use crate::target::Target;

/// One certificate as a look finds it, before anybody is asked: what is wanted, what is known of it,
/// and how that stands on the disk.
pub(crate) struct Situation<'a, 'g, S: CertificateStore> {
    pub(crate) target: &'a Target,
    pub(crate) record: Option<&'a CertificateRecord>,
    pub(crate) ground: &'a Ground<'g, S>,
    pub(crate) now: SystemTime,
    pub(crate) standing: Standing,
    pub(crate) output_drifts: Vec<Drift>,
}

impl<'a, 'g, S: CertificateStore> Situation<'a, 'g, S> {
    /// Looks at what stands on the disk.
    ///
    /// # Errors
    /// Where that cannot be seen; whether at least the store is as it should be.
    pub(crate) fn find(
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

    /// The installed version, read back from the disk.
    pub(crate) fn recall(&self) -> Result<Option<Content>, StoreError> {
        let ledger = record::ledger(self.record);
        let Some(active) = &ledger.active else { return Ok(None) };
        self.ground.store.recall(&self.target.place, active, &ledger)
    }
}
