//! The worker as a systemd unit.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::unit::{self, NAME};
use super::{Removed, Started, Supervisor, UnitFolders, WorkerProgram};
use crate::clock::Clock;
use crate::processes;

/// Runs the worker through `systemctl`.
pub struct Systemd<'c> {
    /// Where units are.
    pub units: UnitFolders,
    /// The program `systemctl`.
    pub systemctl: PathBuf,
    /// The clock that waits.
    pub clock: &'c dyn Clock,
    /// How long one call may take.
    pub limit: Duration,
}

impl std::fmt::Debug for Systemd<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Systemd").field("systemctl", &self.systemctl).finish_non_exhaustive()
    }
}

impl Systemd<'_> {
    fn systemctl(&self, arguments: &[&str]) -> Result<String> {
        let mut all = vec!["--no-ask-password", "--no-pager"];
        all.extend(arguments);
        let finished = processes::run(&self.systemctl, &all, self.clock, self.limit)?;
        if !finished.status.success() {
            let (status, errors) = (finished.status, finished.errors);
            bail!("systemctl {}: {status}: {errors}", arguments.join(" "));
        }
        Ok(finished.output)
    }

    /// Puts the unit in its place; one that is already there is not written again.
    fn write_unit(&self, worker: &WorkerProgram) -> Result<()> {
        let wanted = unit::render(worker)?;
        if self.units.text()?.as_ref() == Some(&wanted) {
            return Ok(());
        }
        let path = self.units.path();
        atomic_file::replace_file(&path, 0o644, wanted.as_bytes()).context("the systemd unit")
    }
}

impl Supervisor for Systemd<'_> {
    fn obstacle(&self) -> Option<String> {
        self.units.obstacle()
    }

    fn prepare(&self, worker: &WorkerProgram) -> Result<()> {
        self.write_unit(worker)?;
        self.systemctl(&["daemon-reload"]).map(drop)
    }

    /// `restart`, because a unit that runs with directories of its own, or that systemd is about
    /// to start again, would make a mere `start` do nothing or too little.
    fn start(&self, worker: &WorkerProgram) -> Result<Box<dyn Started + '_>> {
        self.prepare(worker)?;
        self.systemctl(&["enable", NAME])?;
        self.systemctl(&["restart", "--no-block", NAME])?;
        Ok(Box::new(StartedUnit { systemd: self }))
    }

    fn stop(&self) -> Result<()> {
        match self.units.text()? {
            Some(_) => self.systemctl(&["stop", NAME]).map(drop),
            None => Ok(()),
        }
    }

    fn keep_stopped(&self) -> Result<()> {
        match self.units.text()? {
            Some(_) => self.systemctl(&["disable", NAME]).map(drop),
            None => Ok(()),
        }
    }

    fn remove(&self, extension_folder: &Path) -> Result<Option<Removed>> {
        let Some(text) = self.units.text()? else { return Ok(None) };
        if !unit::leads_into(&text, extension_folder) {
            return Ok(None);
        }
        // A unit that cannot be disabled properly is removed all the same: the link that starts
        // it at boot leads nowhere then.
        let disabled = self.systemctl(&["disable", NAME]);
        let path = self.units.path();
        std::fs::remove_file(&path).with_context(|| path.display().to_string())?;
        self.units.remove_sandbox()?;
        let told = [disabled, self.systemctl(&["daemon-reload"])];
        Ok(Some(Removed { path, trouble: told.into_iter().find_map(Result::err) }))
    }
}

#[derive(Debug)]
struct StartedUnit<'s> {
    systemd: &'s Systemd<'s>,
}

impl Started for StartedUnit<'_> {
    /// systemd starts it again as often as it fails.
    fn end(&mut self) -> Option<String> {
        None
    }

    fn last_words(&mut self) -> Option<String> {
        let properties = "--property=ActiveState,SubState,Result,ExecMainStatus";
        let state = self.systemd.systemctl(&["show", properties, NAME]).ok()?;
        let state = state.split_whitespace().collect::<Vec<_>>().join(" ");
        Some(format!("systemd says {state}; see: journalctl -u {NAME}"))
    }

    /// The supervisor's `stop` does it.
    fn abandon(&mut self) {}
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests write a stand-in for systemctl")]

    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::clock::SystemClock;

    /// A folder for units and a `systemctl` that writes down how it is called.
    struct Bed {
        root: tempfile::TempDir,
        clock: SystemClock,
    }

    impl Bed {
        fn new(script: &str) -> Self {
            let root = tempfile::tempdir().unwrap();
            fs::create_dir(root.path().join("units")).unwrap();
            let log = root.path().join("calls");
            fs::write(&log, "").unwrap();
            let program = root.path().join("systemctl");
            let script = format!(
                "#!/bin/sh\nshift 2\necho \"$*\" >> {log}\n{script}\n",
                log = log.display()
            );
            fs::write(&program, script).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
            Self { root, clock: SystemClock::start() }
        }

        fn systemd(&self) -> Systemd<'_> {
            Systemd {
                units: UnitFolders { own: self.root.path().join("units"), others: Vec::new() },
                systemctl: self.root.path().join("systemctl"),
                clock: &self.clock,
                limit: Duration::from_secs(60),
            }
        }

        fn calls(&self) -> Vec<String> {
            let text = fs::read_to_string(self.root.path().join("calls")).unwrap();
            text.lines().map(str::to_owned).collect()
        }

        fn unit(&self) -> PathBuf {
            self.root.path().join("units").join(NAME)
        }
    }

    fn worker() -> WorkerProgram {
        WorkerProgram { path: "/ext-1/bin/akvvm_service".into(), environment: Vec::new() }
    }

    #[test]
    fn preparing_writes_the_unit_and_starts_nothing() {
        let bed = Bed::new("");
        bed.systemd().prepare(&worker()).unwrap();
        assert!(fs::read_to_string(bed.unit()).unwrap().contains("/ext-1/bin/akvvm_service"));
        assert_eq!(fs::metadata(bed.unit()).unwrap().permissions().mode() & 0o7777, 0o644);
        assert_eq!(bed.calls(), ["daemon-reload"]);
    }

    #[test]
    fn starting_enables_the_unit_and_does_not_wait_for_it() {
        let bed = Bed::new("");
        bed.systemd().start(&worker()).unwrap();
        let restart = "restart --no-block akvvm_service.service";
        assert_eq!(bed.calls(), ["daemon-reload", "enable akvvm_service.service", restart]);
    }

    #[test]
    fn an_unchanged_unit_is_not_written_again() {
        let bed = Bed::new("");
        bed.systemd().prepare(&worker()).unwrap();
        let before = fs::metadata(bed.unit()).unwrap();
        bed.systemd().prepare(&worker()).unwrap();
        let inode = std::os::unix::fs::MetadataExt::ino;
        assert_eq!(inode(&fs::metadata(bed.unit()).unwrap()), inode(&before));
    }

    #[test]
    fn a_newer_version_replaces_the_path_in_our_unit() {
        let bed = Bed::new("");
        bed.systemd().prepare(&worker()).unwrap();
        let newer = WorkerProgram { path: "/ext-2/bin/akvvm_service".into(), ..worker() };
        bed.systemd().prepare(&newer).unwrap();
        let unit = fs::read_to_string(bed.unit()).unwrap();
        assert!(unit.contains("/ext-2/") && !unit.contains("/ext-1/"));
    }

    #[test]
    fn without_a_unit_of_ours_nothing_is_stopped_or_removed() {
        let bed = Bed::new("");
        for foreign in [false, true] {
            if foreign {
                fs::write(bed.unit(), "[Service]\nExecStart=/ext-1/bin/x\n").unwrap();
            }
            bed.systemd().stop().unwrap();
            bed.systemd().keep_stopped().unwrap();
            assert!(bed.systemd().remove(Path::new("/ext-1")).unwrap().is_none());
        }
        assert!(bed.unit().exists());
        assert_eq!(bed.calls(), Vec::<String>::new());
    }

    #[test]
    fn our_unit_is_stopped_disabled_and_removed() {
        let bed = Bed::new("");
        bed.systemd().prepare(&worker()).unwrap();
        bed.systemd().stop().unwrap();
        bed.systemd().keep_stopped().unwrap();
        let removed = bed.systemd().remove(Path::new("/ext-1")).unwrap().unwrap();
        assert_eq!(removed.path, bed.unit());
        assert!(removed.trouble.is_none());
        assert!(!bed.unit().exists());
        assert_eq!(
            bed.calls()[1..],
            [
                "stop akvvm_service.service",
                "disable akvvm_service.service",
                "disable akvvm_service.service",
                "daemon-reload"
            ]
        );
    }

    #[test]
    fn a_unit_of_ours_that_leads_into_another_version_stays() {
        let bed = Bed::new("");
        bed.systemd().prepare(&worker()).unwrap();
        assert!(bed.systemd().remove(Path::new("/ext-0")).unwrap().is_none());
        assert!(bed.unit().exists());
        assert_eq!(bed.calls(), ["daemon-reload"]);
    }

    #[test]
    fn a_refusal_is_passed_on_with_systemctls_words() {
        let bed = Bed::new("echo 'Failed to connect to bus' >&2; exit 1");
        let error = bed.systemd().prepare(&worker()).unwrap_err().to_string();
        assert_eq!(error, "systemctl daemon-reload: exit status: 1: Failed to connect to bus");
    }

    #[test]
    fn a_unit_is_removed_even_where_systemd_does_not_answer() {
        let bed = Bed::new("[ \"$1\" != disable ] || { echo no >&2; exit 4; }");
        bed.systemd().prepare(&worker()).unwrap();
        let removed = bed.systemd().remove(Path::new("/ext-1")).unwrap().unwrap();
        let trouble = removed.trouble.unwrap().to_string();
        assert_eq!(trouble, "systemctl disable akvvm_service.service: exit status: 4: no");
        assert!(!bed.unit().exists());
        assert_eq!(bed.calls().last().unwrap(), "daemon-reload");
    }

    #[test]
    fn a_worker_that_is_not_seen_is_looked_up() {
        let bed =
            Bed::new("[ \"$1\" = show ] && printf 'ActiveState=activating\\nResult=x\\n' || :");
        let systemd = bed.systemd();
        let words = systemd.start(&worker()).unwrap().last_words().unwrap();
        assert!(
            words.starts_with("systemd says ActiveState=activating Result=x; see: "),
            "{words}"
        );
    }
}
