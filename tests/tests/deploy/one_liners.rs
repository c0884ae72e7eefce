//! The command lines for POSIX shells: run as they stand, with an `az` that writes down what it is
//! given. That `az` has these commands and options, `tests/tests/tidy` looks after, for all pages.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use acceptance::page::{self, Block};
use acceptance::workspace;
use serde_json::Value;

use crate::{names, settings};

/// Writes its arguments down, each ended by NUL, and answers what the page's commands ask for.
const AZ: &str = r#"#!/bin/sh
printf '%s\0' "$@" >>"$CALLS/$(date +%s%N)"
case "$*" in
"keyvault show "*) echo /subscriptions/…/vaults/contoso ;;
"identity show "*) echo 5f0a9c1e-3b7d-4e62-8a41-c2d6b7e8f901 ;;
esac
"#;

/// One call of `az`.
type Call = Vec<String>;

pub(crate) fn blocks(language: &str) -> Vec<Block> {
    let all = page::blocks(&workspace().join("deploy/one-liners.md"));
    all.into_iter().filter(|block| block.language == language).collect()
}

/// The file that the page's commands read.
pub(crate) fn file() -> Block {
    blocks("json").into_iter().find(|block| block.file.is_some()).unwrap()
}

/// Runs a script of a page in a folder with `deploy/`'s files and the page's settings; what it
/// called `az` with.
pub(crate) fn calls(script: &str, shell: &str) -> Vec<Call> {
    let bed = tempfile::tempdir().unwrap();
    let (folder, home, calls) =
        (bed.path().join("deploy"), bed.path().join("home"), bed.path().join("calls"));
    for made in [&folder, &calls, &home.join(".ssh")] {
        fs::create_dir_all(made).unwrap();
    }
    for entry in fs::read_dir(workspace().join("deploy")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
        }
    }
    fs::write(folder.join("settings.json"), file().text).unwrap();
    fs::write(home.join(".ssh/id_ed25519.pub"), "ssh-ed25519 AAAA me@contoso\n").unwrap();
    let az = bed.path().join("az");
    fs::write(&az, AZ).unwrap();
    fs::set_permissions(&az, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", bed.path().display());
    let ran = Command::new(shell)
        .args(["-eu", "-c", script])
        .current_dir(&folder)
        .env_clear()
        .env("PATH", path)
        .env("HOME", &home)
        .env("CALLS", &calls)
        .output()
        .unwrap();
    assert!(ran.status.success(), "{script}: {}", String::from_utf8_lossy(&ran.stderr));
    let written = in_order(&calls);
    written.iter().map(|call| with_files(call, &folder)).collect()
}

fn in_order(folder: &Path) -> Vec<Call> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|one| one.unwrap().path()).collect();
    files.sort();
    let read = |path| fs::read_to_string(path).unwrap();
    let words = |text: String| text.split_terminator('\0').map(str::to_owned).collect();
    files.into_iter().map(read).map(words).collect()
}

/// As `az` does it with every argument: `@file` is what the file holds.
fn with_files(call: &[String], folder: &Path) -> Call {
    let content = |word: &String| match word.strip_prefix('@') {
        Some(file) => fs::read_to_string(folder.join(file)).unwrap(),
        None => word.clone(),
    };
    call.iter().map(content).collect()
}

pub(crate) fn option<'a>(call: &'a [String], name: &str) -> Option<&'a str> {
    let at = call.iter().position(|word| word == name)?;
    call.get(at + 1).map(String::as_str)
}

/// What a call gives the extension, or another one, as settings.
pub(crate) fn assert_settings(call: &[String]) {
    let Some(text) = option(call, "--settings") else { return };
    let given: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let name = option(call, "--type").or(option(call, "--name")).unwrap();
    if name == names::of_makefile("TYPE") {
        assert_eq!(option(call, "--publisher").unwrap(), names::of_makefile("PUBLISHER"));
        let version = option(call, "--version").or(option(call, "--type-handler-version"));
        assert_eq!(version.unwrap(), names::version());
        settings::accepted("one-liners.md", &given);
    } else {
        assert_eq!(name, "CustomScript");
        assert!(given["commandToExecute"].is_string(), "{given}");
        assert_eq!(
            option(call, "--provision-after-extensions").unwrap(),
            names::of_makefile("TYPE")
        );
    }
}

#[test]
fn the_settings_of_the_page_are_accepted() {
    settings::accepted("one-liners.md", &serde_json::from_str(&file().text).unwrap());
}

#[test]
fn every_command_line_gives_az_what_it_shows_in_every_shell() {
    let all = blocks("sh");
    assert!(all.len() > 5, "the page shows {} blocks", all.len());
    for shell in ["dash", "bash"] {
        let mut with_settings = 0;
        for block in &all {
            let calls = calls(&block.text, shell);
            assert!(!calls.is_empty(), "{}", block.text);
            for call in &calls {
                assert_settings(call);
                with_settings += usize::from(option(call, "--settings").is_some());
            }
        }
        assert_eq!(with_settings, 6, "calls with settings, in {shell}");
    }
}

#[test]
fn templates_are_named_as_they_are_with_their_parameters() {
    let deployments: Vec<_> = blocks("sh")
        .iter()
        .filter(|block| block.text.contains("az deployment"))
        .flat_map(|block| calls(&block.text, "dash"))
        .collect();
    assert_eq!(deployments.len(), 2);
    for call in deployments {
        let template = option(&call, "--template-file").unwrap();
        assert!(workspace().join("deploy").join(template).is_file(), "{template}");
        let document: Value = serde_json::from_str(option(&call, "--parameters").unwrap()).unwrap();
        let name = template.rsplit_once('.').unwrap().0;
        assert!(document["parameters"]["vmName"].is_object(), "{name}: {document}");
        let last = call.last().unwrap();
        let given = last.starts_with("sshPublicKey=ssh-ed25519 AAAA me@contoso");
        assert_eq!(given, name == "vm-private", "{last}");
    }
}

#[test]
fn what_the_page_warns_of_loses_its_quotes() {
    // The first line of its table.
    let arrived = calls(r#"az --settings "{"a": "b"}""#, "dash");
    assert_eq!(arrived, [["--settings", "{a: b}"]]);
}
