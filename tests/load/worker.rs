//! A worker with very many certificates, as its process and its files show it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use acceptance::Package;
use fake_azure::{CertificateSpec, FakeAzure, Format, Options};
use serde_json::{Value, json};

/// The vault of all certificates.
pub(crate) const VAULT: &str = "load";

/// Where everything is: an imagined Azure, and one folder for all that the worker writes.
pub(crate) struct Ground {
    pub(crate) azure: FakeAzure,
    pub(crate) names: Vec<String>,
    folder: tempfile::TempDir,
    program: PathBuf,
}

impl Ground {
    /// Issues so many certificates, and has the worker look at them every `interval` seconds.
    pub(crate) fn new(certificates: usize, interval: u64) -> Self {
        let folder = tempfile::Builder::new().prefix("akvvm-load-").tempdir().expect("a folder");
        let azure = FakeAzure::start(Options::new(folder.path().join("azure")));
        let azure = azure.expect("the imagined Azure starts");
        let program = Package::unpack_ours(folder.path()).join("akvvm_service");
        let _ = Command::new("chmod").arg("755").arg(&program).status();
        let names: Vec<String> = (1..=certificates).map(|number| format!("c{number}")).collect();
        let spec = CertificateSpec { format: Format::Pem, ..CertificateSpec::default() };
        for name in &names {
            azure.put_certificate(VAULT, name, &spec).expect("issued");
        }
        let ground = Self { azure, names, folder, program };
        let settings = ground.settings(interval).to_string();
        fs::write(ground.below("settings.json"), settings).expect("settings are written");
        ground
    }

    pub(crate) fn below(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn settings(&self, interval: u64) -> Value {
        let store = self.below("store");
        let observed: Vec<_> = self
            .names
            .iter()
            .map(|name| format!("https://{VAULT}.vault.azure.net/secrets/{name}"))
            .collect();
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
    pub(crate) fn worker(&self) -> Worker<'_> {
        let process = Command::new(&self.program)
            .args(["run", "--settings"])
            .arg(self.below("settings.json"))
            .env_clear()
            .env("STATE_DIRECTORY", self.below("state"))
            .env("RUNTIME_DIRECTORY", self.below("run"))
            .env("LOGS_DIRECTORY", self.below("log"))
            .env("HTTPS_PROXY", self.azure.proxy_url())
            .env("SSL_CERT_FILE", self.azure.ca_file())
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the worker starts");
        Worker { ground: self, process }
    }
}

/// A running worker.
pub(crate) struct Worker<'g> {
    ground: &'g Ground,
    process: Child,
}

impl Worker<'_> {
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The report, if this worker has written one.
    pub(crate) fn report(&self) -> Option<Value> {
        let text = fs::read(self.ground.below("state/report.json")).ok()?;
        let report: Value = serde_json::from_slice(&text).ok()?;
        (report["worker"]["pid"] == self.pid()).then_some(report)
    }

    /// Waits until so many passes have ended.
    ///
    /// # Errors
    /// The worker has ended, or `limit` is over.
    pub(crate) fn await_passes(&mut self, passes: u64, limit: Duration) -> Result<Value, String> {
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
    pub(crate) fn status(&self, field: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        let word = line.and_then(|rest| rest.split_ascii_whitespace().next());
        word.and_then(|word| word.parse().ok()).unwrap_or_default()
    }

    /// Seconds of processor that it has used.
    pub(crate) fn processor(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap_or_default();
        let fields = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
        let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
        let ticks = |index: usize| fields.get(index).and_then(|it| it.parse().ok()).unwrap_or(0.0);
        (ticks(11) + ticks(12)) / 100.0
    }

    pub(crate) fn descriptors(&self) -> u64 {
        entries(Path::new(&format!("/proc/{}/fd", self.pid())))
    }

    pub(crate) fn signal(&self, signal: acceptance::processes::Signal) {
        acceptance::processes::signal(self.pid(), signal);
    }
}

impl Drop for Worker<'_> {
    fn drop(&mut self) {
        self.signal(acceptance::processes::Signal::TERM);
        let _ = self.process.wait();
    }
}

/// How many entries a folder has.
pub(crate) fn entries(folder: &Path) -> u64 {
    fs::read_dir(folder).map_or(0, |entries| entries.count() as u64)
}

/// How many bytes the files of a folder have.
pub(crate) fn bytes(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| Some(entry.metadata().ok()?.len())).sum()
}
