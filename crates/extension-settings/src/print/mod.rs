//! From settings back to a document: what [`crate::parse`] reads as the same settings, without a
//! warning, and what the schema describes.

mod last_mile;

use object_id::ObjectId;
use serde_json::{Map, Value, json};

use crate::acl::Acl;
use crate::identity::{Identity, IdentitySelector};
use crate::metrics::{Expiry, Metrics};
use crate::settings::{ObservedCertificate, Retain, Settings};
use crate::store::{FileLayout, StoreLocation};

impl Settings {
    /// The document that says this. Everything is in it that another reader could take otherwise:
    /// store, layout, interval, first sync, access, versions kept. What holds for every
    /// certificate stands once.
    #[must_use]
    pub fn to_document(&self) -> Value {
        let mut root = Map::new();
        root.insert("secretsManagementSettings".into(), secrets(self));
        put(&mut root, "authenticationSettings", identity(&self.identity));
        let logging = self.logging.as_ref().map(|logging| {
            json!({
                "logger": "fluentd", "format": "forward",
                "endpoint": logging.endpoint.to_string(),
                "servicename": logging.service_name,
            })
        });
        put(&mut root, "loggingSettings", logging);
        put(&mut root, "metricsSettings", metrics(&self.metrics));
        Value::Object(root)
    }
}

/// Leaves a key out that has nothing to say.
fn put(object: &mut Map<String, Value>, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        object.insert(key.to_owned(), value.into());
    }
}

fn secrets(settings: &Settings) -> Value {
    let shared = Shared::of(settings);
    let mut secrets = Map::new();
    let interval = settings.polling_interval.as_secs();
    secrets.insert("pollingIntervalInS".into(), interval.into());
    secrets.insert("requireInitialSync".into(), settings.require_initial_sync.into());
    secrets.insert("aclEnabled".into(), settings.acl_enabled.into());
    let retain = match settings.retain_versions {
        Retain::All => 0,
        Retain::Versions(number) => number,
    };
    secrets.insert("retainVersions".into(), retain.into());
    put(&mut secrets, "certificateStoreLocation", shared.store.map(store));
    put(&mut secrets, "certificateFileLayout", shared.layout.and_then(layout));
    put(&mut secrets, "onRenewal", last_mile::actions(&settings.on_renewal));
    if settings.expiry != Expiry::default() {
        let Expiry { warning_percent, error_percent } = settings.expiry;
        secrets.insert("expiryWarningInPercent".into(), warning_percent.into());
        secrets.insert("expiryErrorInPercent".into(), error_percent.into());
    }
    let entries = settings.certificates.iter().map(|one| entry(one, &shared, &settings.identity));
    secrets.insert("observedCertificates".into(), entries.collect());
    Value::Object(secrets)
}

/// What all certificates have in common, so that it need not stand in every entry.
struct Shared<'s> {
    store: Option<&'s StoreLocation>,
    layout: Option<FileLayout>,
}

impl<'s> Shared<'s> {
    fn of(settings: &'s Settings) -> Self {
        let all = &settings.certificates;
        let first = all.first();
        Self {
            store: first.map(|one| &one.store).filter(|it| all.iter().all(|c| c.store == **it)),
            layout: first.map(|one| one.layout).filter(|it| all.iter().all(|c| c.layout == *it)),
        }
    }
}

fn entry(certificate: &ObservedCertificate, shared: &Shared<'_>, others: &Identity) -> Value {
    let mut entry = Map::new();
    let id = &certificate.id;
    entry.insert("url".into(), url(id).into());
    let own_store = shared.store.is_none().then(|| store(&certificate.store));
    put(&mut entry, "certificateStoreLocation", own_store);
    let named = certificate.link_name != ObservedCertificate::default_link_name(id);
    put(&mut entry, "customSymbolicLinkName", named.then(|| certificate.link_name.clone()));
    let own_layout = if shared.layout.is_none() { layout(certificate.layout) } else { None };
    put(&mut entry, "certificateFileLayout", own_layout);
    put(&mut entry, "acls", acls(&certificate.acls));
    if certificate.identity != *others {
        put(&mut entry, "authenticationOverride", identity(&certificate.identity));
    }
    last_mile::put_all(&mut entry, certificate);
    Value::Object(entry)
}

/// The URL with the vault's name as it was typed: files are called after that.
fn url(id: &ObjectId) -> String {
    let (url, name) = (id.to_string(), id.vault().name());
    let typed = url.strip_prefix("https://").and_then(|rest| {
        let begins = rest.get(..name.len())?.eq_ignore_ascii_case(name);
        begins.then(|| format!("https://{name}{}", &rest[name.len()..]))
    });
    typed.unwrap_or(url)
}

fn store(store: &StoreLocation) -> String {
    let StoreLocation::Directory { path, .. } = store;
    path.to_string_lossy().into_owned()
}

fn layout(layout: FileLayout) -> Option<&'static str> {
    match layout {
        FileLayout::Unstated => None,
        FileLayout::Combined => Some("combined"),
        FileLayout::Split => Some("split"),
        FileLayout::Both => Some("both"),
    }
}

fn acls(acls: &[Acl]) -> Option<Value> {
    let one = |acl: &Acl| {
        let mut one = Map::new();
        put(&mut one, "user", acl.user.clone());
        put(&mut one, "group", acl.group.clone());
        Value::Object(one)
    };
    (!acls.is_empty()).then(|| acls.iter().map(one).collect())
}

fn identity(identity: &Identity) -> Option<Value> {
    let mut keys = Map::new();
    put(&mut keys, "msiEndpoint", identity.endpoint.as_ref().map(ToString::to_string));
    let selector = match &identity.selector {
        IdentitySelector::Unspecified => None,
        IdentitySelector::ClientId(id) | IdentitySelector::ResourceId(id) => Some(id.clone()),
    };
    put(&mut keys, "msiClientId", selector);
    (!keys.is_empty()).then_some(Value::Object(keys))
}

fn metrics(metrics: &Metrics) -> Option<Value> {
    let mut keys = Map::new();
    let textfile = metrics.textfile.as_ref().map(|path| path.to_string_lossy().into_owned());
    put(&mut keys, "textfile", textfile);
    put(&mut keys, "listen", metrics.listen.map(|address| address.to_string()));
    (!keys.is_empty()).then_some(Value::Object(keys))
}
