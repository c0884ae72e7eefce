//! Managed identity tokens and Key Vault secrets over HTTP.
//!
//! [`SecretClient`] reads a secret that an [`object_id::ObjectId`] names, with a token from a
//! [`TokenCredential`]: [`ManagedIdentityCredential`] asks a virtual machine's metadata service,
//! [`AzureArcCredential`] the agent of a machine elsewhere.
//! Both talk through one [`Http`], which keeps the rules that hold for every request: nothing is
//! redirected, everything has a time limit and a size limit, vaults are reached by https alone,
//! the metadata service never through a proxy.
//!
//! Nothing in here waits, reads the clock or the environment, or tries again on its own (one
//! retry with a fresh token after a 401 apart): what failed is a [`ClientError`] that says whose
//! fault it is, when to ask again, and, in words that may be shown to anyone, what to do.

mod challenge;
mod credential;
mod error;
mod http;
mod kind;
mod network;
mod percent;
mod retry_after;
mod text;
mod vault;

pub use credential::{
    AccessToken, AzureArcCredential, EndpointError, IdentityEndpoint, IdentitySelector,
    ManagedIdentityCredential, RenewalFailure, TokenClaims, TokenCredential,
};
pub use error::ClientError;
pub use http::{Http, ProxyError};
pub use kind::{ErrorKind, Fault, Retry};
pub use network::{Network, Timeouts};
pub use vault::{Attributes, Probe, ProbeStep, Secret, SecretClient, WantedToken};
