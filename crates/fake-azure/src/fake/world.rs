//! What tests do to the world, and what they see of it.

use std::time::Duration;

use super::FakeAzure;
use crate::certificate::{CertificateSpec, IssueError, Issued};
use crate::clock::now;
use crate::exchange::Place;
use crate::fault::Rule;
use crate::identity::Identity;
use crate::lock::locked;
use crate::request_log::Recorded;
use crate::tls::{TlsError, TlsFault};
use crate::vault::access::Denial;
use crate::vault::store::AttributeChange;
use crate::vault::throttle::Throttle;

/// Vaults are named shortly, `contoso` for `contoso.vault.azure.net`, or by their host;
/// `localhost` is the one that is reached directly. They come into being with what is put into
/// them.
impl FakeAzure {
    /// Makes a certificate and puts it into a vault, as a new version if the name is taken.
    ///
    /// # Errors
    /// The specification cannot be, or openssl is missing.
    pub fn put_certificate(
        &self,
        vault: &str,
        name: &str,
        spec: &CertificateSpec,
    ) -> Result<Issued, IssueError> {
        self.azure.put_certificate(vault, name, spec, now())
    }

    /// A new version of a certificate: as the last one, with another serial number and key.
    ///
    /// # Errors
    /// There is no such certificate, or openssl is missing.
    pub fn rotate(&self, vault: &str, name: &str) -> Result<Issued, IssueError> {
        self.azure.rotate(vault, name, now())
    }

    /// Puts a plain secret into a vault; its version.
    pub fn put_secret(
        &self,
        vault: &str,
        name: &str,
        value: &str,
        content_type: Option<&str>,
    ) -> String {
        self.azure.put_secret(vault, name, value, content_type, now())
    }

    /// Changes the attributes of a version, the newest if none is named; whether there is one.
    pub fn change(
        &self,
        vault: &str,
        name: &str,
        version: Option<&str>,
        change: AttributeChange,
    ) -> bool {
        self.azure.change(vault, name, version, change, now())
    }

    /// Disables the newest version of a secret; whether there is one.
    pub fn disable(&self, vault: &str, name: &str) -> bool {
        let off = AttributeChange { enabled: Some(false), ..AttributeChange::default() };
        self.change(vault, name, None, off)
    }

    /// Deletes a secret or certificate with all versions; whether there was one.
    pub fn delete(&self, vault: &str, name: &str) -> bool {
        self.azure.delete(vault, name)
    }

    /// Adds a rule about what a vault does not allow; the first one that fits decides.
    pub fn deny(&self, vault: &str, denial: Denial) {
        self.azure.in_vault(vault, |vault| vault.denials.push(denial));
    }

    /// Takes back everything that a vault does not allow.
    pub fn allow(&self, vault: &str) {
        self.azure.in_vault(vault, |vault| vault.denials.clear());
    }

    /// Limits a vault's transactions, or with `None` no longer.
    pub fn throttle(&self, vault: &str, throttle: Option<Throttle>) {
        self.azure.in_vault(vault, |vault| vault.throttle(throttle));
    }

    /// Replaces the machine's identities.
    pub fn assign_identities(&self, identities: Vec<Identity>) {
        *locked(&self.azure.identities) = identities;
    }

    /// From now on the vaults refuse all tokens that are out, and new ones are made.
    pub fn revoke_tokens(&self) {
        locked(&self.azure.tokens).revoke();
    }

    /// How long a round trip to a vault takes for connections made from now on; see
    /// [`Options::latency`](crate::Options::latency).
    pub fn move_away(&self, latency: Duration) {
        self.azure.move_away(latency);
    }

    /// Adds a rule to the script.
    pub fn fault(&self, rule: Rule) {
        locked(&self.azure.rules).add(rule);
    }

    /// Removes all rules.
    pub fn clear_faults(&self) {
        locked(&self.azure.rules).clear();
    }

    /// Makes the certificate that a vault shows wrong, or with `None` right again.
    ///
    /// # Errors
    /// The wrong certificate could not be made.
    pub fn tls_fault(&self, vault: &str, fault: Option<TlsFault>) -> Result<(), TlsError> {
        self.azure.tls_fault(vault, fault)
    }

    /// All requests so far, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.azure.log.all()
    }

    /// The requests so far to one service.
    #[must_use]
    pub fn requests_to(&self, place: Place) -> Vec<Recorded> {
        self.requests().into_iter().filter(|request| request.place == place).collect()
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.azure.log.clear();
    }

    /// Waits until the requests are as wanted; whether they were before the time ran out.
    pub fn wait_for(&self, timeout: Duration, wanted: impl FnMut(&[Recorded]) -> bool) -> bool {
        self.azure.log.wait(timeout, wanted)
    }
}
