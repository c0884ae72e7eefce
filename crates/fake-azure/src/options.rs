//! What a fake Azure is to be like.

use std::path::PathBuf;
use std::time::Duration;

use crate::identity::Identity;
use crate::request_log::Watcher;
use crate::vault::throttle::Throttle;

/// What a fake Azure is to be like. [`Options::new`] gives one virtual machine with one
/// system-assigned identity that may read everything.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where `ca.pem` is written; it is made if it does not exist.
    pub directory: PathBuf,
    /// The ports to listen on.
    pub ports: Ports,
    /// The identities of the machine.
    pub identities: Vec<Identity>,
    /// How long a token lives. Azure's managed identities get about a day.
    pub token_lifetime: Duration,
    /// Where Azure Arc's identity service puts its key files; without it there is none.
    pub arc_key_directory: Option<PathBuf>,
    /// Suffixes that are vaults besides those of Azure's clouds, such as `vault.example.test`.
    pub vault_suffixes: Vec<String>,
    /// How many RSA keys of each length are made, at least two; certificates take turns.
    pub rsa_keys: usize,
    /// How long each turn of a conversation with a vault takes on the way: what a round trip
    /// over a network costs. It applies to TLS handshakes, requests and the proxy, not to the
    /// identity endpoints, which are on the machine itself.
    pub latency: Duration,
    /// The limit on each vault's transactions, if any.
    pub throttle: Option<Throttle>,
    /// User and password without which the proxy answers 407.
    pub proxy_credentials: Option<(String, String)>,
    /// How many requests the log keeps.
    pub log_limit: usize,
    /// Who is told of each request as it is answered.
    pub watcher: Option<Watcher>,
}

/// Ports on the loopback address; 0 is any free one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ports {
    /// The HTTPS proxy.
    pub proxy: u16,
    /// The vault that is reached directly.
    pub vault: u16,
    /// The instance metadata service.
    pub imds: u16,
    /// Azure Arc's identity service.
    pub arc: u16,
    /// The admin API.
    pub admin: u16,
}

impl Options {
    /// The defaults, with `ca.pem` in this directory.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            ports: Ports::default(),
            identities: vec![Identity::system_assigned("vm")],
            token_lifetime: Duration::from_secs(86_400),
            arc_key_directory: None,
            vault_suffixes: Vec::new(),
            rsa_keys: 4,
            latency: Duration::ZERO,
            throttle: None,
            proxy_credentials: None,
            log_limit: 100_000,
            watcher: None,
        }
    }
}
