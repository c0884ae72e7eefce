//! What follows a new certificate: the unit that is reloaded, the process that is signalled, the
//! command that is run, and the look at what a service now serves.
//!
//! [`Action`]s are values that settings may ask for; [`coalesce`] makes one of several that mean
//! the same; [`run`] does one, as far as the machine's administrator permits it ([`Permission`]).
//! [`check`] runs a command against files that are not in use yet. [`verify`] shakes hands with a
//! local service until it shows a certificate.
//!
//! This crate knows no vault, no settings and no store: certificates are names, versions, paths
//! and, for [`verify`], DER. Everything here waits for its outcome, within a time limit.

mod action;
mod check;
mod coalesce;
mod command;
mod deadline;
mod error;
mod occasion;
mod permission;
mod pid_file;
mod process;
mod run;
mod signal;
mod surroundings;
mod systemctl;
mod tail;
mod transient;
mod trusted_path;
mod unit_name;
mod verify;

pub use action::{Action, Command, NotACommand, NotAUserName, NotAVerb, Recipient, Verb};
pub use check::{Candidates, candidate_variable, check};
pub use coalesce::coalesce;
pub use error::ReactionError;
pub use occasion::{Change, Occasion, Reason};
pub use permission::{NotAPermission, Permission};
pub use run::{Effect, permit, run};
pub use signal::{NotASignal, Signal};
pub use surroundings::{Surroundings, Systemd};
pub use trusted_path::Distrust;
pub use unit_name::{NotAUnitName, UnitName};
pub use verify::{
    LocalAddress, NotALocalAddress, Shown, StartTls, Verification, VerificationError,
    nobody_listens, verify,
};
