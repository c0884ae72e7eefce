//! A 403: who may not do what, and the command that changes it
//! ([403](https://learn.microsoft.com/azure/key-vault/general/rest-error-codes#http-403-insufficient-permissions)).

use crate::error::ClientError;
use crate::kind::ErrorKind;
use crate::text::one_line;

use super::refusal::Refusal;

impl Refusal<'_> {
    /// The error for a 403 with this inner code and this message.
    pub(super) fn forbidden(&self, inner: &str, message: &str) -> ClientError {
        let (name, vault, host) = (self.id.name(), self.id.vault().name(), self.host());
        let (kind, sentence) = match inner {
            "SecretDisabled" => (
                ErrorKind::SecretDisabled,
                format!(
                    "the newest version of {name} in {host} is disabled, or its certificate is \
                     not complete yet: `az keyvault secret set-attributes --vault-name {vault} \
                     --name {name} --enabled true`, or complete the certificate"
                ),
            ),
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
            "ForbiddenByFirewall" => (
                ErrorKind::ForbiddenByFirewall,
                format!(
                    "the firewall of {host} does not let this machine in: `az keyvault \
                     network-rule add --name {vault} --subnet SUBNET_ID` (or --ip-address with \
                     this machine's outbound address), or a private endpoint"
                ),
            ),
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
    use super::*;

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
