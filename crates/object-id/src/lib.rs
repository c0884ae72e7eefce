//! Names of things in a key vault.
//!
//! Everything in Azure Key Vault is named by a URL,
//! `https://{vault}.{suffix}/{kind}/{name}[/{version}]`
//! ([About keys, secrets and certificates][objects]). [`ObjectId`] is such a name, checked:
//! whoever holds one knows that it is https, that its host is a vault this machine may talk to,
//! and that neither its name nor its version holds anything but letters, digits and hyphens.
//! So it may be sent a token, and its parts may become a file's name.
//!
//! Which hosts are vaults is said by [`VaultSuffixes`]: the clouds' own domains, and what the
//! machine's administrator adds.
//!
//! [objects]: https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates

mod authority;
mod error;
mod id;
mod suffixes;
mod vault;

pub use error::{ObjectIdError, SuffixError};
pub use id::{ObjectId, ObjectKind};
pub use suffixes::VaultSuffixes;
pub use vault::Vault;
