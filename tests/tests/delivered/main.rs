//! The last mile, with real services: whatever happens to a certificate, clients of nginx, HAProxy
//! and PostgreSQL find an open door, and in the end the newest certificate behind it.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "tests start services, write files, and end on the first surprise"
)]

mod clients;
mod fluentd;
mod haproxy;
mod nginx;
mod postgres;
mod refusals;
mod site;
