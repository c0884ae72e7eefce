//! Who asks: one credential for each identity that the settings name.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use extension_settings::Identity;
use keyvault_client::{
    AzureArcCredential, EndpointError, Http, IdentityEndpoint, IdentitySelector,
    ManagedIdentityCredential, TokenCredential,
};
use worker_state::{Environment, environment_name as name};

use crate::target::Target;

/// One credential per identity: its token serves all vaults of a cloud.
pub(crate) struct Credentials(HashMap<Identity, Box<dyn TokenCredential>>);

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
        for target in targets {
            if let Entry::Vacant(vacant) = credentials.entry(target.identity.clone()) {
                vacant.insert(credential(&target.identity, machines.as_ref(), http)?);
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

/// Where this machine itself says that its identity service listens. Azure Arc's agent sets both
/// variables for all units ([managed identity on Arc][arc]); one alone may be anybody's.
///
/// [arc]: https://learn.microsoft.com/azure/azure-arc/servers/managed-identity-authentication
fn machines_endpoint(environment: &Environment) -> Option<IdentityEndpoint> {
    let said = environment.value(name::IDENTITY_ENDPOINT);
    let said = said.filter(|_| environment.value(name::IMDS_ENDPOINT).is_some())?;
    IdentityEndpoint::parse(said)
        .inspect_err(|error| log::warn!("{} is not used: {error}", name::IDENTITY_ENDPOINT))
        .ok()
}

fn credential(
    identity: &Identity,
    machines: Option<&IdentityEndpoint>,
    http: &Http,
) -> Result<Box<dyn TokenCredential>, EndpointError> {
    let endpoint = endpoint_beside(identity, machines)?;
    let selector = match &identity.selector {
        extension_settings::IdentitySelector::Unspecified => IdentitySelector::Unspecified,
        extension_settings::IdentitySelector::ClientId(id) => {
            IdentitySelector::ClientId(id.clone())
        }
        extension_settings::IdentitySelector::ResourceId(id) => {
            IdentitySelector::ResourceId(id.clone())
        }
    };
    // Arc's proof makes this process read a file on the other side's word: only the machine, never
    // the settings, says who may ask for it.
    if endpoint.is_arc() || Some(&endpoint) == machines {
        let key_directory = AzureArcCredential::KEY_DIRECTORY.into();
        let http = http.clone();
        return Ok(Box::new(AzureArcCredential::new(http, endpoint, selector, key_directory)));
    }
    Ok(Box::new(ManagedIdentityCredential::new(http.clone(), endpoint, selector)))
}
