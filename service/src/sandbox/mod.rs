//! The worker under systemd's sandbox: it may write where its settings want certificates, where
//! its state lies and where the guest agent looks, and nowhere else.
//!
//! `akvvm_service confine` runs before each start, outside of the sandbox: it makes the
//! directories that are missing and writes the drop-in that lets the worker write there
//! ([`confine`]). The worker itself sees what is kept from it ([`mounts`]), and ends to be started
//! in a new sandbox where the one that it has no longer fits ([`watch`]).

pub(crate) mod confine;
mod drop_in;
mod mounts;
mod places;
mod units;
mod watch;

pub(crate) use mounts::closed;
pub(crate) use places::Places;
pub(crate) use watch::{Watch, is_read_only};
