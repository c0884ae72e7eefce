//! Scenarios: a whole Azure in one JSON document. README.md explains each member;
//! `scenarios/demo.json` is one.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::certificate::CertificateSpec;
use crate::fault::Rule;
use crate::identity::Identity;
use crate::options::Options;
use crate::vault::access::Denial;
use crate::vault::store::AttributeChange;
use crate::vault::throttle::Throttle;

/// A whole Azure in one document. Every member can be left out.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scenario {
    /// The machine's identities; one system-assigned, named `vm`, if left out.
    pub identities: Option<Vec<Assigned>>,
    /// Seconds that tokens live.
    pub token_lifetime_s: Option<u64>,
    /// Vault suffixes besides Azure's.
    pub vault_suffixes: Vec<String>,
    /// How many RSA keys of each length certificates share.
    pub rsa_keys: Option<usize>,
    /// Milliseconds that a round trip to a vault takes.
    pub latency_ms: u64,
    /// Each vault's limit.
    pub throttle: Option<Throttle>,
    /// Where Azure Arc's identity service puts its key files.
    pub arc_key_directory: Option<PathBuf>,
    /// What is in the vaults, by the vault's name or host.
    pub vaults: BTreeMap<String, Content>,
    /// The script.
    pub faults: Vec<Rule>,
}

/// An identity by its name, from which its ids follow.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Assigned {
    /// The machine's own identity, by the machine's name.
    SystemAssigned(String),
    /// An identity assigned to it.
    UserAssigned(String),
}

/// What is in one vault.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Content {
    /// Certificates by name.
    pub certificates: BTreeMap<String, CertificateSpec>,
    /// Many certificates of one kind.
    pub series: Vec<Series>,
    /// Plain secrets by name.
    pub secrets: BTreeMap<String, PlainSecret>,
    /// What is not allowed.
    pub denials: Vec<Denial>,
}

/// Many certificates of one kind, named `PREFIX1` to `PREFIXn`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Series {
    /// What their names begin with.
    pub prefix: String,
    /// How many.
    pub count: usize,
    /// What they are like.
    #[serde(default)]
    pub spec: CertificateSpec,
}

/// A secret that is no certificate of the vault's.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PlainSecret {
    /// Its value.
    pub value: String,
    /// Its content type.
    #[serde(default)]
    pub content_type: Option<String>,
    /// Its attributes, where they differ from the usual ones.
    #[serde(default)]
    pub attributes: AttributeChange,
}

impl Assigned {
    /// The identity.
    #[must_use]
    pub fn identity(&self) -> Identity {
        match self {
            Self::SystemAssigned(machine) => Identity::system_assigned(machine),
            Self::UserAssigned(name) => Identity::user_assigned(name),
        }
    }
}

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// The text is no JSON, or has members that no scenario has.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        serde_json::from_str(text).map_err(ScenarioError)
    }

    /// The options of an Azure in which this can be played, with `ca.pem` in this directory.
    pub fn options(&self, directory: impl Into<PathBuf>) -> Options {
        let mut options = Options::new(directory);
        if let Some(identities) = &self.identities {
            options.identities = identities.iter().map(Assigned::identity).collect();
        }
        if let Some(seconds) = self.token_lifetime_s {
            options.token_lifetime = Duration::from_secs(seconds);
        }
        if let Some(keys) = self.rsa_keys {
            options.rsa_keys = keys;
        }
        options.vault_suffixes.clone_from(&self.vault_suffixes);
        options.latency = Duration::from_millis(self.latency_ms);
        options.throttle = self.throttle;
        options.arc_key_directory.clone_from(&self.arc_key_directory);
        options
    }
}

/// Not a scenario.
#[derive(Debug)]
pub struct ScenarioError(serde_json::Error);

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a scenario: {}", self.0)
    }
}

impl std::error::Error for ScenarioError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_that_no_scenario_has_is_named() {
        let error = Scenario::parse(r#"{"valts": {}}"#).unwrap_err().to_string();
        assert!(error.contains("valts"), "{error}");
    }
}
