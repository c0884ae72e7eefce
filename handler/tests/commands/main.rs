//! All commands, with processes of their own for workers, in a folder like the guest agent's.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests lay out what they need and fail loudly"
)]

mod bed;
mod enable;
mod refusal;
mod removal;
mod stand_in;
mod systemd;
mod trouble;
mod update;
