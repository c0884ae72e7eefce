//! The header of a 401. It is read by a private module, which is compiled in here.
#![no_main]
#![expect(dead_code, reason = "only the reading of the modules is tried")]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/keyvault-client/src/challenge.rs"]
mod challenge;
#[path = "../../crates/keyvault-client/src/challenge/invariants.rs"]
mod invariants;
#[path = "../../crates/keyvault-client/src/text.rs"]
mod text;

fuzz_target!(|header: &str| {
    invariants::hold(header);
    invariants::hold(&format!("Bearer {header}"));
});
