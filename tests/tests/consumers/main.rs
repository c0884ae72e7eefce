//! The pages for services that use certificates: what they show works as it stands there. Where
//! systemd has a part in it, `tests/systemd/test_consumers.py` does the same with the services.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests run programs, write files, and end on the first surprise"
)]

mod page;
mod settings;
mod tomcat;
