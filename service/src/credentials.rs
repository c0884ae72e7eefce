//! Who asks: one credential for each identity that the settings name.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use extension_settings::Identity;
use keyvault_client::{
    AzureArcCredential, EndpointError, Http, IdentityEndpoint, IdentitySelector,
    ManagedIdentityCredential, TokenCredential,
};
use worker_state::{Environment, environment_name as name};

use crate::target::Target;

/// One credential per identity and endpoint: its token serves all vaults of a cloud.
pub(crate) struct Credentials(HashMap<Identity, Arc<dyn TokenCredential>>);

impl Credentials {
    /// Asks nobody yet; `targets` say which identities there are.
    ///
    /// # Errors
    /// An identity endpoint that cannot be used.
    pub(crate) fn new<'a>(
        targets: impl Iterator<Item = &'a Target>,
        environment: &Environment,
        http: &Http,
    ) -> Result<Self, EndpointError> {
        let machines = machines_endpoint(environment);
        let mut credentials = HashMap::new();
        // One entry may write out what another leaves open.
        let mut made = HashMap::new();
        for target in targets {
            if let Entry::Vacant(vacant) = credentials.entry(target.identity.clone()) {
                let endpoint = endpoint_beside(&target.identity, machines.as_ref())?;
                let asker = (endpoint, selector(&target.identity.selector));
                let make = |(endpoint, selector): &(IdentityEndpoint, IdentitySelector)| {
                    credential(endpoint, selector, machines.as_ref(), http)
                };
                let credential = made.entry(asker).or_insert_with_key(make);
                vacant.insert(Arc::clone(credential));
            }
        }
        Ok(Self(credentials))
    }

    /// The credential of an identity that one of the targets has.
    pub(crate) fn of(&self, identity: &Identity) -> Option<&dyn TokenCredential> {
        self.0.get(identity).map(AsRef::as_ref)
    }
}

/// Where tokens of an identity come from.
///
/// # Errors
/// The settings' endpoint cannot be used.
pub(crate) fn endpoint(
    identity: &Identity,
    environment: &Environment,
) -> Result<IdentityEndpoint, EndpointError> {
    endpoint_beside(identity, machines_endpoint(environment).as_ref())
}

fn endpoint_beside(
    identity: &Identity,
    machines: Option<&IdentityEndpoint>,
) -> Result<IdentityEndpoint, EndpointError> {
    match (&identity.endpoint, machines) {
        (Some(endpoint), _) => IdentityEndpoint::parse(endpoint.url()),
        (None, Some(machines)) => Ok(machines.clone()),
        (None, None) => Ok(IdentityEndpoint::default()),
    }
}

/// The identity service of Azure Arc's agent, where it is installed.
const ARC_SERVICE: &str = "/opt/azcmagent/bin/himds";
const ARC_ENDPOINT: &str = "http://localhost:40342/metadata/identity/oauth2/token";

/// Where this machine itself says that its identity service listens. Azure Arc's agent may set both
/// variables ([managed identity on Arc][arc]; one alone may be anybody's), but on Linux they reach
/// no service by default: there Microsoft's clients look for the agent itself, and so does this.
///
/// [arc]: https://learn.microsoft.com/azure/azure-arc/servers/managed-identity-authentication
fn machines_endpoint(environment: &Environment) -> Option<IdentityEndpoint> {
    let said = environment.value(name::IDENTITY_ENDPOINT);
    let Some(said) = said.filter(|_| environment.value(name::IMDS_ENDPOINT).is_some()) else {
        return std::path::Path::new(ARC_SERVICE)
            .exists()
            .then(|| IdentityEndpoint::parse(ARC_ENDPOINT).ok())
            .flatten();
    };
    IdentityEndpoint::parse(said)
        .inspect_err(|error| log::warn!("{} is not used: {error}", name::IDENTITY_ENDPOINT))
        .ok()
}

fn selector(selector: &extension_settings::IdentitySelector) -> IdentitySelector {
    match selector {
        extension_settings::IdentitySelector::Unspecified => IdentitySelector::Unspecified,
        extension_settings::IdentitySelector::ClientId(id) => {
            IdentitySelector::ClientId(id.clone())
        }
        extension_settings::IdentitySelector::ResourceId(id) => {
            IdentitySelector::ResourceId(id.clone())
        }
    }
}

fn credential(
    endpoint: &IdentityEndpoint,
    selector: &IdentitySelector,
    machines: Option<&IdentityEndpoint>,
    http: &Http,
) -> Arc<dyn TokenCredential> {
    let (http, selector) = (http.clone(), selector.clone());
    // Arc's proof makes this process read a file on the other side's word: only the machine, never
    // the settings, says who may ask for it.
    let is_arc = endpoint.is_arc() || Some(endpoint) == machines;
    let endpoint = endpoint.clone();
    if is_arc {
        let key_directory = AzureArcCredential::KEY_DIRECTORY.into();
        return Arc::new(AzureArcCredential::new(http, endpoint, selector, key_directory));
    }
    Arc::new(ManagedIdentityCredential::new(http, endpoint, selector))
}

#[cfg(test)]
mod tests {
    use extension_settings::VaultSuffixes;
    use keyvault_client::Network;
    use serde_json::json;

    use super::*;
    use crate::target::targets;

    #[test]
    fn what_one_entry_leaves_open_and_another_writes_out_shares_its_token() {
        let guid = "0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0";
        let url = |name: &str| format!("https://contoso.vault.azure.net/secrets/{name}");
        let document = json!({"observedCertificates": [
            url("open"),
            {"url": url("same"), "msiEndpoint": "http://127.0.0.1:4000/x/oauth2/token"},
            {"url": url("other"), "msiClientId": guid},
        ]});
        let parsed = extension_settings::parse(&document, &VaultSuffixes::known()).unwrap();
        let (targets, _) = targets(&parsed.settings, reaction::Permission::None);
        let http = Http::new(Network::default()).unwrap();
        // Named, so that it does not matter what is installed where this test runs.
        let named = [
            (name::IDENTITY_ENDPOINT, "http://127.0.0.1:4000/x"),
            (name::IMDS_ENDPOINT, "http://127.0.0.1:4000"),
        ];
        let named = named.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let environment = Environment::of(named);
        let credentials = Credentials::new(targets.iter(), &environment, &http).unwrap();
        let place = |target: &Target| {
            let credential = credentials.of(&target.identity).unwrap();
            std::ptr::from_ref(credential).cast::<()>()
        };
        assert_eq!(place(&targets[0]), place(&targets[1]));
        assert_ne!(place(&targets[0]), place(&targets[2]));
    }
}
