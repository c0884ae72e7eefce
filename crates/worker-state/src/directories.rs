//! Where state, run-time and log files live: one rule for both programs.

use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::environment::name;
use crate::{Environment, HandlerLock, Lease, StateError};

/// The account a program runs under, as far as the choice of directories depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Account {
    /// The superuser: the system's directories.
    Root,
    /// Anybody else: the XDG base directories, from `HOME` and `XDG_*`.
    User,
}

impl Account {
    /// The account of this process.
    pub fn current() -> Self {
        if rustix::process::geteuid().is_root() { Self::Root } else { Self::User }
    }
}

/// The directories of one machine (or of one user, or of one test).
///
/// `$STATE_DIRECTORY`, else `/var/lib/akvvm`; `$RUNTIME_DIRECTORY`, else `/run/akvvm`;
/// `$LOGS_DIRECTORY`, else whatever the caller knows better (the agent's log folder), else
/// `/var/log/akvvm`. For other users than root the XDG base directories take the place of the
/// fixed paths (XDG Base Directory Specification 0.8). The variables are those of
/// systemd.exec(5), so a unit's `StateDirectory=` works too; where systemd hands over several
/// paths (`a:b`), the first counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directories {
    state: PathBuf,
    runtime: PathBuf,
    logs: Option<PathBuf>,
    fallback_logs: PathBuf,
}

impl Directories {
    /// The directories that `environment` and the account lead to.
    pub fn new(environment: &Environment, account: &Account) -> Self {
        let chosen = |variable| environment.path(variable);
        let system = match account {
            Account::Root => [
                PathBuf::from("/var/lib/akvvm"),
                PathBuf::from("/run/akvvm"),
                PathBuf::from("/var/log/akvvm"),
            ],
            Account::User => user_directories(environment),
        };
        let [state, runtime, logs] = system;
        Self {
            state: chosen(name::STATE_DIRECTORY).unwrap_or(state),
            runtime: chosen(name::RUNTIME_DIRECTORY).unwrap_or(runtime),
            logs: chosen(name::LOGS_DIRECTORY),
            fallback_logs: logs,
        }
    }

    /// All three below one folder, for tests and trials.
    pub fn below(folder: &Path) -> Self {
        Self {
            state: folder.join("state"),
            runtime: folder.join("run"),
            logs: Some(folder.join("log")),
            fallback_logs: folder.join("log"),
        }
    }

    /// The state directory.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// The run-time directory.
    pub fn runtime(&self) -> &Path {
        &self.runtime
    }

    /// The log directory: the environment's choice, else the agent's log folder, else our own.
    pub fn logs<'a>(&'a self, agent_log_folder: Option<&'a Path>) -> &'a Path {
        self.logs.as_deref().or(agent_log_folder).unwrap_or(&self.fallback_logs)
    }

    /// Creates the state and run-time directories (0700) where they are missing.
    ///
    /// # Errors
    /// Names the directory that cannot be made, or that belongs to somebody else or can be
    /// written by others: whoever could plant state there could steer a program of root's.
    pub fn create(&self) -> Result<(), StateError> {
        let below = [self.records_path(), self.outputs_path(), self.requests_path()];
        for directory in [&self.state, &self.runtime].into_iter().chain(&below) {
            create_private(directory)?;
        }
        Ok(())
    }

    /// Removes everything of ours from the state and run-time directories, and the directories
    /// themselves where nothing else is in them and nothing is mounted on them: they may be anybody's
    /// choice, and so may what stands in them, a store of certificates even.
    ///
    /// # Errors
    /// Names what could not be removed.
    pub fn remove(&self) -> Result<(), StateError> {
        gone(&self.candidates_path(), std::fs::remove_dir_all)?;
        clear(&self.records_path(), |name| name.ends_with(".json"))?;
        clear(&self.requests_path(), |name| {
            name.ends_with(".request") || name.ends_with(".answer")
        })?;
        clear(&self.outputs_path(), |name| {
            let digest = name.strip_suffix(".replaced").unwrap_or(name);
            digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
        })?;
        for file in [
            self.presence_path(),
            self.assignment_path(),
            self.update_marker_path(),
            self.initial_sync_path(),
            self.made_directories_path(),
            self.report_path(),
            self.lease_path(),
            self.handler_lock_path(),
        ] {
            gone(&file, std::fs::remove_file)?;
        }
        for directory in [&self.runtime, &self.state] {
            sweep(directory);
            gone(directory, std::fs::remove_dir)?;
        }
        Ok(())
    }

    /// Removes what killed programs have left half-written, and says how many files that were.
    /// Whoever holds both locks knows that nobody is writing here.
    pub fn sweep(&self, _no_worker: &Lease, _sole_handler: &HandlerLock) -> usize {
        let folders = [&self.state, &self.runtime, &self.records_path()];
        folders.into_iter().map(|folder| sweep(folder)).sum()
    }

    pub(crate) fn lease_path(&self) -> PathBuf {
        self.state.join("lease")
    }

    pub(crate) fn handler_lock_path(&self) -> PathBuf {
        self.state.join("handler.lock")
    }

    pub(crate) fn assignment_path(&self) -> PathBuf {
        self.state.join("assignment.json")
    }

    pub(crate) fn update_marker_path(&self) -> PathBuf {
        self.state.join("update.json")
    }

    pub(crate) fn initial_sync_path(&self) -> PathBuf {
        self.state.join("initial-sync.json")
    }

    pub(crate) fn made_directories_path(&self) -> PathBuf {
        self.state.join("made-directories.json")
    }

    pub(crate) fn records_path(&self) -> PathBuf {
        self.state.join("records")
    }

    /// Where the bytes of output files are kept, for the way back.
    pub fn outputs_path(&self) -> PathBuf {
        self.state.join("outputs")
    }

    /// Where new files are tried before they are used.
    pub fn candidates_path(&self) -> PathBuf {
        self.runtime.join("candidates")
    }

    pub(crate) fn requests_path(&self) -> PathBuf {
        self.runtime.join("requests")
    }

    /// Where the report lies: the source of all that people are shown.
    pub fn report_path(&self) -> PathBuf {
        self.state.join("report.json")
    }

    pub(crate) fn presence_path(&self) -> PathBuf {
        self.runtime.join("worker.json")
    }
}

/// Removes the files that are ours from a directory, and the directory where no others are in it.
fn clear(directory: &Path, is_ours: fn(&str) -> bool) -> Result<(), StateError> {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return gone(directory, std::fs::remove_dir);
    };
    for entry in entries {
        let entry = entry.map_err(|error| StateError::read(directory, error))?;
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file && entry.file_name().to_str().is_some_and(is_ours) {
            gone(&entry.path(), std::fs::remove_file)?;
        }
    }
    sweep(directory);
    gone(directory, std::fs::remove_dir)
}

/// Removes one thing; what is not there, or is a directory that others use too or have mounted a
/// file system on, is no error.
fn gone(path: &Path, remove: fn(PathBuf) -> io::Result<()>) -> Result<(), StateError> {
    match remove(path.to_owned()) {
        Ok(()) => Ok(()),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound
                    | io::ErrorKind::DirectoryNotEmpty
                    | io::ErrorKind::ResourceBusy
            ) =>
        {
            Ok(())
        }
        Err(error) => Err(StateError::write(path, error)),
    }
}

/// Removes what killed programs have left half-written; what cannot be, stays.
fn sweep(directory: &Path) -> usize {
    let swept = atomic_file::Directory::open(directory).and_then(|directory| directory.sweep());
    swept.unwrap_or_default()
}

/// What Debian gives users as their home who have none (base-passwd, `users-and-groups`).
const HOMELESS: &str = "/nonexistent";

fn user_directories(environment: &Environment) -> [PathBuf; 3] {
    let home = environment.path("HOME").unwrap_or_else(|| PathBuf::from(HOMELESS));
    let base = |variable: &str, below_home: &str| {
        environment.path(variable).unwrap_or_else(|| home.join(below_home))
    };
    let xdg = || base("XDG_STATE_HOME", ".local/state").join("akvvm");
    let state = environment.path(name::STATE_DIRECTORY).unwrap_or_else(xdg);
    let runtime = match environment.path("XDG_RUNTIME_DIR") {
        Some(directory) => directory.join("akvvm"),
        None => state.join("run"),
    };
    let logs = state.join("log");
    [state, runtime, logs]
}

fn create_private(directory: &Path) -> Result<(), StateError> {
    if directory.starts_with(HOMELESS) && !Path::new(HOMELESS).exists() {
        let why = "is nowhere, since this user has no HOME: set that, or STATE_DIRECTORY and \
                   RUNTIME_DIRECTORY";
        return Err(StateError::untrusted(directory, why.into()));
    }
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(directory).map_err(|error| StateError::write(directory, error))?;
    let metadata =
        std::fs::symlink_metadata(directory).map_err(|error| StateError::read(directory, error))?;
    let owner = rustix::process::geteuid().as_raw();
    if metadata.is_symlink() {
        let why = "is a symbolic link: mount there what it leads to, or name that in its variable";
        return Err(StateError::untrusted(directory, why.into()));
    }
    if !metadata.is_dir() {
        return Err(StateError::untrusted(directory, "is not a directory".into()));
    }
    if metadata.uid() != owner {
        let why = format!("belongs to user {}, not to {owner} who runs this", metadata.uid());
        return Err(StateError::untrusted(directory, why));
    }
    if metadata.mode() & 0o022 != 0 {
        let why = format!(
            "can be written by others (mode {:o}); run chmod go-w on it",
            metadata.mode() & 0o7777
        );
        return Err(StateError::untrusted(directory, why));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        Environment::of(pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())))
    }

    #[test]
    fn root_gets_the_systems_directories() {
        let directories = Directories::new(&environment(&[]), &Account::Root);
        assert_eq!(directories.state(), Path::new("/var/lib/akvvm"));
        assert_eq!(directories.runtime(), Path::new("/run/akvvm"));
        assert_eq!(directories.logs(None), Path::new("/var/log/akvvm"));
        assert_eq!(directories.logs(Some(Path::new("/agent"))), Path::new("/agent"));
    }

    #[test]
    fn the_environment_moves_each_of_them() {
        let environment = environment(&[
            ("STATE_DIRECTORY", "/a:/b"),
            ("RUNTIME_DIRECTORY", "/c"),
            ("LOGS_DIRECTORY", "/d"),
        ]);
        let directories = Directories::new(&environment, &Account::Root);
        assert_eq!(directories.state(), Path::new("/a"));
        assert_eq!(directories.runtime(), Path::new("/c"));
        assert_eq!(directories.logs(Some(Path::new("/agent"))), Path::new("/d"));
    }

    #[test]
    fn other_users_get_the_xdg_directories() {
        let environment = environment(&[("HOME", "/home/u"), ("XDG_RUNTIME_DIR", "/run/user/7")]);
        let directories = Directories::new(&environment, &Account::User);
        assert_eq!(directories.state(), Path::new("/home/u/.local/state/akvvm"));
        assert_eq!(directories.runtime(), Path::new("/run/user/7/akvvm"));
        assert_eq!(directories.logs(None), Path::new("/home/u/.local/state/akvvm/log"));
    }

    #[test]
    fn the_other_directories_of_users_go_with_the_state() {
        let environment = environment(&[("STATE_DIRECTORY", "/a"), ("HOME", "/home/u")]);
        let directories = Directories::new(&environment, &Account::User);
        assert_eq!(directories.runtime(), Path::new("/a/run"));
        assert_eq!(directories.logs(None), Path::new("/a/log"));
    }

    #[test]
    fn without_a_home_the_variables_are_named() {
        let directories = Directories::new(&environment(&[]), &Account::User);
        let error = directories.create().unwrap_err().to_string();
        assert!(error.contains("HOME") && error.contains("STATE_DIRECTORY"), "{error}");
    }

    #[test]
    fn created_directories_are_private() {
        let folder = tempfile::tempdir().unwrap();
        let directories = Directories::below(folder.path());
        directories.create().unwrap();
        directories.create().unwrap();
        let mode = std::fs::metadata(directories.state()).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o700);
    }

    #[test]
    fn a_store_within_the_state_keeps_its_certificates() {
        let folder = tempfile::tempdir().unwrap();
        let directories = Directories::below(folder.path());
        directories.create().unwrap();
        let digest = "0".repeat(64);
        let kept = [&digest, &format!("{digest}.replaced")]
            .map(|name| directories.outputs_path().join(name));
        let ours = [
            directories.records_path().join("a.json"),
            directories.requests_path().join("7.answer"),
        ];
        let ours: Vec<_> = ours.into_iter().chain(kept).collect();
        let stores = [
            directories.records_path(),
            directories.outputs_path(),
            directories.state().join("records/certs"),
        ];
        let certificates = stores.map(|store| store.join("vault.web.0a1b.pem"));
        std::fs::create_dir(directories.records_path().join("certs")).unwrap();
        for file in ours.iter().chain(&certificates) {
            atomic_file::replace_file(file, 0o600, b"{}").unwrap();
        }
        std::fs::create_dir(directories.records_path().join("directory.json")).unwrap();
        directories.remove().unwrap();
        for certificate in certificates {
            assert!(certificate.exists(), "{}", certificate.display());
        }
        assert_eq!(ours.iter().find(|path| path.exists()), None);
        assert!(!directories.requests_path().exists());
    }

    #[test]
    fn what_is_ours_is_removed_and_what_others_have_put_there_stays() {
        let folder = tempfile::tempdir().unwrap();
        let directories = Directories::below(folder.path());
        directories.create().unwrap();
        let half_written = directories.state().join(".akvvm-0123456789abcdef.tmp");
        for ours in
            [directories.assignment_path(), directories.records_path().join("a.json"), half_written]
        {
            atomic_file::replace_file(&ours, 0o600, b"{}").unwrap();
        }
        let somebodys = directories.runtime().join("somebodys");
        atomic_file::replace_file(&somebodys, 0o600, b"").unwrap();
        directories.remove().unwrap();
        assert!(!directories.state().exists());
        assert!(somebodys.exists());
        std::fs::remove_file(somebodys).unwrap();
        directories.remove().unwrap();
        assert!(!directories.runtime().exists());
    }

    #[test]
    fn whoever_holds_both_locks_removes_what_was_left_half_written_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let directories = Directories::below(folder.path());
        directories.create().unwrap();
        let lease = Lease::acquire(&directories).unwrap();
        let lock = HandlerLock::acquire(&directories).unwrap();
        let half_written =
            [directories.state(), directories.runtime(), &directories.records_path()]
                .map(|folder| folder.join(".akvvm-0123456789abcdef.tmp"));
        for path in half_written.iter().chain([&directories.report_path()]) {
            atomic_file::replace_file(path, 0o600, b"{}").unwrap();
        }
        assert_eq!(directories.sweep(&lease, &lock), 3);
        assert!(directories.report_path().exists());
        assert_eq!(directories.sweep(&lease, &lock), 0);
    }

    #[test]
    fn a_link_in_the_place_of_the_state_directory_is_called_one() {
        let folder = tempfile::tempdir().unwrap();
        let directories = Directories::below(folder.path());
        std::os::unix::fs::symlink("/", directories.state()).unwrap();
        let error = directories.create().unwrap_err();
        assert!(error.to_string().contains("state: is a symbolic link: mount there"), "{error}");
    }

    #[test]
    fn a_state_directory_that_others_can_write_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let directories = Directories::below(folder.path());
        directories.create().unwrap();
        let open = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions(directories.state(), open).unwrap();
        let error = directories.create().unwrap_err();
        assert!(error.to_string().contains("can be written by others (mode 777)"), "{error}");
    }
}
