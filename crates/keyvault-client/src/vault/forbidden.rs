//! A 403: who may not do what, and the command that changes it
//! ([403](https://learn.microsoft.com/azure/key-vault/general/rest-error-codes#http-403-insufficient-permissions)).

use crate::error::ClientError;
use crate::kind::ErrorKind;
use crate::text::one_line;

use super::refusal::Refusal;

impl Refusal<'_> {
    /// The error for a 403 with this inner code.
    pub(super) fn forbidden(&self, inner: &str) -> ClientError {
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
            "ForbiddenByRbac" => (ErrorKind::ForbiddenByRbac, self.needs_role()),
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

    fn needs_role(&self) -> String {
        format!(
            "{} has no role that lets it read secrets in {}: `az role assignment create --role \
             \"Key Vault Secrets User\" --assignee-object-id {} --assignee-principal-type \
             ServicePrincipal --scope \"$(az keyvault show --name {} --query id --output tsv)\"`; \
             it takes some minutes to act",
            self.who(),
            self.host(),
            self.object_id(),
            self.id.vault().name()
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
