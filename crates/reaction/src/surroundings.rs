//! What this machine has to do it with.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::process::{End, Program, run};
use crate::{Permission, UnitName};

/// There exactly while systemd is the init process (sd_booted(3)).
const SYSTEMD_RUNS: &str = "/run/systemd/system";

/// Where distributions have programs, whatever a PATH says.
const FOLDERS: [&str; 4] = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"];

/// `systemd-run` has `--wait` since 232, `--pipe` since 235 and `--collect` since 236
/// (systemd-run(1)); a transient service takes `TimeoutStopSec=` and `UMask=` since 237 ("almost all
/// properties", systemd's NEWS).
const TRANSIENT_UNITS_SINCE: u32 = 237;

/// The control group of this process (cgroups(7)).
const OWN_GROUP: &str = "/proc/self/cgroup";

/// How long one question or order to systemd may take, beside what a unit takes.
const VERSION_PATIENCE: Duration = Duration::from_secs(10);

/// How long a unit may take: as long as it takes systemd to give up twice over a unit with the
/// usual limits (`DefaultTimeoutStopSec=`, `DefaultTimeoutStartSec=`: 90 s each).
const UNIT_PATIENCE: Duration = Duration::from_secs(200);

/// What reactions depend on beside themselves: asked for once, and the same from then on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// What settings may ask for.
    pub permission: Permission,
    /// None where no systemd runs, or it is not to be used.
    pub systemd: Option<Systemd>,
    /// Who this process runs as, as a number. Programs must belong to this user or to root.
    pub user: u32,
    /// How long a unit may take to reload or restart.
    pub unit_patience: Duration,
}

/// The systemd that runs this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Systemd {
    /// The program of that name.
    pub systemctl: PathBuf,
    /// The program `systemd-run`, where commands can run as transient units: this is root, and
    /// systemd is 237 or later.
    pub systemd_run: Option<PathBuf>,
    /// The systemd's version; 0 where it does not say.
    pub version: u32,
    /// The unit that this process is part of, which must not be asked to end it.
    pub own_unit: Option<UnitName>,
}

impl Surroundings {
    /// This machine's. Without `may_use_systemd` (`AKVVM_SUPERVISOR=detached`), it counts as one
    /// without.
    #[must_use]
    pub fn discover(permission: Permission, may_use_systemd: bool) -> Self {
        let user = rustix::process::geteuid().as_raw();
        let systemd = may_use_systemd.then(|| Systemd::discover(user)).flatten();
        Self { permission, systemd, user, unit_patience: UNIT_PATIENCE }
    }
}

impl Systemd {
    fn discover(user: u32) -> Option<Self> {
        if !Path::new(SYSTEMD_RUNS).is_dir() {
            return None;
        }
        let systemctl = program("systemctl")?;
        let version = version(&systemctl).unwrap_or(0);
        let able = user == 0 && version >= TRANSIENT_UNITS_SINCE;
        let systemd_run = able.then(|| program("systemd-run")).flatten();
        let own_unit = fs::read_to_string(OWN_GROUP).ok().as_deref().and_then(own_unit);
        Some(Self { systemctl, systemd_run, version, own_unit })
    }
}

/// The program of that name, where the distribution has it.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    FOLDERS.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.is_file())
}

fn version(systemctl: &Path) -> Option<u32> {
    let asked = Program::new(systemctl, VERSION_PATIENCE).arguments(["--version"]);
    let finished = run(&asked).ok()?;
    matches!(finished.end, End::By(_)).then(|| version_in(&finished.said)).flatten()
}

/// `systemd 252 (252.39-1~deb12u2)`, then lines about how it was built.
fn version_in(said: &str) -> Option<u32> {
    let number = said.lines().find_map(|line| line.strip_prefix("systemd "))?;
    let digits = number.find(|c: char| !c.is_ascii_digit()).map_or(number, |end| &number[..end]);
    digits.parse().ok()
}

/// The service in systemd's hierarchy (`0::`, with the older layout `name=systemd`) whose group
/// this is.
fn own_unit(groups: &str) -> Option<UnitName> {
    let mut paths = groups.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (_, hierarchy, path) = (fields.next()?, fields.next()?, fields.next()?);
        (hierarchy.is_empty() || hierarchy == "name=systemd").then_some(path)
    });
    paths.find_map(|path| {
        let name = path.split('/').rev().find(|name| name.ends_with(".service"))?;
        UnitName::parse(name).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_distributions_write_them() {
        for (said, version) in [
            ("systemd 252 (252.39-1~deb12u2)\n+PAM +AUDIT", Some(252)),
            ("systemd 219\n+PAM", Some(219)),
            ("systemd 256~rc3-1 (256)", Some(256)),
            ("systemctl 1", None),
            ("", None),
        ] {
            assert_eq!(version_in(said), version, "{said}");
        }
    }

    #[test]
    fn the_own_unit_is_that_of_the_control_group() {
        let unified = "0::/system.slice/akvvm_service.service\n";
        let ours = || Some(UnitName::parse("akvvm_service").unwrap());
        assert_eq!(own_unit(unified), ours());
        let nested = "0::/system.slice/akvvm_service.service/worker\n";
        assert_eq!(own_unit(nested), ours());
        let older = "4:cpu:/\n1:name=systemd:/system.slice/akvvm_service.service\n";
        assert_eq!(own_unit(older), ours());
        assert_eq!(own_unit("0::/user.slice/user-0.slice/session-1.scope\n"), None);
        assert_eq!(own_unit("0::/\n"), None);
        assert_eq!(own_unit("rubbish"), None);
    }

    #[test]
    fn a_machine_counts_as_one_without_systemd_where_it_is_not_to_be_used() {
        let found = Surroundings::discover(Permission::Commands, false);
        assert_eq!((found.systemd, found.permission), (None, Permission::Commands));
    }

    #[test]
    fn programs_are_found_where_distributions_have_them() {
        assert!(program("sh").is_some());
        assert_eq!(program("no-such-program"), None);
    }
}
