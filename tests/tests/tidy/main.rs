//! Tidiness of the workspace: what no compiler checks, and what must not depend on a reviewer.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests read the tree, run cargo, and end on the first surprise"
)]

mod documents;
mod floor_plan;
mod sources;
mod tree;
