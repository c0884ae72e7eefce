//! The systemd unit: its text, and whose it is.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use worker_state::unit::{SANDBOX, SANDBOX_MARKER};

use super::WorkerProgram;

pub(super) use worker_state::unit::NAME;

/// What our units begin with, in every version: a unit that does not is somebody else's.
const OWNER_MARKER: &str = "# Written by akvvm_handler, ";

const TEMPLATE: &str = include_str!("../../../scripts/akvvm_service.service.in");

/// The folders where systemd looks for units.
#[derive(Clone, Debug)]
pub struct UnitFolders {
    /// Where ours belongs.
    pub own: PathBuf,
    /// Where else one of the same name can stand.
    pub others: Vec<PathBuf>,
}

impl Default for UnitFolders {
    /// As systemd.unit(5) has them.
    fn default() -> Self {
        let others = ["/run", "/usr/local/lib", "/lib", "/usr/lib"];
        let folder = |root: &str| Path::new(root).join("systemd/system");
        Self { own: folder("/etc"), others: others.into_iter().map(folder).collect() }
    }
}

impl UnitFolders {
    /// Why our unit cannot be put here: there is one that is not ours.
    pub(super) fn obstacle(&self) -> Option<String> {
        let folders = std::iter::once(&self.own).chain(&self.others);
        let strange =
            folders.map(|folder| folder.join(NAME)).find(|path| !is_free_or_ours(path))?;
        let path = strange.display();
        if fs::read_link(&strange).is_ok_and(|target| target == Path::new("/dev/null")) {
            return Some(masked(&strange));
        }
        Some(format!(
            "{path} belongs to another product (Microsoft's Key Vault extension has a unit of \
             this name, and so has akvvm_service without an extension), and two of them would \
             fight over the certificates; remove the other one from this machine, then deploy \
             this one again"
        ))
    }

    /// Removes the drop-in that the worker's program writes for our unit, and its folder where
    /// nothing else is in it.
    ///
    /// # Errors
    /// Where it cannot be removed.
    pub(super) fn remove_sandbox(&self) -> Result<()> {
        let path = self.own.join(SANDBOX);
        let ours = fs::read(&path).is_ok_and(|text| text.starts_with(SANDBOX_MARKER.as_bytes()));
        if ours {
            fs::remove_file(&path).with_context(|| path.display().to_string())?;
        }
        // An administrator's own drop-ins keep it.
        path.parent().map_or(Ok(()), |folder| fs::remove_dir(folder).or(Ok(())))
    }

    /// The path of our unit.
    pub(super) fn path(&self) -> PathBuf {
        self.own.join(NAME)
    }

    /// The text of our unit; none where there is no unit, or somebody else's.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub(super) fn text(&self) -> Result<Option<String>> {
        match fs::read_to_string(self.path()) {
            Ok(text) => Ok(Some(text).filter(|text| text.starts_with(OWNER_MARKER))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| self.path().display().to_string()),
        }
    }
}

/// How a link to nothing is taken away: `unmask` alone takes those in `/etc` (systemctl(1)).
fn masked(path: &Path) -> String {
    let which = if path.starts_with("/run") { format!("--runtime {NAME}") } else { NAME.into() };
    format!("{}: the unit is masked; run: systemctl unmask {which}", path.display())
}

/// A unit that cannot be read is not known to be ours.
fn is_free_or_ours(path: &Path) -> bool {
    match fs::read(path) {
        Ok(text) => text.starts_with(OWNER_MARKER.as_bytes()),
        Err(error) => {
            error.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(path).is_err()
        }
    }
}

/// The unit for a worker.
///
/// # Errors
/// Where the program's path or a variable cannot be expressed in a unit file.
pub(super) fn render(worker: &WorkerProgram) -> Result<String> {
    let mut unit = String::new();
    for line in TEMPLATE.lines() {
        if line == "@ENVIRONMENT@" {
            for (name, value) in &worker.environment {
                unit += &format!("Environment={}\n", variable(name, value)?);
            }
        } else {
            let program = program(&worker.path)?;
            // Nothing is quoted in a condition: its path is the rest of the line.
            let path = program.trim_matches('"');
            let (place, text) = match line.contains("@PATH@") {
                true => ("@PATH@", path),
                false => ("@PROGRAM@", program.as_str()),
            };
            unit += &line.replacen(place, text, 1);
            unit.push('\n');
        }
    }
    Ok(unit)
}

/// Whether a unit starts a program below `folder`.
pub(super) fn leads_into(unit: &str, folder: &Path) -> bool {
    let Ok(inside) = program(&folder.join("x")) else { return false };
    let Some(inside) = inside.strip_suffix("x\"") else { return false };
    let mut lines = unit.lines().filter_map(|line| line.strip_prefix("ExecStart="));
    lines.any(|program| program.starts_with(inside))
}

/// The program's path as `ExecStart=` takes it (systemd.service(5), "Command lines"): quoted,
/// `%` doubled. systemd before 244 refuses quotes and backslashes there, however they are
/// escaped, and no version replaces `$$` in the program's path.
fn program(path: &Path) -> Result<String> {
    let text = path.to_str().filter(|text| !text.contains(['"', '\'', '\\', '$']));
    match text.filter(|text| path.is_absolute() && !text.contains(char::is_control)) {
        Some(text) => Ok(format!("\"{}\"", text.replace('%', "%%"))),
        None => bail!("systemd cannot start a program with the path {path:?}"),
    }
}

/// One assignment as `Environment=` takes it (systemd.exec(5)): quoted, with C escapes, `%`
/// doubled; `$` means nothing there.
fn variable(name: &str, value: &str) -> Result<String> {
    if value.contains(char::is_control) {
        bail!("{name} holds a control character, which a systemd unit cannot pass on");
    }
    let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%");
    Ok(format!("\"{name}={value}\""))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests write units of all kinds")]

    use proptest::prelude::*;

    use super::*;

    fn worker(path: &str, environment: &[(&str, &str)]) -> WorkerProgram {
        let environment = environment.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        WorkerProgram { path: path.into(), environment: environment.collect() }
    }

    fn lines_of(worker: &WorkerProgram, key: &str) -> Vec<String> {
        let unit = render(worker).unwrap();
        unit.lines().filter_map(|line| line.strip_prefix(key)).map(str::to_owned).collect()
    }

    fn folders() -> (tempfile::TempDir, UnitFolders) {
        let root = tempfile::tempdir().unwrap();
        let folders =
            UnitFolders { own: root.path().join("etc"), others: vec![root.path().join("lib")] };
        fs::create_dir(&folders.own).unwrap();
        fs::create_dir(&folders.others[0]).unwrap();
        (root, folders)
    }

    #[test]
    fn the_unit_begins_with_its_owners_marker_and_leaves_no_gap() {
        let unit = render(&worker("/e/bin/akvvm_service", &[("STATE_DIRECTORY", "/s")])).unwrap();
        assert!(unit.starts_with(OWNER_MARKER), "{unit}");
        assert!(!unit.contains("@PROGRAM@") && !unit.contains("@ENVIRONMENT@"), "{unit}");
        assert!(unit.contains("\nExecStartPre=-+\"/e/bin/akvvm_service\" confine\n"), "{unit}");
        assert!(unit.contains("\nExecStart=\"/e/bin/akvvm_service\" run\n"), "{unit}");
        assert!(unit.contains("\nEnvironment=\"STATE_DIRECTORY=/s\"\n"), "{unit}");
    }

    #[test]
    fn of_every_directive_it_is_known_which_systemd_has_it() {
        let page = include_str!("../../../docs/systemd.md");
        let unit = render(&worker("/e/x", &[("STATE_DIRECTORY", "/s")])).unwrap();
        for line in unit.lines().filter(|line| !line.starts_with(['#', '['])) {
            let Some((directive, _)) = line.split_once('=') else { continue };
            assert!(
                page.contains(&format!("`{directive}=`")),
                "docs/systemd.md lacks {directive}="
            );
        }
    }

    #[test]
    fn without_variables_the_environment_is_the_one_of_every_worker() {
        let lines = lines_of(&worker("/e/x", &[]), "Environment=");
        let (name, value) = crate::supervisor::detached::MALLOC;
        assert_eq!(lines, [format!("{name}={value}")]);
    }

    #[test]
    fn the_sandbox_is_removed_and_what_an_administrator_has_put_beside_it_stays() {
        let (_root, folders) = folders();
        let sandbox = folders.own.join(SANDBOX);
        let folder = sandbox.parent().unwrap();
        folders.remove_sandbox().unwrap();
        fs::create_dir(folder).unwrap();
        fs::write(&sandbox, format!("{SANDBOX_MARKER}\n")).unwrap();
        fs::write(folder.join("override.conf"), "").unwrap();
        folders.remove_sandbox().unwrap();
        assert!(!sandbox.exists() && folder.join("override.conf").exists());
        fs::remove_file(folder.join("override.conf")).unwrap();
        fs::write(&sandbox, "[Service]\n").unwrap();
        folders.remove_sandbox().unwrap();
        assert!(sandbox.exists(), "not ours");
        fs::remove_file(&sandbox).unwrap();
        folders.remove_sandbox().unwrap();
        assert!(!folder.exists());
    }

    #[test]
    fn the_start_limit_is_off_for_new_and_old_systemd() {
        let unit = render(&worker("/e/x", &[])).unwrap();
        let section = |name: &str| unit.split("\n[").find(|part| part.starts_with(name)).unwrap();
        assert!(section("Unit]").contains("\nStartLimitIntervalSec=0"));
        assert!(section("Service]").contains("\nStartLimitInterval=0"));
    }

    #[test]
    fn odd_paths_are_escaped_and_impossible_ones_refused() {
        let exec = |path: &str| lines_of(&worker(path, &[]), "ExecStart=");
        assert_eq!(exec("/a b/100%/@ENVIRONMENT@"), ["\"/a b/100%%/@ENVIRONMENT@\" run"]);
        assert_eq!(exec("/é/;#=x"), ["\"/é/;#=x\" run"]);
        let condition = |path: &str| lines_of(&worker(path, &[]), "ConditionPathExists=");
        assert_eq!(condition("/a b/100%/@PROGRAM@"), ["/a b/100%%/@PROGRAM@"]);
        assert_eq!(exec("/@PATH@"), ["\"/@PATH@\" run"]);
        for path in ["/a\"b", "/a'b", "/a\\b", "/a$b", "/a\nExecStartPre=/bin/sh", "a/b"] {
            let error = render(&worker(path, &[])).unwrap_err().to_string();
            assert!(error.starts_with("systemd cannot start a program with the path"), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn odd_values_are_escaped_and_impossible_ones_refused() {
        let odd = worker("/e/x", &[("STATE_DIRECTORY", r#"/a "b"\c %d $e 'f'"#)]);
        let last = lines_of(&odd, "Environment=").pop();
        assert_eq!(last.unwrap(), r#""STATE_DIRECTORY=/a \"b\"\\c %%d $e 'f'""#);
        let error = render(&worker("/e/x", &[("LOGS_DIRECTORY", "/a\n[Service]\nUser=x")]));
        assert!(error.unwrap_err().to_string().starts_with("LOGS_DIRECTORY holds a control"));
    }

    /// As systemd takes a quoted word apart: C escapes, then specifiers.
    fn as_systemd_reads(quoted: &str) -> String {
        let inside = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap();
        let (mut read, mut characters) = (String::new(), inside.chars());
        while let Some(character) = characters.next() {
            assert_ne!(character, '"', "the word ends too early");
            let next = if matches!(character, '\\' | '%') { characters.next() } else { None };
            match (character, next) {
                ('%', next) => assert_eq!(next, Some('%'), "a specifier"),
                ('\\', next) => assert!(matches!(next, Some('\\' | '"')), "an escape"),
                _ => {}
            }
            read.push(next.unwrap_or(character));
        }
        read
    }

    proptest! {
        #[test]
        fn systemd_reads_what_was_meant(value in "\\PC*") {
            let quoted = variable("STATE_DIRECTORY", &value).unwrap();
            prop_assert_eq!(as_systemd_reads(&quoted), format!("STATE_DIRECTORY={value}"));
            if let Ok(quoted) = program(&Path::new("/").join(&value)) {
                prop_assert_eq!(PathBuf::from(as_systemd_reads(&quoted)), Path::new("/").join(&value));
            }
        }
    }

    #[test]
    fn a_unit_leads_into_the_folder_that_holds_its_program_and_into_no_other() {
        let unit = render(&worker("/lib/Some.Ext-1.0 100%/bin/akvvm_service", &[])).unwrap();
        assert!(leads_into(&unit, Path::new("/lib/Some.Ext-1.0 100%")));
        assert!(!leads_into(&unit, Path::new("/lib/Some.Ext-1")));
        assert!(!leads_into(&unit, Path::new("/lib/Some.Ext-1.0")));
        assert!(!leads_into(&unit, Path::new("/li\"b")));
    }

    #[test]
    fn no_unit_and_our_own_unit_are_no_obstacle() {
        let (_root, folders) = folders();
        assert_eq!(folders.obstacle(), None);
        assert_eq!(folders.text().unwrap(), None);
        let unit = render(&worker("/e/x", &[])).unwrap();
        fs::write(folders.path(), &unit).unwrap();
        assert_eq!(folders.obstacle(), None);
        assert_eq!(folders.text().unwrap(), Some(unit));
    }

    #[test]
    fn somebody_elses_unit_is_an_obstacle_wherever_it_stands() {
        let (_root, folders) = folders();
        for folder in [&folders.own, &folders.others[0]] {
            let path = folder.join(NAME);
            fs::write(&path, "[Unit]\nDescription=Azure Key Vault extension\n").unwrap();
            let obstacle = folders.obstacle().unwrap();
            assert!(obstacle.starts_with(&format!("{} belongs to another", path.display())));
            assert_eq!(folders.text().unwrap(), None);
            fs::remove_file(path).unwrap();
        }
    }

    #[test]
    fn a_masked_unit_and_a_link_to_nowhere_are_obstacles() {
        let (_root, folders) = folders();
        std::os::unix::fs::symlink("/dev/null", folders.path()).unwrap();
        assert!(folders.obstacle().unwrap().ends_with("systemctl unmask akvvm_service.service"));
        fs::remove_file(folders.path()).unwrap();
        let run = Path::new("/run/systemd/system").join(NAME);
        assert!(masked(&run).ends_with("systemctl unmask --runtime akvvm_service.service"));
        std::os::unix::fs::symlink("/nonexistent/unit", folders.path()).unwrap();
        assert!(folders.obstacle().is_some());
    }
}
