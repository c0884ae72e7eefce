//! A test that needs this machine's own paths and ports runs again in mount and network namespaces
//! of its own: what it mounts and listens at is seen by nobody else, and is gone with it.

use std::env;
use std::path::Path;
use std::process::{Command, Output};

/// Says to the second run that it is the second.
const INSIDE: &str = "SERVICE_TEST_NAMESPACE";

/// Runs `body` in namespaces of its own. `name` is the calling test's.
pub(crate) fn run_alone(name: &str, body: impl FnOnce()) {
    if env::var_os(INSIDE).is_some() {
        return body();
    }
    let refusal = said(&namespaces().arg("true").output().unwrap());
    assert!(
        refusal.is_empty(),
        "this test needs namespaces, and this machine does not let it: {refusal:?}; run it as \
         root, in a container with CAP_SYS_ADMIN (docker run --privileged)"
    );
    let mut again = namespaces();
    again.arg(env::current_exe().unwrap()).args([name, "--exact", "--nocapture"]);
    let outcome = again.env(INSIDE, "yes").output().unwrap();
    let complaint = said(&outcome);
    assert!(outcome.status.success(), "{complaint}");
    let printed = String::from_utf8_lossy(&outcome.stdout);
    assert!(printed.contains("1 passed"), "no test is called {name:?}");
}

/// Others than root get namespaces where they are root.
fn namespaces() -> Command {
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "--net", "--propagation", "private"]);
    if !rustix::process::geteuid().is_root() {
        unshare.arg("--map-root-user");
    }
    unshare.args(["sh", "-c", "ip link set lo up && exec \"$@\"", "sh"]);
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

/// An empty file system in place of what this directory of the machine holds.
pub(crate) fn empty(directory: &str) {
    assert!(Path::new(directory).is_dir(), "{directory}: every Linux machine has it (FHS)");
    let outcome = Command::new("mount").args(["-t", "tmpfs", "tmpfs", directory]).output().unwrap();
    assert!(outcome.status.success(), "{}", said(&outcome));
}
