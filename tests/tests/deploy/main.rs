//! The templates and command lines of `deploy/`: the extension takes the settings that they give it,
//! ARM, Bicep and Terraform say the same, and the tool that each is for would take it, as far as
//! that can be known without Azure. `deploy/README.md` says how far.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests run programs, read files, and end on the first surprise"
)]

mod names;
mod one_liners;
mod powershell;
mod publish;
mod python;
mod settings;
mod templates;
mod terraform;
