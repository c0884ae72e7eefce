//! A key vault: where it is, what it is called.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

/// A key vault that this machine may talk to.
///
/// Two vaults are the same if their hosts are: the case in which a name was typed is kept for
/// showing only.
#[derive(Clone, Debug)]
pub struct Vault {
    pub(crate) name: String,
    pub(crate) host: String,
    pub(crate) resource: Option<&'static str>,
}

impl Vault {
    /// What the vault is called in file names: its host's first label as it was typed, or host
    /// and port together (`127.0.0.1_8443`) where no label is the vault's own.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Host in lower case, and `:port` unless it is 443. IPv6 addresses stand in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// `https://host`, without a trailing slash.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.host)
    }

    /// The resource that a token for this vault is asked for, like `https://vault.azure.net`.
    /// `None` outside the known clouds: there the vault's own challenge names it.
    #[must_use]
    pub fn resource(&self) -> Option<&str> {
        self.resource
    }
}

impl fmt::Display for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}", self.host)
    }
}

impl PartialEq for Vault {
    fn eq(&self, other: &Self) -> bool {
        self.host == other.host
    }
}

impl Eq for Vault {}

impl Hash for Vault {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.host.hash(state);
    }
}

impl PartialOrd for Vault {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Vault {
    fn cmp(&self, other: &Self) -> Ordering {
        self.host.cmp(&other.host)
    }
}
