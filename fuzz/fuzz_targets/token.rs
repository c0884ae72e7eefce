//! An identity endpoint's answer with a token. It is read by a private module, compiled in here.
#![no_main]
#![expect(dead_code, reason = "only the reading of the modules is tried")]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/keyvault-client/src/credential"]
mod credential {
    pub(crate) mod answer;
    #[path = "answer/invariants.rs"]
    pub(crate) mod invariants;

    use keyvault_client::{AccessToken, IdentitySelector};
}

fuzz_target!(|body: &[u8]| credential::invariants::hold(body));
