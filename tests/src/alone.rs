//! The worker alone, without a guest agent: few or very many certificates, and whatever limits its
//! process is put under.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use fake_azure::{CertificateSpec, FakeAzure, Format, Issued, Options};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{Package, processes};

/// How many certificates differ, at most.
const DISTINCT: usize = 20;
/// The vault of all certificates.
pub const VAULT: &str = "load";

/// Where everything is: an imagined Azure, and one folder for all that the worker writes.
#[derive(Debug)]
pub struct Alone {
    /// Vaults and identities.
    pub azure: FakeAzure,
    /// The certificates.
    pub names: Vec<String>,
    folder: tempfile::TempDir,
    program: PathBuf,
}

impl Alone {
    /// Issues so many certificates, and has the worker look at them every `interval` seconds.
    pub fn new(certificates: usize, interval: u64) -> Self {
        Self::across(&[VAULT], certificates, interval)
    }

    /// The same, with so many certificates in each of these vaults.
    pub fn across(vaults: &[&str], certificates: usize, interval: u64) -> Self {
        let folder = tempfile::Builder::new().prefix("akvvm-load-").tempdir().expect("a folder");
        let azure = FakeAzure::start(Options::new(folder.path().join("azure")));
        let azure = azure.expect("the imagined Azure starts");
        let program = Package::unpack_ours(folder.path()).join("akvvm_service");
        let _ = Command::new("chmod").arg("755").arg(&program).status();
        let names: Vec<String> = (1..=certificates).map(|number| format!("c{number}")).collect();
        vaults.iter().for_each(|vault| fill(&azure, vault, &names));
        let alone = Self { azure, names, folder, program };
        let settings = alone.settings(vaults, interval).to_string();
        fs::write(alone.below("settings.json"), settings).expect("settings are written");
        alone
    }

    /// Puts a new version of a certificate into the vault.
    pub fn rotate(&self, name: &str) -> Issued {
        self.azure.put_certificate(VAULT, name, &spec()).expect("issued")
    }

    /// A path below the folder of everything: `store`, `state`, `run`, `log`.
    pub fn below(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn settings(&self, vaults: &[&str], interval: u64) -> Value {
        let store = self.below("store");
        let url = |vault: &str, name| format!("https://{vault}.vault.azure.net/secrets/{name}");
        let in_vault = |vault| self.names.iter().map(move |name| url(vault, name));
        let observed: Vec<_> = vaults.iter().flat_map(|vault| in_vault(vault)).collect();
        json!({
            "secretsManagementSettings": {
                "pollingIntervalInS": interval,
                "certificateStoreLocation": store,
                "observedCertificates": observed,
            },
            "authenticationSettings": { "msiEndpoint": self.azure.imds_url() },
        })
    }

    /// Starts the worker.
    pub fn worker(&self) -> Worker<'_> {
        self.worker_under(&[], &[])
    }

    /// Starts the worker by a command that becomes it, such as `prlimit`, and with further
    /// variables.
    pub fn worker_under(&self, wrapper: &[&str], variables: &[(&str, &str)]) -> Worker<'_> {
        let program = self.program.display().to_string();
        let mut words = wrapper.iter().copied().chain([program.as_str()]);
        let process = Command::new(words.next().unwrap_or_default())
            .args(words)
            .args(["run", "--settings"])
            .arg(self.below("settings.json"))
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("STATE_DIRECTORY", self.below("state"))
            .env("RUNTIME_DIRECTORY", self.below("run"))
            .env("LOGS_DIRECTORY", self.below("log"))
            .env("HTTPS_PROXY", self.azure.proxy_url())
            .env("SSL_CERT_FILE", self.azure.ca_file())
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the worker starts");
        Worker { alone: self, process, began: Instant::now() }
    }
}

/// Puts certificates into a vault. Of many, several names have the same one: making one takes
/// longer than installing it.
pub fn fill(azure: &FakeAzure, vault: &str, names: &[String]) {
    let issue = |number| azure.put_certificate("pattern", &format!("p{number}"), &spec());
    let issued: Vec<_> = (0..DISTINCT.min(names.len())).map(issue).collect();
    for (name, issued) in names.iter().zip(issued.iter().cycle()) {
        let value = &issued.as_ref().expect("issued").value;
        azure.put_secret(vault, name, value, Some("application/x-pem-file"));
    }
}

/// Valid since yesterday, for tests that set the clock back.
fn spec() -> CertificateSpec {
    CertificateSpec { format: Format::Pem, starts_in: -86_400, ..CertificateSpec::default() }
}

/// A running worker.
#[derive(Debug)]
pub struct Worker<'a> {
    alone: &'a Alone,
    process: Child,
    began: Instant,
}

impl Worker<'_> {
    /// How long it has been running.
    pub fn age(&self) -> Duration {
        self.began.elapsed()
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The report, if this worker has written one.
    pub fn report(&self) -> Option<Value> {
        let text = fs::read(self.alone.below("state/report.json")).ok()?;
        let report: Value = serde_json::from_slice(&text).ok()?;
        (report["worker"]["pid"] == self.pid()).then_some(report)
    }

    /// Waits until so many passes have ended.
    ///
    /// # Errors
    /// The worker has ended, or `limit` is over.
    pub fn await_passes(&mut self, passes: u64, limit: Duration) -> Result<Value, String> {
        let deadline = Instant::now() + limit;
        loop {
            let report = self.report();
            if let Some(report) = report.filter(|report| report["passes"].as_u64() >= Some(passes))
            {
                return Ok(report);
            }
            if let Ok(Some(status)) = self.process.try_wait() {
                return Err(format!("the worker has ended: {status}"));
            }
            if Instant::now() > deadline {
                return Err(format!("no {passes} passes within {limit:?}"));
            }
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// A number of KiB, or of threads, from `/proc/PID/status`.
    pub fn status(&self, field: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        let word = line.and_then(|rest| rest.split_ascii_whitespace().next());
        word.and_then(|word| word.parse().ok()).unwrap_or_default()
    }

    /// Seconds of processor that it has used.
    pub fn processor(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap_or_default();
        let fields = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
        let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
        let ticks = |index: usize| fields.get(index).and_then(|it| it.parse().ok()).unwrap_or(0.0);
        (ticks(11) + ticks(12)) / 100.0
    }

    /// How many descriptors it has open.
    pub fn descriptors(&self) -> u64 {
        entries(Path::new(&format!("/proc/{}/fd", self.pid())))
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        processes::signal(self.pid(), signal);
    }
}

impl Drop for Worker<'_> {
    fn drop(&mut self) {
        self.signal(Signal::TERM);
        let _ = self.process.wait();
    }
}

/// How many entries a folder has.
pub fn entries(folder: &Path) -> u64 {
    fs::read_dir(folder).map_or(0, |entries| entries.count() as u64)
}

/// How many bytes the files of a folder have.
pub fn bytes(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| Some(entry.metadata().ok()?.len())).sum()
}
