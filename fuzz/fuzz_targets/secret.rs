//! A vault's answer with a secret. It is read by private modules, which are compiled in here.
#![no_main]
#![expect(dead_code, reason = "only the reading of the modules is tried")]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/keyvault-client/src/vault"]
mod vault {
    #[path = "secret/invariants.rs"]
    pub(crate) mod invariants;
    mod json_text;
    mod secret;
}

fuzz_target!(|body: &[u8]| vault::invariants::hold(body));
