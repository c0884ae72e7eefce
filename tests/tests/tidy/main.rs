//! Tidiness of the workspace: what no compiler checks, and what must not depend on a reviewer.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests read the tree, run cargo, and end on the first surprise"
)]

mod azure_cli;
mod circles;
mod commands;
mod documents;
mod floor_plan;
mod links;
mod literals;
mod markdown;
mod messages;
mod sources;
mod tree;
