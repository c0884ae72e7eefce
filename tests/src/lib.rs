//! What the acceptance tests are made of: the guest agent ([`Agent`]), the packaged extension
//! ([`Package`]), and a place where both meet a pretended Azure ([`Bed`]).
//!
//! Everything here is for tests: what goes wrong ends the test with a sentence.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "test support: it starts processes, waits for them, and ends the test on failure"
)]

mod agent;
pub mod alone;
mod answer;
mod bed;
mod extension;
mod package;
pub mod page;
mod patience;
pub mod processes;

pub use agent::Agent;
pub use answer::{Answer, Command, ExtensionStatus, HandlerStatus, Substatus};
pub use bed::Bed;
pub use extension::Extension;
pub use package::Package;
pub use patience::{LONG, eventually};

use std::path::{Path, PathBuf};

/// The root of the workspace.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ has a parent").to_owned()
}
