//! One machine in a folder: a guest agent, an imagined Azure, and directories for our programs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use fake_azure::{CertificateSpec, FakeAzure, Issued, Options};
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Agent, Extension, Package, eventually, processes};

/// The vault in which the bed's certificates are.
const VAULT: &str = "shop";

/// A machine for one test. Dropped, everything that ran on it has ended, and after a failed
/// test the end of each log has been printed.
#[derive(Debug)]
pub struct Bed {
    /// The guest agent.
    pub agent: Agent,
    /// Vaults and identities.
    pub azure: FakeAzure,
    environment: BTreeMap<String, String>,
    folder: TempDir,
}

impl Bed {
    /// A machine with a system-assigned identity and an empty vault.
    pub fn new() -> Self {
        Self::with(|_, _| {})
    }

    /// The same, with more variables in its environment, or other values.
    pub fn with(adapt: impl FnOnce(&FakeAzure, &mut BTreeMap<String, String>)) -> Self {
        let folder = tempfile::Builder::new().prefix("akvvm-test-").tempdir().expect("temp folder");
        let azure = FakeAzure::start(Options::new(folder.path().join("azure")))
            .expect("the imagined Azure starts");
        let mut environment = environment(folder.path(), &azure);
        adapt(&azure, &mut environment);
        let agent = Agent::start(&folder.path().join("agent"), &environment);
        Self { agent, azure, environment, folder }
    }

    /// The bed's folder, for whatever a test needs.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where the bed's settings want the certificates.
    pub fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// The state directory of our programs.
    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// What our programs find in their environment.
    pub fn environment(&self) -> &BTreeMap<String, String> {
        &self.environment
    }

    /// Puts a certificate of the usual kind into the vault; if it is there already, its next
    /// version.
    pub fn issue(&self, name: &str) -> Issued {
        self.azure.put_certificate(VAULT, name, &CertificateSpec::default()).expect("issued")
    }

    /// The address of a secret in the vault.
    pub fn url(&self, name: &str) -> String {
        format!("https://{VAULT}.vault.azure.net/secrets/{name}")
    }

    /// Settings for these secrets in the bed's store, looked after every second.
    pub fn settings(&self, names: &[&str]) -> Value {
        let store = self.store();
        let observed: Vec<_> = names
            .iter()
            .map(|name| json!({ "url": self.url(name), "certificateStoreLocation": store }))
            .collect();
        json!({
            "secretsManagementSettings": {
                "pollingIntervalInS": "1",
                "observedCertificates": observed,
            },
            "authenticationSettings": { "msiEndpoint": self.azure.imds_url() },
        })
    }

    /// Installs our package with these settings under sequence number 0, until the agent
    /// reports success.
    #[track_caller]
    pub fn install(&mut self, settings: &Value) -> Extension {
        let package = Package::ours();
        let extension = Extension::new(&package).settings(0, settings);
        self.agent.goal_state(std::slice::from_ref(&extension));
        self.agent.wait(package.handler(), "success");
        extension
    }

    /// The link that a certificate has in the store.
    pub fn link(&self, name: &str) -> PathBuf {
        self.store().join(format!("{VAULT}.{name}"))
    }

    /// Waits until what is installed is the whole certificate: leaf, issuers in order, key last.
    #[track_caller]
    pub fn assert_installed_whole(&self, issued: &Issued) {
        let lines = |text: &str| -> Vec<String> {
            text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
        };
        let expected = issued.chain_pem() + &issued.key_pem();
        assert_eq!(lines(&self.installed(issued)), lines(&expected), "{}", issued.name);
    }

    /// Waits until the link leads to this version's file, and reads that.
    #[track_caller]
    pub fn installed(&self, issued: &Issued) -> String {
        let link = self.link(&issued.name);
        let file = format!("{VAULT}.{}.{}", issued.name, issued.version);
        eventually(&format!("{} → {file}", link.display()), || {
            (fs::read_link(&link).ok()?.as_os_str() == file.as_str()).then_some(())
        });
        fs::read_to_string(link).expect("the link leads to a file")
    }

    /// Runs a command of our installed package by hand, as the agent would.
    pub fn command(&self, command: &str, sequence_number: u64) -> std::process::Output {
        let package = Package::ours();
        let folder = self.agent.extension_folder(package.handler(), package.version());
        let mut handler = std::process::Command::new(folder.join("bin/handler"));
        handler.arg(command).current_dir(folder).env_clear().envs(self.environment());
        handler.env("PATH", "/usr/bin:/bin");
        handler.env("ConfigSequenceNumber", sequence_number.to_string());
        handler.output().expect("the handler starts")
    }

    /// The workers of this machine, by their process numbers. There should never be two.
    pub fn workers(&self) -> Vec<u32> {
        processes::of(&self.state(), "akvvm_service")
    }

    /// The one worker.
    #[track_caller]
    pub fn worker(&self) -> u32 {
        let workers = self.workers();
        assert_eq!(workers.len(), 1, "workers: {workers:?}");
        workers[0]
    }

    /// Ends a process of this machine at once.
    pub fn kill(&self, process: u32) {
        processes::signal(process, Signal::KILL);
    }

    /// The end of every log, for a failed test.
    pub fn evidence(&self) -> String {
        let mut files = Vec::new();
        for folder in ["agent/waagent.log", "agent/log", "log", "agent/lib"] {
            logs(&self.folder.path().join(folder), &mut files);
        }
        let mut text = String::new();
        for path in files {
            let content = fs::read_to_string(&path).unwrap_or_default();
            let lines: Vec<_> = content.lines().collect();
            let end = lines[lines.len().saturating_sub(30)..].join("\n");
            text += &format!("--- {}\n{end}\n", path.display());
        }
        text
    }
}

impl Default for Bed {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.evidence());
        }
        self.agent.stop();
        for name in ["akvvm_handler", "akvvm_service"] {
            processes::of(&self.state(), name).into_iter().for_each(|process| self.kill(process));
        }
    }
}

fn environment(folder: &Path, azure: &FakeAzure) -> BTreeMap<String, String> {
    let below = |name: &str| folder.join(name).display().to_string();
    let pairs = [
        ("STATE_DIRECTORY", below("state")),
        ("RUNTIME_DIRECTORY", below("run")),
        ("LOGS_DIRECTORY", below("log")),
        ("AKVVM_SUPERVISOR", "detached".to_owned()),
        ("HTTPS_PROXY", azure.proxy_url()),
        ("SSL_CERT_FILE", azure.ca_file().display().to_string()),
    ];
    pairs.map(|(name, value)| (name.to_owned(), value)).into()
}

/// Logs and status files at or below a path.
fn logs(path: &Path, found: &mut Vec<PathBuf>) {
    if let Ok(entries) = fs::read_dir(path) {
        entries.flatten().for_each(|entry| logs(&entry.path(), found));
    } else if path.extension().is_some_and(|kind| kind == "log" || kind == "status") {
        found.push(path.to_owned());
    }
}
