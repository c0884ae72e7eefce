//! A machine in a folder, with an imagined Azure around it.

use std::path::PathBuf;

use fake_azure::{CertificateSpec, FakeAzure, Issued, Options};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::bed::{Bed, Ran};

/// What a plain secret holds that must never be printed.
pub(crate) const PASSWORD: &str = "hunter2-is-no-certificate";

pub(crate) struct World {
    pub(crate) azure: FakeAzure,
    pub(crate) bed: Bed,
    issued: Vec<Issued>,
    _folder: TempDir,
}

impl World {
    /// A machine with a system-assigned identity, behind a proxy that leads to the vault
    /// `contoso` with the certificate `web`.
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Options)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = Options::new(folder.path());
        change(&mut options);
        let azure = FakeAzure::start(options).unwrap();
        let mut bed = Bed::new();
        bed.set("HTTPS_PROXY", &azure.proxy_url());
        bed.set("SSL_CERT_FILE", azure.ca_file().to_str().unwrap());
        let mut world = Self { azure, bed, issued: Vec::new(), _folder: folder };
        world.put("web", &CertificateSpec::default());
        world
    }

    /// Puts a certificate into the vault `contoso`.
    pub(crate) fn put(&mut self, name: &str, spec: &CertificateSpec) -> String {
        let issued = self.azure.put_certificate("contoso", name, spec).unwrap();
        let version = issued.version.clone();
        self.issued.push(issued);
        version
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.bed.path("store")
    }

    /// Settings for these certificates, with the imagined identity endpoint.
    pub(crate) fn settings(&self, certificates: Value) -> Value {
        json!({
            "secretsManagementSettings": {
                "certificateStoreLocation": self.store(),
                "observedCertificates": certificates,
            },
            "authenticationSettings": {"msiEndpoint": self.azure.imds_url()},
        })
    }

    /// Has the doctor look at the certificate `web`.
    #[track_caller]
    pub(crate) fn doctor(&self) -> Ran {
        self.doctor_of(&self.settings(json!(["https://contoso.vault.azure.net/secrets/web"])))
    }

    /// Has the doctor look at these settings, as text and as a document; neither may hold a
    /// secret or change the disk.
    #[track_caller]
    pub(crate) fn doctor_of(&self, settings: &Value) -> Ran {
        self.bed.write("settings.json", settings.to_string());
        let text = self.bed.look(&["doctor", "--settings", "settings.json"]);
        let json = self.bed.look(&["doctor", "--json", "--settings", "settings.json"]);
        assert_eq!(text.code, json.code, "{text}{json}");
        assert_documented(&json.json());
        for ran in [&text, &json] {
            self.assert_discreet(ran);
        }
        text
    }

    /// No token, no key, no certificate's value, no password.
    #[track_caller]
    pub(crate) fn assert_discreet(&self, ran: &Ran) {
        self.assert_nothing_of_it(&format!("{}{}", ran.output, ran.complaint));
    }

    /// The same of any text.
    #[track_caller]
    pub(crate) fn assert_nothing_of_it(&self, said: &str) {
        // A token is a JSON web token, which begins so.
        for secret in ["eyJ", "Bearer ", "PRIVATE KEY", PASSWORD] {
            assert!(!said.contains(secret), "{secret:?} is told: {said}");
        }
        for issued in &self.issued {
            assert!(!said.contains(&issued.value[..40]), "a secret's value is told: {said}");
        }
    }
}

#[track_caller]
fn assert_documented(document: &Value) {
    let schema = include_str!("../../schema/doctor.schema.json");
    let schema = jsonschema::draft202012::new(&serde_json::from_str(schema).unwrap()).unwrap();
    let refusal = schema.validate(document).map_err(|error| error.to_string());
    assert_eq!(refusal, Ok(()), "{document:#}");
}
