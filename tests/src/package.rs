//! Extension packages: ours, as it is shipped, and small ones made for a test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::workspace;

/// Publisher and type of our package, as the Makefile has them by default.
const OURS: &str = "OpenKeyVault.KeyVaultForLinux";

/// A zip that the guest agent can install.
#[derive(Clone, Debug)]
pub struct Package {
    handler: String,
    version: String,
    path: PathBuf,
}

impl Package {
    /// Our package, built by the same command as a release, in the profile that
    /// `PACKAGE_PROFILE` names; once in each test process, so that no test runs an old one.
    pub fn ours() -> Self {
        static BUILT: OnceLock<PathBuf> = OnceLock::new();
        let path = BUILT.get_or_init(|| {
            let mut make = Command::new("make");
            let profile = std::env::var("PACKAGE_PROFILE").unwrap_or_else(|_| "dev".into());
            make.args(["--silent", "--no-print-directory", "package"]).current_dir(workspace());
            make.arg(format!("PROFILE={profile}"));
            for (name, _) in std::env::vars() {
                if ABOUT_THIS_TEST.iter().any(|prefix| name.starts_with(prefix)) {
                    make.env_remove(name);
                }
            }
            PathBuf::from(last_line(make))
        });
        Self::at(path, env!("CARGO_PKG_VERSION"))
    }

    /// The same programs under another version, packed into `folder`.
    pub fn ours_as(version: &str, folder: &Path) -> Self {
        let path = folder.join(format!("{OURS}-{version}.zip"));
        fs::copy(Self::ours().path, &path).unwrap();
        Self::at(&path, version)
    }

    /// The same under another version, and at a given point a command of it fails: the one that
    /// `folder/failing` names, as `VERSION COMMAND before` (nothing is done) or `… after` (done,
    /// and then killed).
    pub fn ours_failing(version: &str, folder: &Path) -> Self {
        let package = Self::ours_as(version, folder);
        let tree = folder.join(format!("failing-{version}"));
        let mut unzip = Command::new("unzip");
        unzip.arg("-q").arg(&package.path).arg("-d").arg(&tree);
        last_line(unzip);
        fs::rename(tree.join("bin/handler"), tree.join("bin/real")).unwrap();
        let script = format!(
            "#!/bin/sh\nfailing=$(cat {} 2>/dev/null)\n\
             [ \"$failing\" = \"{version} $1 before\" ] && exit 7\n\
             \"${{0%/*}}/real\" \"$@\" || exit\n\
             [ \"$failing\" = \"{version} $1 after\" ] && kill -9 $$\nexit 0\n",
            folder.join("failing").display()
        );
        fs::write(tree.join("bin/handler"), script).unwrap();
        fs::remove_file(&package.path).unwrap();
        let mut zip = Command::new("zip");
        zip.args(["-q", "-r"]).arg(&package.path).arg(".").current_dir(&tree);
        last_line(zip);
        package
    }

    /// Another extension, whose `enable` runs `script` (sh) and then reports success.
    pub fn other(handler: &str, script: &str, folder: &Path) -> Self {
        let tree = folder.join(handler);
        fs::create_dir_all(&tree).unwrap();
        let commands = ["install", "enable", "disable", "update", "uninstall"]
            .map(|command| format!(r#""{command}Command": "run.sh {command}""#))
            .join(", ");
        let manifest = format!(r#"[{{"version": 1.0, "handlerManifest": {{{commands}}}}}]"#);
        fs::write(tree.join("HandlerManifest.json"), manifest).unwrap();
        let run = format!(
            "#!/bin/sh -e\n[ $1 = enable ] || exit 0\n{script}\n\
             cat >status/$ConfigSequenceNumber.status <<END\n{SUCCESS}\nEND\n"
        );
        fs::write(tree.join("run.sh"), run).unwrap();
        let path = folder.join(format!("{handler}-1.0.0.zip"));
        let mut zip = Command::new("zip");
        zip.args(["-q", "-r"]).arg(&path).arg(".").current_dir(&tree);
        last_line(zip);
        Self { handler: handler.into(), version: "1.0.0".into(), path }
    }

    /// Our two programs as the package has them, in a folder that everybody can read.
    pub fn unpack_ours(folder: &Path) -> PathBuf {
        let programs = folder.join("programs");
        let mut unzip = Command::new("unzip");
        unzip.arg("-q").arg(Self::ours().path).arg("-d").arg(&programs);
        last_line(unzip);
        programs.join("bin").join(std::env::consts::ARCH)
    }

    /// Publisher and type.
    pub fn handler(&self) -> &str {
        &self.handler
    }

    /// The version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The zip.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn at(path: &Path, version: &str) -> Self {
        assert!(path.is_file(), "no package at {}", path.display());
        Self { handler: OURS.into(), version: version.into(), path: path.into() }
    }
}

/// Variables by which cargo and make tell their children where they are: a build of its own
/// must not see them, or cargo builds things again that depend on them.
const ABOUT_THIS_TEST: &[&str] =
    &["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CRATE_", "CARGO_BIN_", "MAKE", "MFLAGS"];

const SUCCESS: &str = r#"[{"version": 1.0, "timestampUTC": "2025-01-01T00:00:00Z", "status": {
    "operation": "Enable", "status": "success", "code": 0,
    "formattedMessage": {"lang": "en-US", "message": "done"}, "substatus": []}}]"#;

/// Runs a command to its end: the last line that it printed.
#[track_caller]
fn last_line(mut command: Command) -> String {
    let ran = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(ran.status.success(), "{command:?}: {}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8_lossy(&ran.stdout).lines().last().unwrap_or_default().to_owned()
}
