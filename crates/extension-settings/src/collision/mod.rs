//! Entries and outputs compared with each other: no two may write the same path.

mod entries;
mod outputs;
mod reserved;

use crate::metrics::Metrics;
use crate::remark::Remarks;

pub(crate) use self::entries::Located;

/// Reports collisions as problems, near misses as warnings, and gives entries that share files the
/// same ACLs. Linear in the number of entries and outputs.
pub(crate) fn check(certificates: &mut [Located], metrics: &Metrics, remarks: &mut Remarks) {
    entries::check(certificates, remarks);
    reserved::refuse(certificates, remarks);
    outputs::check(certificates, metrics, remarks);
}
