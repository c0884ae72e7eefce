//! A machine in a temporary folder: state, run-time and log directories, unit folders, and versions
//! of the extension with a stand-in for the worker.

use std::cell::RefCell;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use akvvm_handler::supervisor::{Detached, Supervisor, UnitFolders};
use akvvm_handler::{
    Clock, Console, Failure, Invocation, Limits, Machine, Surroundings, SystemClock, answer,
};
use rustix::process::{Pid, Signal, WaitOptions, waitpid};
use serde_json::{Value, json};
use status_schema::{Heartbeat, SequenceNumber, Status, StatusReport};
use worker_state::{Account, Directories, Presence, WorkerSight};

use crate::stand_in;

/// The machine.
pub(crate) struct Bed {
    pub(crate) root: tempfile::TempDir,
    limits: Mutex<Limits>,
}

/// A version of the extension, unpacked.
pub(crate) struct Extension<'b> {
    pub(crate) bed: &'b Bed,
    pub(crate) folder: PathBuf,
    variables: Vec<(String, String)>,
}

/// What a command said, and how it ended.
pub(crate) struct Answer {
    pub(crate) outcome: Result<(), Failure>,
    pub(crate) said: String,
}

#[derive(Default)]
struct Recorder(RefCell<String>);

impl Console for Recorder {
    fn say(&self, line: &str) {
        *self.0.borrow_mut() += &format!("{line}\n");
    }

    fn complain(&self, line: &str) {
        *self.0.borrow_mut() += &format!("! {line}\n");
    }
}

/// Good settings; `name` makes them different from others.
pub(crate) fn settings(name: &str) -> Value {
    let url = format!("https://contoso.vault.azure.net/secrets/{name}");
    json!({"secretsManagementSettings": {"observedCertificates": [{"url": url}]}})
}

impl Bed {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("units")).unwrap();
        Self { root, limits: Mutex::new(Limits::default()) }
    }

    /// From here on the handler is less patient where the test knows that it waits in vain.
    pub(crate) fn hurry(&self, shorten: impl Fn(&mut Limits, Duration)) {
        shorten(&mut self.limits.lock().unwrap(), Duration::from_millis(100));
    }

    pub(crate) fn limits(&self) -> Limits {
        *self.limits.lock().unwrap()
    }

    pub(crate) fn directories(&self) -> Directories {
        Directories::below(self.root.path())
    }

    pub(crate) fn units(&self) -> UnitFolders {
        UnitFolders {
            own: self.root.path().join("units"),
            others: vec![self.root.path().join("lib-units")],
        }
    }

    /// Unpacks version `version`, whose worker behaves in this manner.
    pub(crate) fn extension(&self, version: &str, manner: &str) -> Extension<'_> {
        self.extension_named("Open.KeyVault", version, manner)
    }

    pub(crate) fn extension_named(&self, name: &str, version: &str, manner: &str) -> Extension<'_> {
        let folder = self.root.path().join(format!("waagent/{name}-{version}"));
        for sub in ["bin/x86_64", "config", "status"] {
            fs::create_dir_all(folder.join(sub)).unwrap();
        }
        let environment = json!([{"name": name, "version": 1.0, "handlerEnvironment": {
            "logFolder": self.root.path().join("agent-log"),
            "configFolder": folder.join("config"),
            "statusFolder": folder.join("status"),
            "heartbeatFile": folder.join("heartbeat.log"),
        }}]);
        fs::write(folder.join("HandlerEnvironment.json"), environment.to_string()).unwrap();
        let extension = Extension { bed: self, folder, variables: Vec::new() };
        extension.set_manner(manner);
        extension.with("AZURE_GUEST_AGENT_EXTENSION_VERSION", version)
    }

    /// The worker that lives, if one does.
    pub(crate) fn worker(&self) -> Option<Presence> {
        match WorkerSight::look(&self.directories()) {
            Ok(WorkerSight::Present(presence)) => presence,
            _ => None,
        }
    }
}

/// Kills a worker that a test has started, and waits until it is gone.
pub(crate) fn kill(worker: &Presence) {
    worker.process.signal(Signal::KILL).unwrap();
    await_end(worker);
}

/// Waits for the end of a worker that a command has told to end. It gives up the lease, which is
/// all that commands wait for, a moment before.
pub(crate) fn await_end(worker: &Presence) {
    let pid = Pid::from_raw(i32::try_from(worker.process.pid).unwrap());
    waitpid(pid, WaitOptions::empty()).unwrap();
}

/// No test leaves a worker behind.
impl Drop for Bed {
    fn drop(&mut self) {
        if let Some(worker) = self.worker() {
            worker.process.signal(Signal::KILL).unwrap();
        }
    }
}

impl Extension<'_> {
    /// With this variable in the environment.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.into(), value.into()));
        self
    }

    pub(crate) fn worker_program(&self) -> PathBuf {
        self.folder.join("bin/x86_64/akvvm_service")
    }

    /// The next worker behaves in this manner.
    pub(crate) fn set_manner(&self, manner: &str) {
        let script = stand_in::script(manner);
        fs::write(self.worker_program(), script).unwrap();
        fs::set_permissions(self.worker_program(), fs::Permissions::from_mode(0o744)).unwrap();
    }

    /// Has the agent write these public settings under this number.
    pub(crate) fn settings(&self, number: u64, public: &Value) {
        let handler = json!({"publicSettings": public, "protectedSettings": null,
            "protectedSettingsCertThumbprint": null});
        let file = json!({"runtimeSettings": [{"handlerSettings": handler}]});
        self.settings_file(number, &file.to_string());
    }

    pub(crate) fn settings_file(&self, number: u64, content: &str) {
        fs::write(self.folder.join(format!("config/{number}.settings")), content).unwrap();
    }

    pub(crate) fn invocation(&self, command: &str, number: Option<u64>) -> Invocation {
        let root = self.bed.root.path();
        let directory = |name: &str| Some(root.join(name).into_os_string());
        let lookup = |name: &str| -> Option<OsString> {
            match name {
                "STATE_DIRECTORY" => directory("state"),
                "RUNTIME_DIRECTORY" => directory("run"),
                "LOGS_DIRECTORY" => directory("log"),
                "ConfigSequenceNumber" => number.map(|number| number.to_string().into()),
                _ => {
                    let known = self.variables.iter().find(|(known, _)| known == name);
                    known.map(|(_, value)| value.into())
                }
            }
        };
        let surroundings = Surroundings {
            arguments: vec![command.into()],
            lookup: &lookup,
            program: self.folder.join("bin/x86_64/akvvm_handler"),
            working_directory: self.folder.clone(),
            environment_file: &root.join("environment"),
            account: Account::current(),
        };
        Invocation::read(&surroundings).unwrap()
    }

    /// Calls the handler, without systemd.
    pub(crate) fn call(&self, command: &str, number: u64) -> Answer {
        let clock = SystemClock::start();
        let supervisor = Detached {
            units: self.bed.units(),
            clock: &clock,
            unpacking: self.bed.limits().unpacking,
        };
        self.call_under(&supervisor, &clock, command, Some(number))
    }

    pub(crate) fn call_under(
        &self,
        supervisor: &dyn Supervisor,
        clock: &dyn Clock,
        command: &str,
        number: Option<u64>,
    ) -> Answer {
        let console = Recorder::default();
        let machine = Machine { clock, supervisor, console: &console, limits: self.bed.limits() };
        let outcome = answer(&self.invocation(command, number), machine);
        Answer { outcome, said: console.0.into_inner() }
    }

    pub(crate) fn status(&self, number: u64) -> Option<Status> {
        let name = SequenceNumber::new(number).status_file_name();
        let bytes = fs::read(self.folder.join("status").join(name)).ok()?;
        Some(StatusReport::parse(&bytes).unwrap().status)
    }

    pub(crate) fn heartbeat(&self) -> Option<Heartbeat> {
        let bytes = fs::read(self.folder.join("heartbeat.log")).ok()?;
        Some(Heartbeat::parse(&bytes).unwrap())
    }
}

impl Answer {
    /// The command succeeded, or the test fails with what it said.
    pub(crate) fn good(self) -> String {
        if let Err(failure) = self.outcome {
            panic!("{failure}\n{}", self.said);
        }
        self.said
    }

    /// The command failed, or the test does.
    pub(crate) fn bad(self) -> Failure {
        self.outcome.expect_err(&self.said)
    }
}

/// Name, content and place of every file below a folder: equal only if nothing was written.
pub(crate) fn trace(folder: &Path) -> Vec<(PathBuf, u64, std::time::SystemTime)> {
    use std::os::unix::fs::MetadataExt;
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            all.extend(trace(&path));
        }
        all.push((path, metadata.ino(), metadata.modified().unwrap()));
    }
    all.sort();
    all
}
