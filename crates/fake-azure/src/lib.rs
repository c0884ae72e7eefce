//! An imagined Azure on the loopback address: the instance metadata service, Azure Arc's identity
//! service and Key Vault, for tests, benchmarks and the demo. It is never shipped, and it knows
//! nothing of the programs it is there for.
//!
//! Vaults have their real URLs: an HTTPS proxy leads every `https://NAME.vault.azure.net` to the
//! imagined one, whose certificate an authority made at start has signed. A program that obeys
//! `HTTPS_PROXY` and `SSL_CERT_FILE` needs no other preparation.
//!
//! ```
//! use fake_azure::{CertificateSpec, FakeAzure, Options};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! let azure = FakeAzure::start(Options::new(directory.path()))?;
//! let issued = azure.put_certificate("contoso", "web", &CertificateSpec::default())?;
//! assert_eq!(issued.vault, "contoso.vault.azure.net");
//! // … run a program with azure.environment(), then look at azure.requests() …
//! # Ok(())
//! # }
//! ```
//!
//! `README.md` beside this crate's manifest describes the program, its scenario files and its
//! admin API.

mod admin;
mod arc_key;
mod azure;
mod certificate;
mod clock;
mod endpoints;
mod exchange;
mod fake;
mod fault;
mod himds;
mod identifier;
mod identity;
mod imds;
mod lock;
mod net;
mod openssl;
mod options;
mod request_log;
mod scenario;
mod tls;
mod vault;

pub use certificate::{CertificateSpec, ChainOrder, Format, IssueError, Issued, KeyKind};
pub use exchange::Place;
pub use fake::{FakeAzure, StartError};
pub use fault::{Action, Raw, Rule, When};
pub use identity::{Identity, IdentityKind};
pub use openssl::OpensslError;
pub use options::{Options, Ports};
pub use request_log::{Recorded, Watcher};
pub use scenario::{Scenario, ScenarioError};
pub use tls::{TlsError, TlsFault};
pub use vault::access::{Denial, Operation, Refusal};
pub use vault::store::AttributeChange;
pub use vault::throttle::{Throttle, Window};
