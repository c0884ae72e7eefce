//! A 403: who may not do what, and the command that changes it
//! ([403](https://learn.microsoft.com/azure/key-vault/general/rest-error-codes#http-403-insufficient-permissions)).

use std::net::IpAddr;

use crate::error::ClientError;
use crate::kind::ErrorKind;
use crate::text::one_line;

use super::refusal::Refusal;

impl Refusal<'_> {
    /// The error for a 403 with this inner code and this message.
    pub(super) fn forbidden(&self, inner: &str, message: &str) -> ClientError {
        let (vault, host) = (self.id.vault().name(), self.host());
        let (kind, sentence) = match inner {
            "SecretDisabled" => (ErrorKind::SecretDisabled, self.disabled()),
            "ForbiddenByRbac" => (ErrorKind::ForbiddenByRbac, self.needs_role(message)),
            "AccessDenied" => (
                ErrorKind::AccessDenied,
                format!(
                    "{} may not read secrets in {host}: `az keyvault set-policy --name {vault} \
                     --object-id {} --secret-permissions get`",
                    self.who(),
                    self.object_id()
                ),
            ),
            "ForbiddenByFirewall" => (ErrorKind::ForbiddenByFirewall, self.shut_out(message)),
            "ForbiddenByConnection" => (
                ErrorKind::ForbiddenByConnection,
                format!(
                    "{host} lets private links in only: give this machine's network a private \
                     endpoint to the vault, with its DNS zone, or `az keyvault update --name \
                     {vault} --public-network-access Enabled`"
                ),
            ),
            "ForbiddenByPolicy" => (
                ErrorKind::ForbiddenByPolicy,
                format!("an Azure policy forbids the request to {host}: ask who governs it"),
            ),
            other => (ErrorKind::Forbidden, self.otherwise_forbidden(other)),
        };
        ClientError::new(kind, sentence)
    }

    /// Without a version the command changes the newest, which need not be the one asked for.
    fn disabled(&self) -> String {
        let (name, vault, host) = (self.id.name(), self.id.vault().name(), self.host());
        match self.id.version() {
            Some(version) => format!(
                "version {version} of {name} in {host} is disabled: `az keyvault secret \
                 set-attributes --vault-name {vault} --name {name} --version {version} --enabled \
                 true`, or leave the version out of the URL to follow the newest"
            ),
            None => format!(
                "the newest version of {name} in {host} is disabled, or its certificate is not \
                 complete yet: `az keyvault secret set-attributes --vault-name {vault} --name \
                 {name} --enabled true`, or complete the certificate"
            ),
        }
    }

    fn needs_role(&self, message: &str) -> String {
        let scope = match vault_resource(message) {
            Some(id) => id.to_owned(),
            None => format!(
                "\"$(az keyvault show --name {} --query id --output tsv)\"",
                self.id.vault().name()
            ),
        };
        format!(
            "{} has no role that lets it read secrets in {}: `az role assignment create --role \
             \"Key Vault Secrets User\" --assignee-object-id {} --assignee-principal-type \
             ServicePrincipal --scope {scope}`; it takes some minutes to act",
            self.who(),
            self.host(),
            self.object_id()
        )
    }

    fn shut_out(&self, message: &str) -> String {
        let (host, vault) = (self.host(), self.id.vault().name());
        let rule = format!("`az keyvault network-rule add --name {vault}");
        match client_address(message) {
            // A private address comes from a subnet, and rules for addresses take public ones only.
            Some(address) if !is_private(address) => format!(
                "the firewall of {host} does not let this machine in, whose address is {address} \
                 to it: {rule} --ip-address {address}` (or --subnet SUBNET_ID), or a private \
                 endpoint"
            ),
            _ => format!(
                "the firewall of {host} does not let this machine in: {rule} --subnet SUBNET_ID` \
                 (or --ip-address with this machine's outbound address), or a private endpoint"
            ),
        }
    }

    fn otherwise_forbidden(&self, inner: &str) -> String {
        let code = one_line(inner, 60);
        let code = if code.is_empty() { String::new() } else { format!(", {code}") };
        format!(
            "{} refuses to hand out {} (403{code}): check the vault's access control and \
             networking for {}",
            self.host(),
            self.id.name(),
            self.who()
        )
    }
}

/// The address that the vault saw (`Client address: 203.0.113.7`).
fn client_address(message: &str) -> Option<IpAddr> {
    let (_, rest) = message.split_once("Client address: ")?;
    rest.split_whitespace().next()?.parse().ok()
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private(),
        IpAddr::V6(address) => address.is_unique_local(),
    }
}

/// The vault's resource id, which messages about roles name (`Resource: '/subscriptions/…'`).
/// It becomes part of a command to type, so it must be nothing but a resource id.
fn vault_resource(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("Resource: '")?;
    let (id, _) = rest.split_once('\'')?;
    let vault = id.to_ascii_lowercase().find("/vaults/")? + "/vaults/".len();
    let end = id[vault..].find('/').map_or(id.len(), |at| vault + at);
    let id = &id[..end];
    let is_plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.()".contains(&byte));
    (is_plain && id.len() <= 300 && id.starts_with("/subscriptions/")).then_some(id)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use object_id::{ObjectId, VaultSuffixes};
    use zeroize::Zeroizing;

    use super::*;
    use crate::credential::AccessToken;

    /// The sentence of a 403 for an identity and a vault with these resource ids.
    fn sentence(inner: &str, message: &str, identity: &str) -> String {
        use base64::Engine;
        let guid = "4633458b-17de-408a-b874-0445c86b69e6";
        let claims = format!(r#"{{"oid":"{guid}","xms_mirid":"{identity}"}}"#);
        let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(claims);
        let text = Zeroizing::new(format!("a.{claims}.c"));
        let token = AccessToken::new(text, SystemTime::UNIX_EPOCH, Duration::from_secs(60));
        let url = format!(
            "https://{}.vault.usgovcloudapi.net/secrets/{}",
            "v".repeat(24),
            "n".repeat(127)
        );
        let id = ObjectId::parse(&url, &VaultSuffixes::known()).unwrap();
        let now = SystemTime::UNIX_EPOCH;
        Refusal { id: &id, token: Some(&token), now }.forbidden(inner, message).to_string()
    }

    #[test]
    fn the_longest_command_to_type_fits_into_a_substatus() {
        let guid = "4633458b-17de-408a-b874-0445c86b69e6";
        let group = format!("/subscriptions/{guid}/resourceGroups/{}", "g".repeat(90));
        let vault = format!("{group}/providers/Microsoft.KeyVault/vaults/{}", "v".repeat(24));
        let identity = "providers/Microsoft.ManagedIdentity/userAssignedIdentities";
        for identity in
            [format!("{group}/{identity}/{}", "i".repeat(80)), "/subscriptions/1".into()]
        {
            let message = format!("Action: 'x'\r\nResource: '{vault}'\r\n");
            let said = sentence("ForbiddenByRbac", &message.replace("\\r\\n", " "), &identity);
            assert!(
                said.contains(&identity) && said.contains(&format!("--scope {vault}`")),
                "{said}"
            );
            assert!(said.len() <= 1000, "{}: {said}", said.len());
        }
    }

    #[test]
    fn the_address_that_the_vault_saw_is_part_of_the_command() {
        let told = |message: &str| sentence("ForbiddenByFirewall", message, "/subscriptions/1");
        let seen =
            told("Client address is not authorized.\r\nClient address: 203.0.113.7\r\nCaller: x");
        assert!(seen.contains("--ip-address 203.0.113.7`"), "{seen}");
        let seen = told("Client address: 2001:db8::7\r\n");
        assert!(seen.contains("--ip-address 2001:db8::7`"), "{seen}");
        for message in ["Client address: 10.0.0.4\r\n", "Client address: $(reboot)", ""] {
            let said = told(message);
            assert!(said.contains("--subnet SUBNET_ID` (or --ip-address with"), "{said}");
            assert!(!said.contains("reboot"));
        }
    }

    #[test]
    fn the_vaults_resource_id_is_taken_from_the_message_if_it_is_one() {
        let id = "/subscriptions/1/resourcegroups/g/providers/microsoft.keyvault/vaults/v";
        for (message, found) in [
            (format!("Action: 'x'\r\nResource: '{id}'\r\nAssignment: (not found)"), Some(id)),
            (format!("Resource: '{id}/secrets/x'"), Some(id)),
            ("Resource: '/subscriptions/$(reboot)/vaults/v'".to_owned(), None),
            ("Resource: '/subscriptions/1/vaults'".to_owned(), None),
            (format!("Resource: '{id}"), None),
            ("Resource: '/vaults/'".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(vault_resource(&message), found, "{message}");
        }
    }
}
