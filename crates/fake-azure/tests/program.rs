//! The program, as shell scripts use it.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "the program is a process of its own, and what a test cannot do fails it"
)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A server that was started as scripts do it.
struct Served {
    child: Child,
    folder: TempDir,
    lines: Vec<String>,
}

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_fake-azure"))
}

fn scenario(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(name).display().to_string()
}

impl Served {
    fn start(further: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = program();
        command.args(["serve", "--directory"]).arg(folder.path()).args(further);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = Vec::new();
        let output = BufReader::new(child.stdout.as_mut().unwrap());
        for line in output.lines().map(Result::unwrap) {
            let ready = line.ends_with("ready");
            lines.push(line);
            if ready {
                break;
            }
        }
        Self { child, folder, lines }
    }

    fn run(&self, words: &[&str]) -> Output {
        let mut command = program();
        command.args(words).arg("--directory").arg(self.folder.path()).output().unwrap()
    }

    /// What a command prints, which must end well.
    fn said(&self, words: &[&str]) -> String {
        let output = self.run(words);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {complaint}");
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_scenario_is_served_until_it_is_stopped() {
    let mut served = Served::start(&["--scenario", &scenario("demo.json")]);
    assert_eq!(served.lines.last().unwrap(), "3 certificates in the vaults; ready");
    let environment = served.folder.path().join("environment");
    let written = std::fs::read_to_string(&environment).unwrap();
    let shown: Vec<_> = served.lines[..served.lines.len() - 1].to_vec();
    assert_eq!(written.lines().collect::<Vec<_>>(), shown);
    let ca = format!("SSL_CERT_FILE={}", served.folder.path().join("ca.pem").display());
    assert!(shown.contains(&ca), "{shown:?}");
    served.said(&["stop"]);
    assert!(served.child.wait().unwrap().success());
    assert!(!environment.exists(), "it says no longer where nothing is");
    let after = served.run(&["list"]);
    assert_eq!(after.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&after.stderr).contains("nothing serves from"));
}

#[test]
fn a_signal_ends_it_tidily() {
    let mut served = Served::start(&[]);
    let number = served.child.id().to_string();
    assert!(Command::new("kill").arg(&number).status().unwrap().success());
    assert!(served.child.wait().unwrap().success());
    assert!(!served.folder.path().join("environment").exists());
}

#[test]
fn certificates_are_put_rotated_disabled_and_deleted() {
    let served = Served::start(&[]);
    let newest = || served.said(&["list"]).split(' ').nth(2).map(str::to_owned);
    let first = served.said(&["put", "contoso", "web", r#"{"format": "pem"}"#]);
    assert_eq!(newest().as_deref(), Some(&*first));
    let second = served.said(&["rotate", "contoso", "web"]);
    assert_ne!(first, second);
    assert_eq!(newest(), Some(second));
    served.said(&["disable", "contoso", "web"]);
    served.said(&["enable", "contoso", "web"]);
    served.said(&["delete", "contoso", "web"]);
    assert_eq!(served.said(&["list"]), "");
    let again = served.run(&["rotate", "contoso", "web"]);
    assert_eq!(again.status.code(), Some(1));
    let complaint = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(complaint.contains("has no certificate \"web\": put it there first"), "{complaint}");
}

#[test]
fn faults_come_from_the_command_line_and_requests_go_there() {
    let served = Served::start(&[]);
    served.said(&["secret", "contoso", "password", "hush", "text/plain"]);
    let rule = r#"{"when": {"place": "imds"}, "times": 1, "then": {"answer": {"status": 410}}}"#;
    served.said(&["fault", rule]);
    let imds = served.lines.iter().find_map(|line| line.strip_prefix("FAKE_AZURE_IMDS="));
    let url = format!("{}/oauth2/token?api-version=2018-02-01&resource=x", imds.unwrap());
    let mut curl = Command::new("curl");
    assert!(curl.args(["-s", "-H", "Metadata: true", &url]).output().unwrap().status.success());
    let line = served.said(&["requests"]);
    assert!(line.starts_with("imds  GET") && line.ends_with("410 (scripted)"), "{line}");
    let document: Value = serde_json::from_str(&served.said(&["requests", "--json"])).unwrap();
    assert_eq!(document[0]["status"], 410);
    served.said(&["requests", "--clear"]);
    assert_eq!(served.said(&["requests"]), "");
    served.said(&["deny", "contoso", "ForbiddenByRbac"]);
    served.said(&["allow", "contoso"]);
    served.said(&["fault", "--clear"]);
}

#[test]
fn mistakes_are_told_with_a_code_of_their_own() {
    let mistake = |words: &[&str]| {
        let output = program().args(words).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, complaint) = mistake(&["serve"]);
    assert_eq!((code, complaint.as_str()), (Some(2), "fake-azure: --directory DIR is missing\n"));
    let (code, complaint) = mistake(&["rotate", "contoso", "--directory", "x"]);
    assert_eq!(code, Some(2));
    assert_eq!(complaint, "fake-azure: rotate wants a vault and a certificate\n");
    let (code, _) = mistake(&["dance", "--directory", "x"]);
    assert_eq!(code, Some(2));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wrong.json");
    std::fs::write(&path, r#"{"vaults": {"contoso": {"certificate": {}}}}"#).unwrap();
    let directory = folder.path().display().to_string();
    let file = path.display().to_string();
    let (code, complaint) = mistake(&["serve", "--directory", &directory, "--scenario", &file]);
    assert_eq!(code, Some(1));
    assert!(complaint.contains("unknown field `certificate`"), "{complaint}");
}
