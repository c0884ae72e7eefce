//! The header with which a service asks for time. It is read by a private module, compiled in here.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/keyvault-client/src/retry_after/invariants.rs"]
mod invariants;
#[path = "../../crates/keyvault-client/src/retry_after.rs"]
mod retry_after;

fuzz_target!(|value: &str| invariants::hold(value));
