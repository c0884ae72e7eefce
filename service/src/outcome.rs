//! What came of a look at one certificate.

use std::sync::Arc;

use cert_store::Change;
use worker_state::CertificateRecord;

use crate::code::Code;
use crate::failure::Failure;

/// What one look led to.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Whether the certificate stands on the disk now, as it should.
    pub(crate) present: bool,
    /// What was done, or why nothing could be.
    pub(crate) result: Result<Done, Failure>,
    /// What is known of it from now on, where that changed.
    pub(crate) record: Option<Arc<CertificateRecord>>,
    /// Why that could not be kept on disk; it is tried again with every look.
    pub(crate) unkept: Option<String>,
    /// For the log only.
    pub(crate) notes: Vec<String>,
}

impl Outcome {
    /// Whether nothing was to be done, and nothing is to be said.
    pub(crate) fn is_calm(&self) -> bool {
        let Self { present, result, record, unkept, notes } = self;
        let is_same =
            |done: &Done| done.change == Change::Same && done.remarks.is_empty() && *present;
        result.as_ref().is_ok_and(is_same)
            && record.is_none()
            && unkept.is_none()
            && notes.is_empty()
    }
}

/// A look that ended well.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Done {
    /// What happened to the files.
    pub(crate) change: Change,
    /// What wants attention all the same.
    pub(crate) remarks: Vec<Remark>,
}

/// Something that wants attention without being a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Remark {
    /// For machines.
    pub(crate) code: Code,
    /// For people.
    pub(crate) text: String,
}
