//! PEM text of any kind.
#![no_main]

use certified_key::{CertifiedKey, decode};
use libfuzzer_sys::fuzz_target;

#[path = "../../crates/certified-key/tests/hostile/invariants.rs"]
mod invariants;

fuzz_target!(|bytes: &[u8]| {
    let _ = CertifiedKey::parse_pem(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        invariants::hold(decode(None, text));
    }
});
