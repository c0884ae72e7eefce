//! Managed identities of the imagined machine, and the tokens that stand for them.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::clock::seconds;
use crate::identifier::{guid, guid_for};

/// The tenant of every identity and vault.
pub(crate) const TENANT: &str = "72f988bf-0000-4000-8000-00000000fa4e";
const SUBSCRIPTION: &str = "00000000-0000-4000-8000-00000000fa4e";

/// A managed identity. Its ids follow from its name, so they can be written into settings
/// before anything runs.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Identity {
    /// What it is called; unique.
    pub name: String,
    /// Whether it is the machine's own or assigned to it.
    pub kind: IdentityKind,
    /// The application's id, the `client_id` of requests.
    pub client_id: String,
    /// The service principal's id, the `object_id` of requests and the `oid` of tokens.
    pub object_id: String,
    /// The Azure resource: the machine, or the user-assigned identity.
    pub resource_id: String,
}

/// Kinds of managed identity.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdentityKind {
    /// The machine's own.
    SystemAssigned,
    /// One of those assigned to it.
    UserAssigned,
}

impl Identity {
    /// The identity of a machine of this name.
    #[must_use]
    pub fn system_assigned(machine: &str) -> Self {
        let kind = IdentityKind::SystemAssigned;
        Self::new(machine, kind, &format!("Microsoft.Compute/virtualMachines/{machine}"))
    }

    /// A user-assigned identity of this name.
    #[must_use]
    pub fn user_assigned(name: &str) -> Self {
        let path = format!("Microsoft.ManagedIdentity/userAssignedIdentities/{name}");
        Self::new(name, IdentityKind::UserAssigned, &path)
    }

    fn new(name: &str, kind: IdentityKind, path: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            client_id: guid_for(&format!("client {path}")),
            object_id: guid_for(&format!("object {path}")),
            resource_id: format!(
                "/subscriptions/{SUBSCRIPTION}/resourcegroups/fake/providers/{path}"
            ),
        }
    }
}

/// What a token stands for.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) identity: Identity,
    /// The audience.
    pub(crate) resource: String,
    /// Seconds since 1970.
    pub(crate) issued: u64,
    /// Seconds since 1970.
    pub(crate) expires: u64,
}

/// The tokens that are out.
///
/// Azure keeps a token for each identity and resource and hands the same one out again until it
/// comes close to its end; a refresh cannot be forced
/// (<https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/managed-identities-faq>).
/// So does this, until half of the lifetime is over.
pub(crate) struct Tokens {
    pub(crate) lifetime: Duration,
    issued: HashMap<String, Grant>,
    current: HashMap<(String, String), String>,
}

impl Tokens {
    pub(crate) fn new(lifetime: Duration) -> Self {
        Self { lifetime, issued: HashMap::new(), current: HashMap::new() }
    }

    /// The token for this identity and resource, new or kept.
    pub(crate) fn token(
        &mut self,
        identity: &Identity,
        resource: &str,
        now: SystemTime,
    ) -> (String, Grant) {
        let now = seconds(now);
        let slot = (identity.object_id.clone(), resource.to_owned());
        if let Some(token) = self.current.get(&slot)
            && let Some(grant) = self.issued.get(token)
            && grant.expires.saturating_sub(now) > self.lifetime.as_secs() / 2
        {
            return (token.clone(), grant.clone());
        }
        let grant = Grant {
            identity: identity.clone(),
            resource: resource.to_owned(),
            issued: now,
            expires: now + self.lifetime.as_secs(),
        };
        let token = written(&grant);
        self.issued.insert(token.clone(), grant.clone());
        self.current.insert(slot, token.clone());
        (token, grant)
    }

    /// What this token stands for; `None` for one that is not from here or was revoked.
    pub(crate) fn grant(&self, token: &str) -> Option<&Grant> {
        self.issued.get(token)
    }

    /// Forgets all tokens: the vaults refuse those that are out, and new ones are made.
    pub(crate) fn revoke(&mut self) {
        self.issued.clear();
        self.current.clear();
    }
}

/// A token in the form of a JSON web token (RFC 7519), with the claims that managed identities'
/// tokens have. Nobody can check its signature: it is random.
fn written(grant: &Grant) -> String {
    let header = json!({ "typ": "JWT", "alg": "RS256", "kid": "fake" });
    let claims = json!({
        "aud": grant.resource,
        "iss": format!("https://sts.windows.net/{TENANT}/"),
        "iat": grant.issued,
        "nbf": grant.issued,
        "exp": grant.expires,
        "appid": grant.identity.client_id,
        "appidacr": "2",
        "idtyp": "app",
        "oid": grant.identity.object_id,
        "sub": grant.identity.object_id,
        "tid": TENANT,
        "uti": guid(),
        "ver": "1.0",
        "xms_mirid": grant.identity.resource_id,
    });
    let signature: [u8; 32] = std::array::from_fn(|_| fastrand::u8(..));
    [header.to_string().as_bytes(), claims.to_string().as_bytes(), &signature]
        .map(|part| URL_SAFE_NO_PAD.encode(part))
        .join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    const VAULT: &str = "https://vault.azure.net";

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn the_same_token_is_handed_out_until_half_its_life_is_over() {
        let mut tokens = Tokens::new(Duration::from_secs(1000));
        let machine = Identity::system_assigned("vm");
        let first = tokens.token(&machine, VAULT, at(0)).0;
        assert_eq!(tokens.token(&machine, VAULT, at(499)).0, first);
        assert_ne!(tokens.token(&machine, VAULT, at(500)).0, first);
    }

    #[test]
    fn identities_and_resources_have_their_own_tokens() {
        let mut tokens = Tokens::new(Duration::from_secs(1000));
        let (one, other) = (Identity::user_assigned("one"), Identity::user_assigned("other"));
        let mut all = vec![
            tokens.token(&one, VAULT, at(0)).0,
            tokens.token(&other, VAULT, at(0)).0,
            tokens.token(&one, "https://management.azure.com", at(0)).0,
        ];
        all.dedup();
        assert_eq!(all.len(), 3);
    }

    #[test]
    fn a_token_reads_as_a_web_token_that_names_its_identity() {
        let machine = Identity::system_assigned("vm");
        let token = Tokens::new(Duration::from_secs(9)).token(&machine, VAULT, at(0)).0;
        let claims = token.split('.').nth(1).unwrap();
        let claims = URL_SAFE_NO_PAD.decode(claims).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!(claims["oid"], machine.object_id);
        assert_eq!(claims["xms_mirid"], machine.resource_id);
        assert_eq!(claims["aud"], VAULT);
    }

    #[test]
    fn revoked_tokens_stand_for_nothing() {
        let mut tokens = Tokens::new(Duration::from_secs(1000));
        let token = tokens.token(&Identity::system_assigned("vm"), VAULT, at(0)).0;
        tokens.revoke();
        assert!(tokens.grant(&token).is_none());
    }
}
