//! What is in the vaults.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::access::Denial;
use super::throttle::{Gate, Throttle};
use crate::certificate::{CertificateSpec, Made};
use crate::clock::seconds;
use crate::identifier;

/// All vaults, by host.
#[derive(Default)]
pub(crate) struct Vaults {
    vaults: BTreeMap<String, Vault>,
}

/// One vault.
#[derive(Default)]
pub(crate) struct Vault {
    /// By name in lower case: Key Vault's names ignore it.
    secrets: BTreeMap<String, Secret>,
    pub(crate) denials: Vec<Denial>,
    pub(crate) gate: Gate,
}

/// One secret with its versions, oldest first.
pub(crate) struct Secret {
    pub(crate) name: String,
    pub(crate) versions: Vec<Version>,
    /// How to make the next version, if this is a certificate.
    pub(crate) certificate: Option<(CertificateSpec, Arc<Made>)>,
}

/// One version of a secret.
#[derive(Clone)]
pub(crate) struct Version {
    pub(crate) id: String,
    pub(crate) value: Arc<str>,
    pub(crate) content_type: Option<String>,
    pub(crate) attributes: Attributes,
    /// Whether it is a certificate's, which makes it `managed` and gives it a key.
    pub(crate) managed: bool,
}

/// A version's attributes; times in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attributes {
    pub(crate) enabled: bool,
    pub(crate) nbf: Option<u64>,
    pub(crate) exp: Option<u64>,
    pub(crate) created: u64,
    pub(crate) updated: u64,
}

/// Changes to a version's attributes; what is `None` stays.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct AttributeChange {
    /// Whether it can be read.
    pub enabled: Option<bool>,
    /// Not before: seconds since 1970.
    pub nbf: Option<u64>,
    /// Expiry: seconds since 1970.
    pub exp: Option<u64>,
}

impl Vaults {
    /// The vault of this host.
    pub(crate) fn of(&mut self, host: &str) -> Option<&mut Vault> {
        self.vaults.get_mut(host)
    }

    /// The vault of this host, which comes into being if it must.
    pub(crate) fn made(&mut self, host: &str, throttle: Option<Throttle>) -> &mut Vault {
        let vault = || Vault { gate: Gate::new(throttle), ..Vault::default() };
        self.vaults.entry(host.to_owned()).or_insert_with(vault)
    }

    /// All vaults with their hosts.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &Vault)> {
        self.vaults.iter().map(|(host, vault)| (host.as_str(), vault))
    }
}

impl Vault {
    pub(crate) fn secret(&self, name: &str) -> Option<&Secret> {
        self.secrets.get(&name.to_ascii_lowercase())
    }

    pub(crate) fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.secrets.values()
    }

    /// Limits transactions from now on.
    pub(crate) fn throttle(&mut self, throttle: Option<Throttle>) {
        self.gate = Gate::new(throttle);
    }

    /// Adds a version, and the secret if it is new.
    pub(crate) fn put(&mut self, name: &str, version: Version) -> &mut Secret {
        let secret = || Secret { name: name.to_owned(), versions: Vec::new(), certificate: None };
        let secret = self.secrets.entry(name.to_ascii_lowercase()).or_insert_with(secret);
        secret.versions.push(version);
        secret
    }

    /// Changes the attributes of one version, the newest if none is named; whether there is one.
    pub(crate) fn change(
        &mut self,
        name: &str,
        version: Option<&str>,
        change: AttributeChange,
        now: SystemTime,
    ) -> bool {
        let Some(secret) = self.secrets.get_mut(&name.to_ascii_lowercase()) else { return false };
        let chosen = match version {
            None => secret.versions.last_mut(),
            Some(id) => secret.versions.iter_mut().find(|known| known.id.eq_ignore_ascii_case(id)),
        };
        let Some(chosen) = chosen else { return false };
        let attributes = &mut chosen.attributes;
        attributes.enabled = change.enabled.unwrap_or(attributes.enabled);
        attributes.nbf = change.nbf.or(attributes.nbf);
        attributes.exp = change.exp.or(attributes.exp);
        attributes.updated = seconds(now);
        true
    }

    /// Deletes a secret with all its versions; whether there was one.
    pub(crate) fn delete(&mut self, name: &str) -> bool {
        self.secrets.remove(&name.to_ascii_lowercase()).is_some()
    }
}

impl Secret {
    /// A version by its id, the newest if none is given. Key Vault does not fall back to an
    /// older one when the newest is disabled.
    pub(crate) fn version(&self, id: Option<&str>) -> Option<&Version> {
        match id {
            None => self.versions.last(),
            Some(id) => self.versions.iter().find(|version| version.id.eq_ignore_ascii_case(id)),
        }
    }
}

impl Version {
    /// A version of a plain secret.
    pub(crate) fn plain(value: &str, content_type: Option<&str>, now: SystemTime) -> Self {
        let now = seconds(now);
        Self {
            id: identifier::version(),
            value: value.into(),
            content_type: content_type.map(str::to_owned),
            attributes: Attributes {
                enabled: true,
                nbf: None,
                exp: None,
                created: now,
                updated: now,
            },
            managed: false,
        }
    }

    /// A certificate's version: its secret has the certificate's own dates.
    pub(crate) fn certificate(made: &Made, content_type: &str, now: SystemTime) -> Self {
        let mut version = Self::plain(&made.value, Some(content_type), now);
        version.attributes.nbf = Some(made.validity.0);
        version.attributes.exp = Some(made.validity.1);
        version.managed = true;
        version
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    #[test]
    fn names_ignore_case_and_the_newest_version_is_the_last_one_put() {
        let mut vault = Vault::default();
        vault.put("Web", Version::plain("one", None, NOW));
        vault.put("web", Version::plain("two", None, NOW));
        let secret = vault.secret("WEB").unwrap();
        assert_eq!(secret.name, "Web");
        assert_eq!(&*secret.version(None).unwrap().value, "two");
        let first = secret.versions[0].id.to_uppercase();
        assert_eq!(&*secret.version(Some(&first)).unwrap().value, "one");
    }

    #[test]
    fn a_change_leaves_what_it_does_not_name() {
        let mut vault = Vault::default();
        vault.put("web", Version::plain("one", None, NOW));
        let expiry = AttributeChange { exp: Some(5), ..AttributeChange::default() };
        assert!(vault.change("web", None, expiry, NOW));
        let off = AttributeChange { enabled: Some(false), ..AttributeChange::default() };
        assert!(vault.change("web", None, off, NOW));
        let attributes = vault.secret("web").unwrap().versions[0].attributes;
        assert_eq!((attributes.enabled, attributes.exp), (false, Some(5)));
        assert!(!vault.change("api", None, off, NOW));
    }
}
