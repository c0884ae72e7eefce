//! What a pass gets of a certificate, and what it tells of it.

use std::sync::Arc;

use worker_state::{CertificateRecord, OperatorAnswer, OperatorRequest};

use crate::outcome::Outcome;
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
    /// Whether its consumers are to be told in this pass.
    pub(crate) reacts: bool,
    /// What operators want of it beside.
    pub(crate) requests: Vec<OperatorRequest>,
    /// Whether its outputs may have been written in this pass.
    pub(crate) delivered: bool,
    /// Whether somebody waits for it: it is not there as it should be, or was asked for.
    pub(crate) wanted: bool,
}

impl Item {
    /// A pass has changed what is known of it.
    pub(crate) fn take(&mut self, record: Arc<CertificateRecord>) {
        self.reacts |= record.delivery.reaction.is_some();
        self.delivered |= !self.target.delivery.outputs.is_empty();
        self.record = Some(record);
    }
}

/// News from a pass, as it goes on.
#[derive(Debug)]
pub(crate) enum News {
    /// The certificate at this place has been looked at.
    Looked(usize, Box<Outcome>),
    /// Older files of the certificate at this place were removed.
    Retired(usize, Box<CertificateRecord>, Vec<String>),
    /// The consumers of the certificate at this place were told; what is kept of it, and what they
    /// made of it.
    Reacted(usize, Box<CertificateRecord>, Result<(), String>),
    /// An operator's request about the certificate at this place was answered; what is kept of it
    /// now, where that changed.
    Obeyed(usize, Option<Box<CertificateRecord>>, OperatorRequest, OperatorAnswer),
    /// What is known of the certificate at this place could not be kept; its next look tries again.
    Unkept(usize),
    /// Something could not be kept or removed; the next pass tries again.
    Trouble(String),
}

impl News {
    /// Whether everything stands as it stood, as far as this goes.
    pub(crate) fn is_calm(&self) -> bool {
        matches!(self, Self::Looked(_, outcome) if outcome.is_calm())
    }
}
