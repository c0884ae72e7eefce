//! The machine that suffers: its certificates, where they are to be, and what was ever issued.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;
use std::sync::{Mutex, PoisonError};

use acceptance::{Extension, Package};
use fake_azure::{CertificateSpec, FakeAzure, Issued};
use serde_json::{Value, json};

use crate::plan::{VERSIONS, Wanted, Wish};

/// One certificate, and how its entry in the settings has it.
pub(crate) struct Certificate {
    pub(crate) vault: &'static str,
    pub(crate) name: &'static str,
    store: &'static str,
    layout: Option<&'static str>,
    link: Option<&'static str>,
}

const fn certificate(vault: &'static str, name: &'static str) -> Certificate {
    Certificate { vault, name, store: "store", layout: None, link: None }
}

/// All certificates that settings may observe. Each keeps its place for ever, so that readers may
/// expect its link to stay.
pub(crate) const CERTIFICATES: [Certificate; 8] = [
    certificate("shop", "web"),
    certificate("shop", "api"),
    certificate("shop", "mail"),
    certificate("annex", "web"),
    Certificate { store: "elsewhere", ..certificate("annex", "db") },
    Certificate { link: Some("site.pem"), ..certificate("shop", "site") },
    Certificate { layout: Some("both"), ..certificate("shop", "both") },
    Certificate { layout: Some("split"), ..certificate("annex", "split") },
];

impl Certificate {
    /// The path of its link below the bed's folder, without what the split layout appends.
    pub(crate) fn path(&self) -> String {
        let usual = format!("{}.{}", self.vault, self.name);
        format!("{}/{}", self.store, self.link.unwrap_or(&usual))
    }

    pub(crate) fn has_combined(&self) -> bool {
        self.layout != Some("split")
    }

    pub(crate) fn has_split(&self) -> bool {
        self.layout.is_some()
    }

    fn entry(&self, folder: &std::path::Path) -> Value {
        let mut entry = json!({
            "url": format!("https://{}.vault.azure.net/secrets/{}", self.vault, self.name),
            "certificateStoreLocation": folder.join(self.store),
        });
        if let Some(layout) = self.layout {
            entry["certificateFileLayout"] = json!(layout);
        }
        if let Some(link) = self.link {
            entry["customSymbolicLinkName"] = json!(link);
        }
        entry
    }
}

/// What a file of one version has to hold, as hashes of its text.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    pub(crate) version: String,
    pub(crate) combined: u64,
    pub(crate) chain: u64,
    pub(crate) key: u64,
}

/// Everything that was ever issued, oldest first, by the certificate's path.
#[derive(Default)]
pub(crate) struct Truth(Mutex<BTreeMap<String, Vec<Expected>>>);

impl Truth {
    pub(crate) fn note(&self, certificate: &Certificate, issued: &Issued) {
        let (chain, key) = (issued.chain_pem(), issued.key_pem());
        let expected = Expected {
            version: issued.version.clone(),
            combined: hash(&(chain.clone() + &key)),
            chain: hash(&chain),
            key: hash(&key),
        };
        self.locked().entry(certificate.path()).or_default().push(expected);
    }

    pub(crate) fn of(&self, path: &str) -> Vec<Expected> {
        self.locked().get(path).cloned().unwrap_or_default()
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Vec<Expected>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Names a text, up to empty lines; one that does not end with a line's end has another name.
pub(crate) fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        line.hash(&mut hasher);
    }
    text.ends_with('\n').hash(&mut hasher);
    hasher.finish()
}

/// Where everything is.
pub(crate) struct World {
    pub(crate) folder: PathBuf,
    pub(crate) truth: Truth,
    /// Those that were killed since a worker was started last, or more.
    pub(crate) handlers_killed: AtomicUsize,
    packages: Vec<Package>,
    imds: String,
}

impl World {
    /// Issues the first version of everything.
    pub(crate) fn new(folder: PathBuf, azure: &FakeAzure) -> Self {
        let packages = folder.join("packages");
        std::fs::create_dir(&packages).expect("a folder for packages");
        let packages = VERSIONS.map(|version| Package::ours_as(version, &packages)).into();
        let (truth, handlers_killed) = (Truth::default(), AtomicUsize::new(0));
        let world = Self { folder, truth, handlers_killed, packages, imds: azure.imds_url() };
        for certificate in &CERTIFICATES {
            let spec = CertificateSpec::default();
            let issued = azure.put_certificate(certificate.vault, certificate.name, &spec);
            world.truth.note(certificate, &issued.expect("issued"));
        }
        world
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    pub(crate) fn handler(&self) -> &str {
        self.packages[0].handler()
    }

    /// What is wanted, as a goal state has it.
    pub(crate) fn extension(&self, wanted: &Wanted) -> Extension {
        let package = self.packages.iter().find(|package| package.version() == wanted.version);
        let package = package.expect("every version has a package");
        let extension = Extension::new(package).settings(wanted.number, &self.settings(wanted));
        match wanted.state {
            Wish::Served | Wish::Refused => extension,
            Wish::Disabled => extension.disabled(),
            Wish::Uninstalled => extension.uninstalled(),
        }
    }

    fn settings(&self, wanted: &Wanted) -> Value {
        let entry = |index: &usize| CERTIFICATES[*index].entry(&self.folder);
        let mut observed: Vec<Value> = wanted.observed.iter().map(entry).collect();
        if wanted.state == Wish::Refused {
            observed.push(json!({ "url": "http://shop.vault.azure.net/secrets/insecure" }));
        }
        json!({
            "secretsManagementSettings": {
                "pollingIntervalInS": wanted.interval.to_string(),
                "requireInitialSync": wanted.initial_sync,
                "observedCertificates": observed,
            },
            "authenticationSettings": { "msiEndpoint": self.imds },
        })
    }
}
