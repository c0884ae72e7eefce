//! What holds of any header. Shared by the property test and the fuzz target.

use object_id::{ObjectId, VaultSuffixes};

use crate::challenge::{parse, vault_resource};

const VAULT: &str = "abc.vault.azure.net";

/// No header makes this machine ask a token for anything but the vault or a domain above it, and
/// what is refused is named on one short line.
pub(crate) fn hold(header: &str) {
    let id = ObjectId::parse(&format!("https://{VAULT}/secrets/x"), &VaultSuffixes::known());
    let Ok(id) = id else { return };
    let challenges = parse(header.lines());
    match vault_resource(&challenges, id.vault()) {
        Ok(None) => {}
        Ok(Some(resource)) => {
            let domain = resource.strip_prefix("https://");
            assert!(domain.is_some_and(|domain| VAULT.ends_with(domain)), "{resource}");
            assert!(domain.is_some_and(|domain| domain.contains('.')), "{resource}");
        }
        Err(foreign) => {
            assert!(!foreign.0.contains(char::is_control), "{foreign:?}");
            assert!(foreign.0.chars().count() <= 101, "{foreign:?}");
        }
    }
}
