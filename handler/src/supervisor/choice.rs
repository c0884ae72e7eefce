//! Which supervisor a machine gets.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use worker_state::{Account, environment_name};

/// There exactly while systemd is the init process (sd_booted(3)).
const SYSTEMD_RUNS: &str = "/run/systemd/system";

/// Where programs are looked for as well, whatever `PATH` leaves out: without `systemctl` the
/// worker would not come back after a reboot.
const USUAL_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A supervisor to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// With this `systemctl`.
    Systemd(PathBuf),
    Detached,
}

/// What the choice depends on.
#[derive(Debug)]
pub(crate) struct Ground {
    pub(crate) systemd_runs: bool,
    pub(crate) systemctl: Option<PathBuf>,
    pub(crate) account: Account,
}

impl Ground {
    /// This machine's, with `PATH` as it is given.
    pub(crate) fn look(path: Option<&OsStr>, account: Account) -> Self {
        let systemd_runs = Path::new(SYSTEMD_RUNS).is_dir();
        let paths = [path.unwrap_or_default(), OsStr::new(USUAL_PATH)];
        let mut folders = paths.iter().flat_map(std::env::split_paths);
        let systemctl = folders
            .find_map(|folder| Some(folder.join("systemctl")).filter(|program| program.is_file()));
        Self { systemd_runs, systemctl, account }
    }
}

/// The forced supervisor (the value of `AKVVM_SUPERVISOR`), else the one that fits.
///
/// # Errors
/// Where the forced one is unknown or not to be had.
pub(crate) fn choose(forced: Option<&str>, ground: &Ground) -> Result<Choice> {
    let name = environment_name::SUPERVISOR;
    match (forced, &ground.systemctl) {
        (None, _) => Ok(fitting(ground)),
        (Some("detached"), _) => Ok(Choice::Detached),
        (Some("systemd"), Some(systemctl)) => Ok(Choice::Systemd(systemctl.clone())),
        (Some("systemd"), None) => bail!("{name} is systemd, but there is no systemctl in PATH"),
        (Some(other), _) => bail!("{name} must be systemd or detached, but is {other:?}"),
    }
}

/// systemd where it runs and this is root, who alone may add units.
pub(crate) fn fitting(ground: &Ground) -> Choice {
    match &ground.systemctl {
        Some(systemctl) if ground.systemd_runs && ground.account == Account::Root => {
            Choice::Systemd(systemctl.clone())
        }
        _ => Choice::Detached,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ground(systemd_runs: bool, systemctl: bool, account: Account) -> Ground {
        Ground { systemd_runs, systemctl: systemctl.then(|| "/bin/systemctl".into()), account }
    }

    #[test]
    fn systemctl_is_found_in_path_first_and_without_it_too() {
        let usual = Ground::look(None, Account::Root).systemctl;
        assert_eq!(Ground::look(Some(OsStr::new("/nonexistent")), Account::Root).systemctl, usual);
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("systemctl");
        atomic_file::replace_file(&program, 0o755, b"").unwrap();
        let found = Ground::look(Some(folder.path().as_os_str()), Account::Root).systemctl;
        assert_eq!(found, Some(program));
    }

    #[test]
    fn systemd_is_chosen_where_root_has_it_running() {
        let chosen =
            |runs, program, account| choose(None, &ground(runs, program, account)).unwrap();
        let systemd = Choice::Systemd("/bin/systemctl".into());
        assert_eq!(chosen(true, true, Account::Root), systemd);
        assert_eq!(chosen(false, true, Account::Root), Choice::Detached);
        assert_eq!(chosen(true, false, Account::Root), Choice::Detached);
        assert_eq!(chosen(true, true, Account::User), Choice::Detached);
    }

    #[test]
    fn the_environment_forces_one() {
        let forced =
            |name, program: bool| choose(Some(name), &ground(!program, program, Account::Root));
        assert_eq!(forced("detached", true).unwrap(), Choice::Detached);
        assert_eq!(forced("systemd", true).unwrap(), Choice::Systemd("/bin/systemctl".into()));
        assert!(forced("systemd", false).unwrap_err().to_string().contains("no systemctl"));
        let refusal = forced("upstart", true).unwrap_err().to_string();
        assert_eq!(refusal, "AKVVM_SUPERVISOR must be systemd or detached, but is \"upstart\"");
    }
}
