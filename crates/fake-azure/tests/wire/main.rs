//! The wire, as curl sees it: every service, every refusal, every fault.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "curl is a process of its own, and what a test cannot do fails it"
)]

mod admin;
mod arc;
mod curl;
mod distance;
mod faults;
mod imds;
mod network;
mod vault;

use fake_azure::{FakeAzure, Options};
use tempfile::TempDir;

const CONTOSO: &str = "https://contoso.vault.azure.net";
const VAULT_RESOURCE: &str = "https://vault.azure.net";

/// An Azure in a folder of its own.
struct Bed {
    azure: FakeAzure,
    folder: TempDir,
}

impl Bed {
    fn new() -> Self {
        Self::with(|_, _| {})
    }

    fn with(change: impl FnOnce(&mut Options, &TempDir)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = Options::new(folder.path());
        change(&mut options, &folder);
        Self { azure: FakeAzure::start(options).unwrap(), folder }
    }
}
