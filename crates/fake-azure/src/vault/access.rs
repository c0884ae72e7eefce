//! Who may do what in a vault, and how it refuses.

use serde::{Deserialize, Serialize};

use crate::identity::{Grant, Identity};

/// Something that is not allowed in a vault. Everything else is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Denial {
    /// Whom it concerns, by the identity's name; everybody if `None`.
    #[serde(default)]
    pub identity: Option<String>,
    /// What it concerns; every operation if `None`.
    #[serde(default)]
    pub operation: Option<Operation>,
    /// In which words the vault refuses.
    pub refusal: Refusal,
}

impl Denial {
    /// Refuses everybody everything.
    #[must_use]
    pub fn all(refusal: Refusal) -> Self {
        Self { identity: None, operation: None, refusal }
    }

    pub(crate) fn concerns(&self, grant: &Grant, operation: Operation) -> bool {
        let Identity { name, .. } = &grant.identity;
        self.identity.as_ref().is_none_or(|identity| identity == name)
            && self.operation.is_none_or(|denied| denied == operation)
    }
}

/// What can be done with secrets.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// Read a secret's value.
    Get,
    /// List secrets, or a secret's versions.
    List,
}

/// Ways to be refused, all with status 403, told apart by the inner error's code.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Refusal {
    /// No role assignment gives the permission.
    ForbiddenByRbac,
    /// No access policy gives the permission.
    AccessDenied,
    /// The vault's firewall does not know the client's address.
    ForbiddenByFirewall,
    /// The vault takes private links only.
    ForbiddenByConnection,
}

impl Refusal {
    /// The inner error's code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::ForbiddenByRbac => "ForbiddenByRbac",
            Self::AccessDenied => "AccessDenied",
            Self::ForbiddenByFirewall => "ForbiddenByFirewall",
            Self::ForbiddenByConnection => "ForbiddenByConnection",
        }
    }

    /// The vault's sentence, with the line ends that it uses.
    pub(crate) fn message(self, vault: &str, grant: &Grant, operation: Operation) -> String {
        let caller = caller(grant);
        let vault = vault.split('.').next().unwrap_or(vault);
        match self {
            Self::ForbiddenByRbac => format!(
                "Caller is not authorized to perform action on resource.\r\nIf role assignments, \
                 deny assignments or role definitions were changed recently, please observe \
                 propagation time.\r\nCaller: {caller}\r\nAction: '{}'\r\nResource: \
                 '/subscriptions/00000000-0000-4000-8000-00000000fa4e/resourcegroups/fake/\
                 providers/microsoft.keyvault/vaults/{vault}'\r\nAssignment: (not found)\r\n\
                 DenyAssignmentId: null\r\nDecisionReason: null \r\nVault: \
                 {vault};location=westeurope\r\n",
                action(operation)
            ),
            Self::AccessDenied => format!(
                "The user, group or application '{caller}' does not have secrets {} permission \
                 on key vault '{vault};location=westeurope'. For help resolving this issue, \
                 please see https://go.microsoft.com/fwlink/?linkid=2125287",
                match operation {
                    Operation::Get => "get",
                    Operation::List => "list",
                }
            ),
            Self::ForbiddenByFirewall => format!(
                "Client address is not authorized and caller is not a trusted service.\r\n\
                 Client address: 203.0.113.7\r\nCaller: {caller}\r\nVault: \
                 {vault};location=westeurope"
            ),
            Self::ForbiddenByConnection => format!(
                "Connection is not an approved private link and caller was ignored because \
                 bypass is not set to 'AzureServices' and PublicNetworkAccess is set to \
                 'Disabled'.\r\nTo set PublicNetworkAccess to 'Enabled', please see \
                 https://go.microsoft.com/fwlink/?linkid=2169090\r\nVault: \
                 {vault};location=westeurope"
            ),
        }
    }
}

fn caller(grant: &Grant) -> String {
    let Identity { client_id, object_id, .. } = &grant.identity;
    let tenant = crate::identity::TENANT;
    format!("appid={client_id};oid={object_id};iss=https://sts.windows.net/{tenant}/")
}

/// The data action that a role must have.
fn action(operation: Operation) -> &'static str {
    match operation {
        Operation::Get => "Microsoft.KeyVault/vaults/secrets/getSecret/action",
        Operation::List => "Microsoft.KeyVault/vaults/secrets/readMetadata/action",
    }
}
