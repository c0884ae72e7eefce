//! A test that mounts file systems runs again in a mount namespace of its own: what it mounts is
//! seen by nobody else, and is gone with it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Says to the second run where it may mount.
const FOLDER: &str = "CERT_STORE_TEST_MOUNTS";

/// Runs `body`, with an empty folder, in a namespace. `name` is the calling test's.
pub(crate) fn run_alone(name: &str, body: impl FnOnce(&Path)) {
    if let Some(folder) = env::var_os(FOLDER) {
        return body(&PathBuf::from(folder));
    }
    let refusal = said(&namespace().arg("true").output().unwrap());
    assert!(
        refusal.is_empty(),
        "this test mounts file systems, and this machine does not let it: {refusal:?}; run it as \
         root, in a container with CAP_SYS_ADMIN (docker run --privileged)"
    );
    let folder = crate::bed::scratch();
    let mut again = namespace();
    again.arg(env::current_exe().unwrap()).args([name, "--exact", "--nocapture"]);
    let outcome = again.env(FOLDER, folder.path()).output().unwrap();
    let said = said(&outcome);
    assert!(outcome.status.success(), "{said}");
    let said = String::from_utf8_lossy(&outcome.stdout);
    assert!(said.contains("1 passed"), "no test is called {name:?}");
    println!("{said}");
    assert!(crate::bed::names(folder.path()).is_empty(), "a mount leaked");
}

/// Others than root get a namespace where they are root.
fn namespace() -> Command {
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "--propagation", "private"]);
    if !rustix::process::geteuid().is_root() {
        unshare.arg("--map-root-user");
    }
    unshare
}

/// What a command that failed said.
fn said(outcome: &Output) -> String {
    if outcome.status.success() {
        return String::new();
    }
    let all = [outcome.stdout.as_slice(), &outcome.stderr].concat();
    format!("{} {}", outcome.status, String::from_utf8_lossy(&all).trim())
}

/// Mounts something, for example `-t tmpfs -o size=64k tmpfs`, at `place`.
#[allow(dead_code, reason = "only some tests do")]
pub(crate) fn mount(arguments: &str, place: &Path) {
    let mut mount = Command::new("mount");
    mount.args(arguments.split(' ').filter(|argument| !argument.is_empty())).arg(place);
    let outcome = mount.output().unwrap();
    assert!(outcome.status.success(), "{mount:?}: {}", said(&outcome));
}

pub(crate) fn unmount(place: &Path) {
    let outcome = Command::new("umount").arg(place).output().unwrap();
    assert!(outcome.status.success(), "{}", said(&outcome));
}
