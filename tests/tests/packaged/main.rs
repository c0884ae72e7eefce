//! The packaged extension under the guest agent's own code.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests read what the extension has left on disk, and end on the first surprise"
)]

mod agent_itself;
mod bad_input;
mod certificates;
mod drift;
mod failing_steps;
mod first_sync;
mod life;
mod operator;
mod removal;
mod rotations;
mod secrecy;
mod settings;
mod size;
mod taken_over;
mod two_of_everything;
mod vault_trouble;
