//! What has to be asked, each once, however many certificates need it. Pure.

use std::path::PathBuf;

use extension_settings::Identity;
use object_id::ObjectId;

use crate::target::Target;

/// Identities, vaults and stores, in the order of the settings.
#[derive(Debug)]
pub(super) struct Itinerary {
    pub(super) identities: Vec<Identity>,
    /// For each vault a secret in it that is wanted.
    pub(super) vaults: Vec<ObjectId>,
    pub(super) stores: Vec<PathBuf>,
}

impl Itinerary {
    pub(super) fn of(targets: &[Target]) -> Self {
        let mut itinerary = Self { identities: Vec::new(), vaults: Vec::new(), stores: Vec::new() };
        for target in targets {
            if !itinerary.identities.contains(&target.identity) {
                itinerary.identities.push(target.identity.clone());
            }
            let host = target.id.vault().host();
            if itinerary.vaults.iter().all(|id| id.vault().host() != host) {
                itinerary.vaults.push(target.id.clone());
            }
            if !itinerary.stores.contains(&target.store()) {
                itinerary.stores.push(target.store());
            }
        }
        itinerary
    }
}

/// What tokens of `identity` have to be for: the resource of each of its vaults, once, as
/// `resource` knows them.
pub(super) fn resources(
    targets: &[Target],
    identity: &Identity,
    resource: impl Fn(&ObjectId) -> Option<String>,
) -> Vec<String> {
    let mut resources = Vec::new();
    for target in targets.iter().filter(|target| target.identity == *identity) {
        if let Some(resource) = resource(&target.id).filter(|one| !resources.contains(one)) {
            resources.push(resource);
        }
    }
    resources
}

#[cfg(test)]
mod tests {
    use extension_settings::VaultSuffixes;
    use serde_json::json;

    use super::*;
    use crate::target::targets;

    #[test]
    fn what_several_certificates_share_is_asked_once() {
        let other = "0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0";
        let document = json!({"observedCertificates": [
            "https://contoso.vault.azure.net/secrets/web",
            {"url": "https://fabrikam.vault.azure.cn/secrets/web", "msiClientId": other},
            "https://CONTOSO.vault.azure.net/secrets/api",
            "https://contoso.vault.azure.cn/secrets/api",
        ]});
        let parsed = extension_settings::parse(&document, &VaultSuffixes::known()).unwrap();
        let (targets, _) = targets(&parsed.settings, reaction::Permission::None);
        let itinerary = Itinerary::of(&targets);
        assert_eq!((itinerary.identities.len(), itinerary.stores.len()), (2, 1));
        let hosts: Vec<&str> = itinerary.vaults.iter().map(|id| id.vault().host()).collect();
        let expected =
            ["contoso.vault.azure.net", "fabrikam.vault.azure.cn", "contoso.vault.azure.cn"];
        assert_eq!(hosts, expected);
        let known = |id: &ObjectId| id.vault().resource().map(str::to_owned);
        let own = resources(&targets, &itinerary.identities[0], known);
        assert_eq!(own, ["https://vault.azure.net", "https://vault.azure.cn"]);
    }
}
