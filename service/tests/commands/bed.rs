//! A machine in a folder: settings, directories and environment of a program under test.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::SystemTime;

use serde_json::Value;
use tempfile::TempDir;

/// What a command printed, and how it ended.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) output: String,
    pub(crate) complaint: String,
}

impl Ran {
    /// The document that was printed.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.output).unwrap_or_else(|error| panic!("{error}: {self}"))
    }

    #[track_caller]
    pub(crate) fn assert_says(&self, words: &str) {
        assert!(self.output.contains(words), "{words:?} is missing in {self}");
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit code {:?}\n{}{}", self.code, self.output, self.complaint)
    }
}

pub(crate) struct Bed {
    folder: TempDir,
    environment: BTreeMap<String, String>,
    user: Option<u32>,
}

/// The user that has no rights, by convention.
const NOBODY: u32 = 65534;

impl Bed {
    /// State, run-time and log directories are named in the environment and not made.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut bed = Self { folder, environment: BTreeMap::new(), user: None };
        for (variable, name) in
            [("STATE_DIRECTORY", "state"), ("RUNTIME_DIRECTORY", "run"), ("LOGS_DIRECTORY", "log")]
        {
            bed.set(variable, bed.path(name).to_str().unwrap());
        }
        bed
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn set(&mut self, variable: &str, value: &str) {
        self.environment.insert(variable.to_owned(), value.to_owned());
    }

    /// From now on commands run as somebody who may not do everything, if this is root.
    pub(crate) fn run_as_nobody(&mut self) {
        let folder = self.folder.path();
        self.user = (folder.metadata().unwrap().uid() == 0).then_some(NOBODY);
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Writes a file into the folder.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Runs `akvvm_service` to its end; what stands in the folder must not change by it.
    #[track_caller]
    pub(crate) fn look(&self, arguments: &[&str]) -> Ran {
        let before = self.standing();
        let ran = self.run(arguments);
        assert_eq!(before, self.standing(), "the disk was changed: {ran}");
        ran
    }

    /// Runs `akvvm_service` to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Self::ran(&mut self.command(arguments))
    }

    fn ran(command: &mut Command) -> Ran {
        let ended = command.output().unwrap();
        Ran {
            code: ended.status.code(),
            output: String::from_utf8(ended.stdout).unwrap(),
            complaint: String::from_utf8(ended.stderr).unwrap(),
        }
    }

    /// Runs `akvvm_service` to its end, with files of at most so many blocks of 512 bytes.
    pub(crate) fn run_with_small_files(&self, blocks: u32, arguments: &[&str]) -> Ran {
        let script = format!("ulimit -f {blocks} && exec \"$0\" \"$@\"");
        let program = env!("CARGO_BIN_EXE_akvvm_service");
        let mut command = self.sealed("/bin/sh");
        Self::ran(command.args(["-c", &script, program]).args(arguments))
    }

    /// Starts `akvvm_service`; whoever starts it ends it. What it says on standard error becomes a
    /// file in the folder.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        let said = std::fs::File::create(self.path("stderr")).unwrap();
        let mut command = self.command(arguments);
        command.stdout(Stdio::null()).stderr(said).spawn().unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.sealed(env!("CARGO_BIN_EXE_akvvm_service"));
        command.args(arguments);
        command
    }

    fn sealed(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(&self.environment)
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        command
    }

    /// Everything in the folder, with what a write would change.
    fn standing(&self) -> BTreeMap<PathBuf, Standing> {
        let mut found = BTreeMap::new();
        stand(self.folder.path(), &mut found);
        found
    }
}

/// Mode, owner, time of the last change, and content or target.
type Standing = (u32, u32, SystemTime, i64, Vec<u8>);

fn stand(path: &Path, found: &mut BTreeMap<PathBuf, Standing>) {
    let metadata = path.symlink_metadata().unwrap();
    let content = if metadata.is_symlink() {
        path.read_link().unwrap().into_os_string().into_encoded_bytes()
    } else if metadata.is_file() {
        std::fs::read(path).unwrap()
    } else {
        Vec::new()
    };
    let modified = metadata.modified().unwrap();
    let changed = metadata.ctime() * 1_000_000_000 + metadata.ctime_nsec();
    found.insert(path.into(), (metadata.mode(), metadata.uid(), modified, changed, content));
    if metadata.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            stand(&entry.unwrap().path(), found);
        }
    }
}
