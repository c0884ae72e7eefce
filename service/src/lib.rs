//! The sync worker: brings certificates from key vaults to this machine, for as long as it runs.
//!
//! ```text
//! order ─targets→ [Target]
//!   Situation → SecretSource → Secret ─decode→ CertifiedKey ─guard→ Decision           (look, decide)
//!   Decision → prepare → check → record → switch                                       (install)
//!   Outcome → Roster ─schedule, initial_sync→ what is due next                         (roster, run)
//!   Roster → Report → report.json;  Report → StatusReport → N.status                   (report, status)
//! ```
//!
//! What decides is pure and gets time and chance as parameters. What acts is in the edge files:
//! `clock`, `machine`, `notify`, `logging`, `journal`, `signals`, `source`, `terminal`, `commands`. Nothing in here
//! knows the guest agent's commands, or who started the process.

mod announce;
mod arguments;
mod clock;
mod closed_vaults;
mod code;
mod commands;
mod credentials;
mod decide;
mod delivery;
mod doctor;
mod due;
mod exit;
mod failure;
#[cfg(test)]
mod fleet;
mod ground;
mod guard;
mod hands;
mod hardening;
mod history;
mod initial_sync;
mod install;
mod item;
mod journal;
mod json_lines;
mod log_fields;
mod logging;
mod look;
#[cfg(test)]
mod look_tests;
mod machine;
#[cfg(test)]
mod memory_ground;
#[cfg(test)]
mod memory_store;
#[cfg(test)]
mod memory_vault;
mod metrics;
mod migrate;
mod moment;
mod named;
mod narrate;
mod notify;
mod offer;
mod operator;
mod order;
mod outcome;
mod overview;
mod pass;
#[cfg(test)]
mod pass_tests;
mod plan;
mod queue;
mod record;
mod remains;
mod report;
mod roster;
mod run;
#[cfg(test)]
mod run_tests;
mod sandbox;
mod schedule;
mod serve;
mod shipping;
mod signals;
#[cfg(test)]
mod simulation;
mod sink;
mod situation;
mod source;
mod standing;
mod status;
mod supervision;
mod survey;
mod sync;
mod target;
mod terminal;
mod traffic;
#[cfg(test)]
mod trouble_tests;
mod turns;
mod validate;
mod wording;

pub use commands::main;
