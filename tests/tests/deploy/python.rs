//! The readers in `tests/deploy`, which are written in Python because the parsers are.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use acceptance::workspace;
use serde_json::Value;

/// What a reader says of `input`, which it gets as JSON.
#[track_caller]
pub(crate) fn ask(reader: &str, arguments: &[&str], input: &Value) -> Value {
    let root = workspace();
    let text = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_default();
    assert!(
        text("tests/python/requirements.txt") == text("target/python-env/requirements.txt"),
        "target/python-env is missing or old: run scripts/python-env.sh and try again"
    );
    let mut python = Command::new(root.join("target/python-env/bin/python"));
    python.arg("-B").arg(root.join("tests/deploy").join(reader)).args(arguments);
    python.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = python.spawn().unwrap();
    // A reader that refuses early may be gone before it has read all of it.
    let _ = process.stdin.take().unwrap().write_all(input.to_string().as_bytes());
    let ended = process.wait_with_output().unwrap();
    let complaint = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{reader}: {complaint}");
    serde_json::from_slice(&ended.stdout).unwrap()
}
