//! Real services from the distribution: what they serve is seen, before and after they reload.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests start services, write files, and end on the first surprise"
)]

mod bed;
mod haproxy;
mod nginx;
mod postgres;
