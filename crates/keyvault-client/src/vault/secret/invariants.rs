//! What holds of any answer. Shared by the property test and the fuzz target.

use object_id::{ObjectId, VaultSuffixes};
use zeroize::Zeroizing;

use crate::vault::secret::Secret;

/// The secret that is asked for.
const ASKED: &str = "https://abc.vault.azure.net/secrets/x";

/// What is read is a version of the secret that was asked for.
pub(crate) fn hold(body: &[u8]) {
    let Ok(asked) = ObjectId::parse(ASKED, &VaultSuffixes::known()) else { return };
    let Ok(secret) = Secret::read(&asked, &mut Zeroizing::new(body.to_vec())) else { return };
    assert_eq!(secret.version.len(), 32);
    assert!(secret.version.bytes().all(|byte| byte.is_ascii_alphanumeric()));
}
