//! The value of `system.posix_acl_access`. It is read by a private module, compiled in here.
#![no_main]
#![expect(dead_code, reason = "only the reading of the modules is tried")]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/cert-store/src/posix_acl/invariants.rs"]
mod invariants;
#[path = "../../crates/cert-store/src/posix_acl.rs"]
mod posix_acl;

fuzz_target!(|bytes: &[u8]| {
    invariants::hold(bytes);
    // Behind the version, where all the rest is.
    invariants::hold(&[&[2, 0, 0, 0], bytes].concat());
});
