//! What looks and passes stand on: where secrets come from, what they are brought to, and where is
//! kept what is known of them.

use std::path::Path;
use std::time::{Duration, SystemTime};

use cert_store::OutputStore;
use keyvault_client::Secret;
use object_id::{ObjectId, Vault};
use worker_state::{CertificateRecord, StateError};

use crate::delivery::consumers::Consumers;
use crate::failure::Failure;
use crate::outcome::Remark;
use crate::queue::{Answered, Reach};
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

/// What a pass stands on.
pub(crate) struct Ground<'a, S> {
    pub(crate) source: &'a dyn SecretSource,
    /// Is told when it has answered.
    pub(crate) answered: Answered<'a>,
    pub(crate) store: &'a S,
    /// What consumers open beside the store.
    pub(crate) outputs: &'a OutputStore,
    pub(crate) consumers: &'a dyn Consumers,
    /// The directory in which consumers may try new files.
    pub(crate) candidates: &'a Path,
    /// Keeps a changed record.
    pub(crate) keep: Keep<'a>,
    /// The polling interval.
    pub(crate) interval: Duration,
}

impl<'a, S> Ground<'a, S> {
    /// The same, where records are kept otherwise.
    pub(crate) fn keeping<'b>(&'b self, keep: Keep<'b>) -> Ground<'b, S>
    where
        'a: 'b,
    {
        Ground { keep, ..*self }
    }

    /// The same, where somebody wants to hear when a vault has answered.
    pub(crate) fn telling<'b>(&'b self, answered: Answered<'b>) -> Ground<'b, S>
    where
        'a: 'b,
    {
        Ground { answered, ..*self }
    }
}
