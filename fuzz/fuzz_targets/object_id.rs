//! Names of things in a key vault, and lists of suffixes.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/object-id/tests/hostile/invariants.rs"]
mod invariants;

fuzz_target!(|text: &str| {
    invariants::hold(text);
    invariants::hold(&format!("https://{text}"));
});
