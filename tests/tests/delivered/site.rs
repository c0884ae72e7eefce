//! A machine with a service that uses a certificate, a worker, and an imagined Azure.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use acceptance::{Package, eventually};
use fake_azure::{CertificateSpec, FakeAzure, Issued, Options};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The vault.
const VAULT: &str = "shop";

/// The name of the one certificate.
pub(crate) const NAME: &str = "web";

/// Dropped, everything that runs here has ended.
pub(crate) struct Site {
    folder: TempDir,
    pub(crate) azure: FakeAzure,
    programs: PathBuf,
    running: Vec<(Child, Signal)>,
    /// The newest version's serial number, upper case.
    newest: std::cell::RefCell<String>,
}

impl Site {
    /// Below a directory that only this user can write to, as reactions demand.
    pub(crate) fn new() -> Self {
        let parent =
            if is_root() { Path::new("/run") } else { Path::new(env!("CARGO_TARGET_TMPDIR")) };
        let folder =
            tempfile::Builder::new().prefix("akvvm-test-").tempdir_in(parent).expect("a folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let azure = FakeAzure::start(Options::new(folder.path().join("azure"))).expect("Azure");
        let programs = Package::unpack_ours(folder.path());
        Self { folder, azure, programs, running: Vec::new(), newest: std::cell::RefCell::default() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// A program of the test's, which reactions may run.
    pub(crate) fn script(&self, name: &str, lines: &str) -> PathBuf {
        let path = self.write(name, &format!("#!/bin/sh -eu\n{lines}\n"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// Puts the next version into the vault.
    pub(crate) fn issue(&self) -> Issued {
        let spec =
            CertificateSpec { dns_names: vec!["web.contoso.com".into()], ..Default::default() };
        let issued = self.azure.put_certificate(VAULT, NAME, &spec).expect("issued");
        *self.newest.borrow_mut() = issued.serial.to_uppercase();
        issued
    }

    /// The serial number of the newest version in the vault, as OpenSSL prints it.
    pub(crate) fn azure_serial(&self) -> String {
        self.newest.borrow().clone()
    }

    /// Settings for the one certificate, with more keys in its entry.
    pub(crate) fn settings(&self, more: &Value) -> Value {
        let mut entry = json!({
            "url": format!("https://{VAULT}.vault.azure.net/secrets/{NAME}"),
            "certificateStoreLocation": self.path("store"),
        });
        for (key, value) in more.as_object().expect("keys") {
            entry[key] = value.clone();
        }
        json!({
            "secretsManagementSettings": {
                "pollingIntervalInS": "3600",
                "observedCertificates": [entry],
            },
            "authenticationSettings": { "msiEndpoint": self.azure.imds_url() },
        })
    }

    /// One pass by hand, before any worker runs.
    #[track_caller]
    pub(crate) fn install(&self, settings: &Value) {
        let file = self.write("settings.json", &settings.to_string());
        let ran = self.ask(&["sync", "--settings", file.to_str().unwrap()]);
        assert!(ran.status.success(), "{}", said(&ran));
    }

    /// Starts a worker that may run commands, and waits until it has looked at everything.
    pub(crate) fn start_worker(&mut self, settings: &Value) {
        let file = self.write("settings.json", &settings.to_string());
        let worker = self.program(&["run", "--settings", file.to_str().unwrap()]);
        let command =
            if is_root() { permitting_commands(self.folder.path(), &worker) } else { worker };
        let process = self.start(command, Signal::TERM);
        let report = self.path("state/report.json");
        eventually("a first pass", || {
            let report: Value = serde_json::from_slice(&fs::read(&report).ok()?).ok()?;
            let is_its = report["worker"]["pid"].as_u64() == Some(process.into());
            (is_its && report["passes"].as_u64()? > 0).then_some(())
        });
    }

    /// Has the worker look now; what it says of the certificate afterwards.
    pub(crate) fn sync(&self) -> Value {
        let ran = self.ask(&["sync", "--json"]);
        let report: Value =
            serde_json::from_slice(&ran.stdout).unwrap_or_else(|_| panic!("{}", said(&ran)));
        report["certificates"][0].clone()
    }

    /// Has the worker look, and expects it to bring this version to its consumers.
    #[track_caller]
    pub(crate) fn sync_to(&self, issued: &Issued) {
        let stands = self.sync();
        assert_eq!(stands["version"], issued.version, "{stands:#}{}", self.log());
        assert_eq!(stands["problem"], Value::Null, "{stands:#}{}", self.log());
    }

    /// Runs `akvvm_service` to its end.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Output {
        self.program(arguments).output().unwrap()
    }

    fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.programs.join("akvvm_service"));
        command.args(arguments).env_clear().env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin");
        for (variable, name) in
            [("STATE_DIRECTORY", "state"), ("RUNTIME_DIRECTORY", "run"), ("LOGS_DIRECTORY", "log")]
        {
            command.env(variable, self.path(name));
        }
        command.env("AKVVM_SUPERVISOR", "detached");
        command.env("HTTPS_PROXY", self.azure.proxy_url());
        command.env("SSL_CERT_FILE", self.azure.ca_file());
        command
    }

    /// Starts something that ends with the site, by `end`.
    pub(crate) fn start(&mut self, mut command: Command, end: Signal) -> u32 {
        let log = fs::File::create(self.path(&format!("{}.log", self.running.len()))).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let process = child.id();
        self.running.push((child, end));
        process
    }

    /// What the worker and the services wrote, for a failed test.
    pub(crate) fn log(&self) -> String {
        let worker = self.path("log/akvvm_service.log");
        let services = (0..self.running.len()).map(|number| self.path(&format!("{number}.log")));
        let read = |path: PathBuf| fs::read_to_string(&path).unwrap_or_default();
        services.chain([worker]).map(read).collect::<Vec<_>>().join("\n---\n")
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
        for (child, end) in self.running.iter_mut().rev() {
            let pid = Pid::from_child(child);
            let _ = kill_process(pid, *end);
            let _ = child.wait();
        }
    }
}

/// The same command where `/etc/akvvm/environment` permits commands: in a mount namespace of its
/// own, so that the machine's own file stays as it is.
fn permitting_commands(folder: &Path, command: &Command) -> Command {
    const ENTER: &str = r#"cp -a /etc "$0/etc"; mkdir -p "$0/etc/akvvm"
        echo AKVVM_REACTIONS=commands >"$0/etc/akvvm/environment"
        mount --bind "$0/etc" /etc; exec "$@""#;
    let mut entering = Command::new("unshare");
    entering.args(["--mount", "--propagation=private", "--", "sh", "-ec", ENTER]).arg(folder);
    entering.arg(command.get_program()).args(command.get_args()).env_clear();
    for (name, value) in command.get_envs() {
        entering.env(name, value.expect("set"));
    }
    entering
}

pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// An address that nobody listens on.
pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Waits until somebody listens.
pub(crate) fn wait_for(address: SocketAddr) {
    eventually("a listening service", || TcpStream::connect(address).ok());
}

pub(crate) fn said(ran: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr))
}
