//! The customer's contract: the settings of the Key Vault VM extension, in all four generations.
//!
//! Microsoft's extension changed its settings from one major version to the next: lists of URLs
//! (1.x, 2.x), objects with stores, link names and ACLs (3.x), identities per certificate (4.x).
//! [`parse`] reads all of them, also mixed, and this extension's own keys, into one checked
//! [`Settings`]. Whoever holds one knows that there is at least one certificate, that every URL
//! names a secret in a vault this machine may talk to, that no two entries write the same link,
//! and that no path or link name leads out of its store.
//!
//! Reading is lenient where people slip (JSON inside a string, a section one level too deep,
//! numbers and booleans as strings) and says so in warnings; what cannot be read is refused, all
//! of it at once, each problem with the path to the value and what to write instead. The document
//! goes through four steps, one module each:
//!
//! 1. `document`: find the object that holds the settings;
//! 2. `places`: bring every known key to its place, whatever level it was written at;
//! 3. `check` with `certificate`, `identity`, `logging`, `metrics`, `outputs`, `reaction`, `store`,
//!    `verification`: values become typed and defaults are filled in;
//! 4. `collision`: the entries are compared with each other.
//!
//! `schema/settings.schema.json` describes the recommended form and `docs/settings.md` explains
//! it; tests hold both against this parser.

mod acl;
mod address;
mod certificate;
mod check;
mod claims;
mod collision;
mod document;
mod duration;
mod entries;
mod field;
mod generation;
mod identity;
mod invisible;
mod json_path;
mod key;
mod logging;
mod metrics;
mod nested;
mod outputs;
mod placeholder;
mod places;
mod print;
mod reaction;
mod remark;
mod repetition;
mod settings;
mod store;
mod verification;

pub use object_id::VaultSuffixes;
use serde_json::Value;

pub use acl::Acl;
pub use address::{LocalAddress, LoopbackAddress};
pub use generation::{Generation, OTHER_DEFAULT_STORE};
pub use identity::{Identity, IdentityEndpoint, IdentitySelector};
pub use logging::{LogEndpoint, Logging};
pub use metrics::{Expiry, Metrics};
pub use outputs::{Encryption, FileAccess, Form, Output, SetFile};
pub use reaction::{Action, Argv, Command, Guards, Recipient, Signal, UnitName, Verb};
pub use remark::{Problems, Remark};
pub use repetition::repeated_keys;
pub use settings::{
    DEFAULT_POLLING_INTERVAL, MOST_CERTIFICATES, ObservedCertificate, Parsed, Retain, Settings,
};
pub use store::{DEFAULT_STORE, FileLayout, StoreLocation};
pub use verification::{StartTls, Verification};

/// Reads the extension's settings: the value of `publicSettings`. `suffixes` says which hosts are
/// key vaults.
///
/// # Errors
/// Everything that is wrong with the document, at once, along with the warnings found on the way.
pub fn parse(document: &Value, suffixes: &VaultSuffixes) -> Result<Parsed, Problems> {
    let mut remarks = remark::Remarks::default();
    let settings = document::settings_object(document, &mut remarks)
        .map(|object| places::sort(object, &mut remarks))
        .and_then(|places| check::check(places, suffixes, &mut remarks));
    let found = remarks.finish();
    match settings {
        Some(settings) if found.problems.is_empty() => {
            Ok(Parsed { settings, warnings: found.warnings })
        }
        _ => Err(found),
    }
}
