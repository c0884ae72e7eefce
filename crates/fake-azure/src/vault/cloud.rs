//! Hosts: which are vaults, in which cloud, and what a token for them must be for.

/// Vault suffixes of Azure's clouds
/// (<https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates>).
const CLOUDS: [&str; 4] =
    ["vault.azure.net", "vault.azure.cn", "vault.usgovcloudapi.net", "vault.microsoftazure.de"];

/// The one vault that is reached by an address instead of a name below a suffix.
pub(crate) const LOCAL: &str = "localhost";

/// The suffixes that are vaults here: Azure's and the ones that a test adds.
pub(crate) fn suffixes(added: &[String]) -> Vec<String> {
    CLOUDS.iter().map(|suffix| (*suffix).to_owned()).chain(added.iter().cloned()).collect()
}

/// A vault's host from how a person names it: `contoso` is in the public cloud.
pub(crate) fn host_of(vault: &str) -> String {
    let vault = vault.to_ascii_lowercase();
    match vault.contains('.') || vault == LOCAL {
        true => vault,
        false => format!("{vault}.{}", CLOUDS[0]),
    }
}

/// The vault's host from an authority: without the port, and all addresses of this machine as
/// one name.
pub(crate) fn host_in(authority: &str) -> String {
    let authority = authority.to_ascii_lowercase();
    let end = match authority.rfind(']') {
        Some(bracket) => bracket + 1,
        None => authority.rfind(':').unwrap_or(authority.len()),
    };
    match &authority[..end] {
        "127.0.0.1" | "[::1]" => LOCAL.to_owned(),
        host => host.to_owned(),
    }
}

/// The resource that tokens for this host are asked for: its cloud's suffix, or for a vault
/// outside all clouds the host itself.
pub(crate) fn resource_of(host: &str, suffixes: &[String]) -> String {
    let cloud = suffixes.iter().find(|suffix| is_below(host, suffix));
    format!("https://{}", cloud.map_or(host, String::as_str))
}

/// Whether the host is a name right below this suffix.
pub(crate) fn is_below(host: &str, suffix: &str) -> bool {
    host.strip_suffix(suffix).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_name_is_a_vault_in_the_public_cloud() {
        assert_eq!(host_of("Contoso"), "contoso.vault.azure.net");
        assert_eq!(host_of("contoso.vault.azure.cn"), "contoso.vault.azure.cn");
        assert_eq!(host_of("localhost"), "localhost");
    }

    #[test]
    fn every_address_of_this_machine_is_one_vault() {
        for authority in ["localhost:8443", "127.0.0.1:8443", "[::1]:8443", "localhost"] {
            assert_eq!(host_in(authority), "localhost");
        }
        assert_eq!(host_in("Contoso.vault.azure.net:443"), "contoso.vault.azure.net");
    }

    #[test]
    fn the_resource_is_the_suffix() {
        let suffixes = suffixes(&["vault.example.test".to_owned()]);
        let resource = |host| resource_of(host, &suffixes);
        assert_eq!(resource("contoso.vault.azure.net"), "https://vault.azure.net");
        assert_eq!(resource("contoso.vault.azure.cn"), "https://vault.azure.cn");
        assert_eq!(resource("contoso.vault.example.test"), "https://vault.example.test");
        assert_eq!(resource("localhost"), "https://localhost");
        assert_eq!(resource("evilvault.azure.net"), "https://evilvault.azure.net");
    }
}
