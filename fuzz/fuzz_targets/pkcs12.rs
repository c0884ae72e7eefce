//! PKCS#12 files, as the value of a secret.
#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use certified_key::decode;
use libfuzzer_sys::fuzz_target;

#[path = "../../crates/certified-key/tests/hostile/invariants.rs"]
mod invariants;

fuzz_target!(|bytes: &[u8]| {
    invariants::hold(decode(Some("application/x-pkcs12"), &STANDARD.encode(bytes)));
});
