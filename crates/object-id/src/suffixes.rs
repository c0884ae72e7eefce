//! Which hosts are key vaults.

use crate::authority::Authority;
use crate::error::{ObjectIdError, SuffixError};
use crate::vault::Vault;

/// The clouds' domains and the resource a token for their vaults is asked for ([Key Vault
/// endpoints][objects]; the resource has no trailing slash).
///
/// [objects]: https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates
const CLOUDS: [(&str, &str); 4] = [
    ("vault.azure.net", "https://vault.azure.net"),
    ("vault.azure.cn", "https://vault.azure.cn"),
    ("vault.usgovcloudapi.net", "https://vault.usgovcloudapi.net"),
    ("vault.microsoftazure.de", "https://vault.microsoftazure.de"),
];

/// Managed HSM pools look like vaults and are none: they store no secrets.
const MANAGED_HSM: [&str; 4] = [
    "managedhsm.azure.net",
    "managedhsm.azure.cn",
    "managedhsm.usgovcloudapi.net",
    "managedhsm.microsoftazure.de",
];

/// The domains below which hosts are key vaults: the clouds' own, and those that the machine's
/// administrator allows. A token is never sent anywhere else.
///
/// An allowed domain matches itself and everything below a dot, on its own port only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VaultSuffixes {
    allowed: Vec<Authority>,
}

impl VaultSuffixes {
    /// The public, China, US Government and (closed) Germany clouds.
    #[must_use]
    pub fn known() -> Self {
        Self::default()
    }

    /// Adds the domains of a comma-separated list (the value of `AKVVM_VAULT_DNS_SUFFIXES`):
    /// host names, with or without a leading `.` or `*.`, or addresses, each with an optional
    /// port (443 otherwise). Empty entries are passed over.
    ///
    /// # Errors
    /// The first entry that is none of these.
    pub fn allow(mut self, comma_separated: &str) -> Result<Self, SuffixError> {
        for entry in comma_separated.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let domain = entry.strip_prefix('*').unwrap_or(entry);
            let domain = domain.strip_prefix('.').unwrap_or(domain);
            let authority = Authority::parse(domain)
                .map_err(|_| SuffixError { entry: entry.chars().take(80).collect() })?;
            if !self.allowed.contains(&authority) {
                self.allowed.push(authority);
            }
        }
        Ok(self)
    }

    /// The vault at this host and port; `typed` is the host as the person wrote it.
    pub(crate) fn vault(&self, at: &Authority, typed: &str) -> Result<Vault, ObjectIdError> {
        if MANAGED_HSM.iter().any(|suffix| is_at_or_below(&at.host, suffix)) {
            return Err(ObjectIdError::ManagedHsm(at.host.clone()));
        }
        let cloud = CLOUDS.iter().find(|(suffix, _)| is_at_or_below(&at.host, suffix));
        if let Some((suffix, resource)) = cloud.filter(|_| at.port == 443) {
            return cloud_vault(at, typed, suffix, resource);
        }
        let of_domain = |suffix: &&Authority| {
            suffix.host == at.host || (!suffix.is_address && is_at_or_below(&at.host, &suffix.host))
        };
        let mut of_domain = self.allowed.iter().filter(of_domain);
        let other = of_domain.clone().next().map(|suffix| suffix.port);
        match of_domain.find(|suffix| suffix.port == at.port) {
            Some(suffix) if at.is_address || suffix.host == at.host => {
                Ok(Vault { name: whole_host_name(at), host: at.to_string(), resource: None })
            }
            Some(_) => Ok(Vault {
                name: first_label(typed).to_owned(),
                host: at.to_string(),
                resource: None,
            }),
            None if cloud.is_some() => Err(ObjectIdError::CloudPort(at.to_string())),
            None => Err(match other {
                Some(allowed) => ObjectIdError::OtherPort { host: at.to_string(), allowed },
                None => ObjectIdError::UnknownSuffix(at.to_string()),
            }),
        }
    }
}

fn cloud_vault(
    at: &Authority,
    typed: &str,
    suffix: &str,
    resource: &'static str,
) -> Result<Vault, ObjectIdError> {
    let name = first_label(typed);
    // The cloud's vaults stand directly below its domain.
    if at.host.len() != name.len() + 1 + suffix.len() || !(3..=24).contains(&name.len()) {
        return Err(ObjectIdError::VaultName { host: at.host.clone(), suffix: suffix.to_owned() });
    }
    Ok(Vault { name: name.to_owned(), host: at.to_string(), resource: Some(resource) })
}

/// Where there is no label for the vault alone, host and port together name it. The name becomes
/// part of file names, so colons give way.
fn whole_host_name(at: &Authority) -> String {
    at.to_string().replace(['[', ']'], "").replace(':', "_")
}

fn first_label(host: &str) -> &str {
    host.split('.').next().unwrap_or(host)
}

fn is_at_or_below(host: &str, suffix: &str) -> bool {
    host.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(allowed: &str, host: &str) -> Result<Vault, ObjectIdError> {
        VaultSuffixes::known()
            .allow(allowed)
            .unwrap()
            .vault(&Authority::parse(host).unwrap(), host.split(':').next().unwrap())
    }

    #[test]
    fn each_cloud_has_its_own_resource() {
        for (suffix, resource) in CLOUDS {
            let vault = vault("", &format!("exampleVault.{suffix}")).unwrap();
            assert_eq!(vault.name(), "exampleVault");
            assert_eq!(vault.resource(), Some(resource));
        }
    }

    #[test]
    fn another_port_of_an_allowed_domain_is_told_with_the_allowed_one() {
        let said = vault("vault.test, x.test:8443", "abc.vault.test:8443").unwrap_err().to_string();
        assert!(said.starts_with("abc.vault.test:8443 is at another port"), "{said}");
        assert!(said.contains("its domain: write 443, or have this one added"), "{said}");
        assert!(vault("vault.test, vault.test:8443", "abc.vault.test:8443").is_ok());
    }

    #[test]
    fn an_allowed_suffix_matches_itself_and_below_a_dot_on_its_port() {
        for (allowed, host, name) in [
            ("localhost:8443", "localhost:8443", Some("localhost_8443")),
            ("localhost:8443", "myVault.localhost:8443", Some("myVault")),
            ("localhost:8443", "localhost", None),
            ("localhost:8443", "notlocalhost:8443", None),
            ("localhost", "localhost:443", Some("localhost")),
            (" .azs.example , *.b.example:443 ,", "v.b.example", Some("v")),
            ("azs.example", "a.b.azs.example", Some("a")),
            ("azs.example", "vazs.example", None),
            ("127.0.0.1:8443", "127.0.0.1:8443", Some("127.0.0.1_8443")),
            ("127.0.0.1", "127.0.0.2", None),
            ("[::1]:8443", "[0:0::1]:8443", Some("__1_8443")),
            ("vault.azure.net:8443", "abc.vault.azure.net:8443", Some("abc")),
        ] {
            let found = vault(allowed, host);
            assert_eq!(found.as_ref().ok().map(Vault::name), name, "{allowed} {host}");
            assert!(found.is_ok_and(|vault| vault.resource().is_none()) || name.is_none());
        }
    }

    #[test]
    fn an_allowed_domain_does_not_change_a_clouds_resource() {
        let vault = vault("azure.net,vault.azure.net,abc.vault.azure.net", "abc.vault.azure.net");
        assert_eq!(vault.unwrap().resource(), Some("https://vault.azure.net"));
    }

    #[test]
    fn a_clouds_domain_needs_a_vaults_name_before_it() {
        for host in ["vault.azure.net", "ab.vault.azure.net", "a.bcd.vault.azure.net"] {
            assert!(matches!(vault("", host), Err(ObjectIdError::VaultName { .. })), "{host}");
        }
        let long = format!("{}.vault.azure.net", "a".repeat(25));
        assert!(matches!(vault("", &long), Err(ObjectIdError::VaultName { .. })));
    }

    #[test]
    fn a_managed_hsm_is_refused_even_where_its_domain_is_allowed() {
        let refused = vault("managedhsm.azure.net", "pool.managedhsm.azure.net");
        assert!(matches!(refused, Err(ObjectIdError::ManagedHsm(_))));
    }

    #[test]
    fn what_is_no_domain_cannot_be_allowed() {
        for entry in ["*", ".", "https://a.b", "a.b/c", "a b", "a.b:x", "user@a.b", "a..b"] {
            let error = VaultSuffixes::known().allow(&format!("ok.example,{entry}")).unwrap_err();
            assert!(error.to_string().contains(&format!("{entry:?}")), "{error}");
        }
    }
}
