//! How this machine reaches the outside: values that a program reads from its environment and
//! hands in.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Proxy, trust and time limits.
#[derive(Clone, Default)]
pub struct Network {
    /// The value of `HTTPS_PROXY`: `http://[user:password@]host[:port]`; `https://` in front if
    /// the proxy itself speaks TLS. Empty means none. Used for vaults only.
    pub https_proxy: Option<String>,
    /// The value of `NO_PROXY`: hosts, domains, addresses and CIDR ranges, each with an optional
    /// port, separated by commas.
    pub no_proxy: Option<String>,
    /// The value of `SSL_CERT_FILE`: a PEM file of trusted authorities, instead of the machine's.
    pub ssl_cert_file: Option<PathBuf>,
    /// The value of `SSL_CERT_DIR`: directories of such files, separated by colons.
    pub ssl_cert_dir: Option<PathBuf>,
    /// Time limits of requests.
    pub timeouts: Timeouts,
}

impl fmt::Debug for Network {
    /// Leaves the proxy's value out: it may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network")
            .field("https_proxy", &self.https_proxy.as_ref().map(|_| "…"))
            .field("no_proxy", &self.no_proxy)
            .field("ssl_cert_file", &self.ssl_cert_file)
            .field("ssl_cert_dir", &self.ssl_cert_dir)
            .field("timeouts", &self.timeouts)
            .finish()
    }
}

/// How long requests may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Connecting to the identity endpoint, which is on this machine or its link.
    pub identity_connect: Duration,
    /// A whole request to the identity endpoint.
    pub identity: Duration,
    /// Connecting to a vault: the proxy, TCP and TLS.
    pub vault_connect: Duration,
    /// A whole request to a vault.
    pub vault: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            // As Microsoft's own clients.
            identity_connect: Duration::from_secs(2),
            // Arc's agent asks the cloud before it answers.
            identity: Duration::from_secs(20),
            vault_connect: Duration::from_secs(10),
            vault: Duration::from_secs(30),
        }
    }
}
