//! The operator's commands, run as an operator runs them: the built program, its output, its exit
//! code, and what it leaves on the disk.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests run the program, make their own files, and end on the first surprise"
)]

mod accidents;
mod arc;
mod bed;
mod crash;
mod doctor;
mod doctor_store;
mod files_page;
mod log;
mod migrate;
mod migration_page;
mod namespace;
mod operator;
mod pressure;
mod takeover;
mod troubleshooting;
mod validate;
mod world;
