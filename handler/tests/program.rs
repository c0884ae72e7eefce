//! The program itself, called as the guest agent calls it.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests lay out what they need and fail loudly"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};

use worker_state::ProcessIdentity;

const SETTINGS: &str = r#"{"runtimeSettings": [{"handlerSettings": {"publicSettings":
    {"secretsManagementSettings": {"observedCertificates":
    ["https://contoso.vault.azure.net/secrets/web"]}}}}]}"#;

/// Writes down how it was started and ends.
const WORKER: &str = r#"#!/bin/sh
here=$STATE_DIRECTORY/..
streams=$(readlink /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/2)
echo "$streams" > "$here/streams"
echo "$#:$*" > "$here/arguments"
echo $$ > "$here/process"
readlink /proc/$$/cwd > "$here/cwd"
read -r pid name state parent group rest < /proc/$$/stat
echo "$group" > "$here/group"
exit 7
"#;

struct Bed {
    root: tempfile::TempDir,
}

impl Bed {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let bed = Self { root };
        let folder = bed.folder();
        for sub in ["bin/x86_64", "config", "status"] {
            fs::create_dir_all(folder.join(sub)).unwrap();
        }
        let path = |name: &str| folder.join(name).display().to_string();
        let environment = format!(
            r#"[{{"handlerEnvironment": {{"logFolder": "{}", "configFolder": "{}",
                "statusFolder": "{}", "heartbeatFile": "{}"}}}}]"#,
            path("log"),
            path("config"),
            path("status"),
            path("heartbeat.log")
        );
        fs::write(folder.join("HandlerEnvironment.json"), environment).unwrap();
        fs::write(folder.join("config/0.settings"), SETTINGS).unwrap();
        // By another process: while this one had the file open for writing, a child that another
        // test starts at that moment would inherit it, and the kernel refuses to run the program.
        let copied = Command::new("cp")
            .args([env!("CARGO_BIN_EXE_akvvm_handler").into(), bed.program("akvvm_handler")])
            .status();
        assert!(copied.unwrap().success());
        fs::write(bed.program("akvvm_service"), WORKER).unwrap();
        let executable = fs::Permissions::from_mode(0o744);
        fs::set_permissions(bed.program("akvvm_service"), executable).unwrap();
        bed
    }

    fn folder(&self) -> PathBuf {
        self.root.path().join("Open.KeyVault-1.0.0")
    }

    fn program(&self, name: &str) -> PathBuf {
        self.folder().join("bin/x86_64").join(name)
    }

    fn call(&self, arguments: &[&str], supervisor: &str) -> Output {
        self.call_with_path(arguments, supervisor, "/usr/bin:/bin")
    }

    fn call_with_path(&self, arguments: &[&str], supervisor: &str, path: &str) -> Output {
        let mut command = Command::new(self.program("akvvm_handler"));
        command.args(arguments).env_clear().current_dir("/tmp");
        command.env("PATH", path).env("AKVVM_SUPERVISOR", supervisor);
        command.env("STATE_DIRECTORY", self.root.path().join("state"));
        command.env("RUNTIME_DIRECTORY", self.root.path().join("run"));
        command.output().unwrap()
    }

    fn written(&self, name: &str) -> String {
        fs::read_to_string(self.root.path().join(name)).unwrap().trim().to_owned()
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn a_worker_starts_apart_from_the_agents_processes_streams_and_folders() {
    let bed = Bed::new();
    let output = bed.call(&["enable"], "detached");
    assert_eq!(output.status.code(), Some(1));
    let errors = text(&output.stderr);
    assert!(errors.starts_with("enable: the worker does not run: it ended at once"), "{errors}");
    assert_eq!(bed.written("arguments"), "1:run");
    assert_eq!(bed.written("cwd"), "/");
    assert_eq!(bed.written("streams"), "/dev/null\n/dev/null\n/dev/null");
    assert_eq!(bed.written("group"), bed.written("process"));
    let process = bed.written("process").parse().unwrap();
    assert_eq!(ProcessIdentity::of(process), None, "nothing is left of it");
}

#[test]
fn commands_end_with_0_and_failures_with_1() {
    let bed = Bed::new();
    for command in ["install", "disable", "update", "uninstall"] {
        let output = bed.call(&[command], "detached");
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert_eq!(text(&output.stderr), "");
    }
    fs::write(bed.folder().join("config/0.settings"), "").unwrap();
    let output = bed.call(&["enable"], "detached");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).starts_with("enable: the settings file is empty"));
}

#[test]
fn of_a_state_directory_that_is_a_mount_point_the_content_is_removed() {
    let bed = Bed::new();
    let [state, run] = ["state", "run"].map(|name| bed.root.path().join(name));
    fs::create_dir(&state).unwrap();
    let script = "mount -t tmpfs -o mode=700 tmpfs \"$STATE_DIRECTORY\" && \"$0\" install && \
                  ls -A \"$STATE_DIRECTORY\" && \"$0\" uninstall && ls -A \"$STATE_DIRECTORY\"";
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "--propagation", "private"]);
    if !rustix::process::geteuid().is_root() {
        unshare.arg("--map-root-user");
    }
    unshare.args(["sh", "-c", script]).arg(bed.program("akvvm_handler"));
    unshare.env("AKVVM_SUPERVISOR", "detached");
    unshare.env("STATE_DIRECTORY", &state).env("RUNTIME_DIRECTORY", &run);
    let output = unshare.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    assert!(said.contains("\nrecords\n"), "{said}");
    assert!(said.ends_with("the state is removed; certificates and logs stay\n"), "{said}");
}

#[test]
fn a_wrong_call_is_answered_with_the_usage() {
    let bed = Bed::new();
    let output = bed.call(&["start"], "detached");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).starts_with("usage: akvvm_handler install|enable"));
    assert!(!bed.root.path().join("state").exists());
}

#[test]
fn it_tells_its_version() {
    let bed = Bed::new();
    let output = bed.call(&["--version"], "detached");
    assert_eq!(output.status.code(), Some(0));
    let version = concat!("akvvm_handler ", env!("CARGO_PKG_VERSION"));
    assert!(text(&output.stdout).starts_with(version));
    assert!(!bed.root.path().join("state").exists());
}

#[test]
fn an_unknown_supervisor_is_told_in_the_status_but_does_not_hinder_a_removal() {
    let bed = Bed::new();
    let output = bed.call(&["enable"], "upstart");
    assert_eq!(output.status.code(), Some(1));
    let status = fs::read_to_string(bed.folder().join("status/0.status")).unwrap();
    assert!(status.contains("AKVVM_SUPERVISOR must be systemd or detached"), "{status}");
    for command in ["disable", "uninstall"] {
        // Nothing of this machine's own systemd is to be found, let alone touched.
        let output = bed.call_with_path(&[command], "upstart", "/nonexistent");
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }
    assert!(!bed.root.path().join("state").exists());
}
