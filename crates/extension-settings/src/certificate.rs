//! One observed certificate, read and completed.

use object_id::{ObjectId, ObjectIdError, VaultSuffixes};

use crate::acl::{Acl, read_acls};
use crate::claims::Claims;
use crate::field::Field;
use crate::identity::Identity;
use crate::invisible;
use crate::outputs::{self, Output};
use crate::placeholder;
use crate::places::Entry;
use crate::reaction::{self, Action, Command, Guards};
use crate::remark::{Remarks, excerpt};
use crate::settings::ObservedCertificate;
use crate::store::{FileLayout, StoreLocation, check_link_name, read_layout, read_link_name};
use crate::verification::{self, Verification};

/// The form of what is wanted.
const URL: &str = "https://VAULT.vault.azure.net/secrets/NAME";

/// What an entry gets where it does not say.
pub(crate) struct Defaults {
    pub(crate) store: StoreLocation,
    pub(crate) layout: FileLayout,
    pub(crate) acls: Vec<Acl>,
    pub(crate) identity: Identity,
}

/// Reads one entry. `None` comes with a problem.
pub(crate) fn read(
    entry: Entry,
    defaults: &Defaults,
    suffixes: &VaultSuffixes,
    remarks: &mut Remarks,
) -> Option<ObservedCertificate> {
    let Entry { path, mut keys, identity } = entry;
    let store = keys
        .take("certificateStoreLocation")
        .and_then(|field| StoreLocation::read(&field, remarks))
        .unwrap_or_else(|| defaults.store.clone());
    let layout = keys
        .take("certificateFileLayout")
        .and_then(|field| read_layout(&field, remarks))
        .unwrap_or(defaults.layout);
    let custom_name =
        keys.take("customSymbolicLinkName").and_then(|field| read_link_name(&field, remarks));
    let acls = keys.take("acls").map(|field| read_acls(field, remarks));
    if let Some(accounts) = keys.take("accounts") {
        let text = "means something on Windows only, ignored: list users and groups in acls";
        remarks.warning(&accounts.path, text);
    }
    let identity = Identity::read(identity, &defaults.identity, remarks);
    let last_mile = LastMile::read(&mut keys, remarks);
    let id = match keys.take("url") {
        Some(url) => read_id(&url, suffixes, remarks)?,
        None => return missing_url(&path, remarks),
    };
    let link_name = match custom_name {
        Some(name) => name,
        None => default_link_name(&id, &path, remarks)?,
    };
    let acls = acls.unwrap_or_else(|| defaults.acls.clone());
    let LastMile { outputs, check, on_renewal, verify, guards, rollback } = last_mile;
    Some(ObservedCertificate {
        id,
        store,
        link_name,
        layout,
        acls,
        identity,
        outputs,
        check,
        on_renewal,
        verify,
        guards,
        rollback,
    })
}

/// What an entry asks for beyond its store.
struct LastMile {
    outputs: Vec<Output>,
    check: Option<Command>,
    on_renewal: Vec<Action>,
    verify: Vec<Verification>,
    guards: Guards,
    rollback: bool,
}

impl LastMile {
    fn read(keys: &mut Claims, remarks: &mut Remarks) -> Self {
        let outputs = keys.take("outputs").map(|field| outputs::read(field, remarks));
        let outputs = outputs.unwrap_or_default();
        let check = keys.take("check").and_then(|field| reaction::read_check(field, remarks));
        let actions = keys.take("onRenewal").map(|field| reaction::read_actions(field, remarks));
        let on_renewal = actions.unwrap_or_default();
        let verify = keys.take("verify").map(|field| verification::read(field, remarks));
        let verify = verify.unwrap_or_default();
        let configured =
            !outputs.is_empty() || check.is_some() || !on_renewal.is_empty() || !verify.is_empty();
        let guards = Guards::read(keys.take("guards"), configured, remarks);
        let rollback = keys.take("rollback").and_then(|field| field.flag(remarks)).unwrap_or(true);
        Self { outputs, check, on_renewal, verify, guards, rollback }
    }
}

fn missing_url<T>(path: &str, remarks: &mut Remarks) -> Option<T> {
    let text = format!("missing: write the URL of the certificate's secret, {URL}");
    remarks.problem(format!("{path}.url"), text);
    None
}

fn read_id(url: &Field, suffixes: &VaultSuffixes, remarks: &mut Remarks) -> Option<ObjectId> {
    let Some(text) = url.value.as_str() else {
        return url.refuse("a URL", remarks);
    };
    let read = |text: &str| ObjectId::parse(text, suffixes).and_then(ObjectId::require_secret);
    let found = match (read(text), with_one_slash(text)) {
        (Err(ObjectIdError::EmptyPart), Some(text)) => read(&text).inspect(|_| {
            let text = "two slashes after the vault's host, read as one: remove one (Terraform's \
                vault_uri ends with a slash)";
            remarks.warning(&url.path, text);
        }),
        (found, _) => found,
    };
    match found {
        Ok(id) => Some(id),
        Err(reason) => {
            let text = match (placeholder::recognise(text.trim()), no_secrets_url(text)) {
                (Some(what), _) => format!("\"{}\" {what}: write {URL}", excerpt(text.trim())),
                (None, Some(what)) => format!("{what}: write {URL}"),
                (None, None) => invisible::objection(text).unwrap_or_else(|| reason.to_string()),
            };
            remarks.problem(&url.path, text);
            None
        }
    }
}

/// The URL with one slash where a host that ends with one was put before `/secrets/`. Slashes
/// further on are left: there a name was left empty.
fn with_one_slash(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let (host, path) = rest.split_once("//")?;
    (!host.contains('/')).then(|| format!("{scheme}://{host}/{path}"))
}

/// What people take for the URL of a secret. Not quoted: a URL can hold a password.
fn no_secrets_url(text: &str) -> Option<&'static str> {
    let text = text.trim().to_ascii_lowercase();
    if text.contains("portal.azure.com") {
        Some("the address of a page in the portal, which shows the Secret Identifier")
    } else if text.starts_with("https://https://") {
        Some("https:// stands twice, since a vault's URI begins with it, too")
    } else if text.matches("://").count() > 1 {
        Some("more than one URL in one text: list them, [\"URL\", \"URL\"]")
    } else if text.starts_with("/subscriptions/") {
        Some("an ARM resource id; `az keyvault certificate show --query sid` prints the URL")
    } else if text.starts_with(['"', '\'']) {
        Some("quotation marks inside the quotation marks of JSON")
    } else if text.contains(".vaultcore.azure.net") {
        Some("the name of a private endpoint, which acts through DNS alone")
    } else {
        None
    }
}

fn default_link_name(id: &ObjectId, path: &str, remarks: &mut Remarks) -> Option<String> {
    let name = ObservedCertificate::default_link_name(id);
    let Err(reason) = check_link_name(&name) else { return Some(name) };
    let text = format!(
        "the link's name, \"{}\", {reason}: give the entry a customSymbolicLinkName",
        excerpt(&name)
    );
    remarks.problem(path, text);
    None
}
