//! The customer's settings, as JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/extension-settings/tests/schema/invariants.rs"]
mod invariants;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(document) = serde_json::from_slice(bytes) {
        invariants::hold(&document);
    }
});
