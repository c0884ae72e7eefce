//! Documents from the agent that are missing, empty or broken.

use std::fs;

use acceptance::{Answer, Bed, Extension, Package};
use serde_json::{Value, json};

fn installed_with(settings: &Value) -> (Bed, Answer) {
    let mut bed = Bed::new();
    let answer = bed.agent.goal_state(&[Extension::new(&Package::ours()).settings(0, settings)]);
    (bed, answer)
}

#[track_caller]
fn assert_refused(answer: &Answer) -> String {
    let handler = answer.handler(Package::ours().handler());
    let status = handler.extension();
    assert_eq!((handler.status.as_str(), status.status.as_deref()), ("NotReady", Some("error")));
    status.message.clone()
}

#[test]
fn null_settings_are_an_error_in_plain_words() {
    let (bed, answer) = installed_with(&Value::Null);
    let message = assert_refused(&answer);
    assert!(message.contains("settings"), "{message}");
    assert!(bed.workers().is_empty());
}

#[test]
fn settings_of_another_type_are_an_error_in_plain_words() {
    for settings in [json!([]), json!(7), json!("secretsManagementSettings")] {
        let (_bed, answer) = installed_with(&settings);
        assert_refused(&answer);
    }
}

#[test]
fn an_extension_without_any_settings_is_not_ready() {
    let mut bed = Bed::new();
    let answer = bed.agent.goal_state(&[Extension::new(&Package::ours())]);
    let handler = answer.handler(Package::ours().handler());
    assert_eq!(handler.status, "NotReady");
    assert!(answer.commands.last().unwrap().failure.is_some());
    assert!(bed.workers().is_empty());
}

#[test]
fn a_broken_settings_file_is_an_error_and_changes_nothing() {
    let mut bed = Bed::new();
    let web = bed.issue("web");
    bed.install(&bed.settings(&["web"]));
    bed.installed(&web);
    let worker = bed.worker();
    let package = Package::ours();
    let folder = bed.agent.extension_folder(package.handler(), package.version());
    for broken in ["", "{", "null", "[]", "{\"runtimeSettings\": []}", "\u{0}\u{0}"] {
        fs::write(folder.join("config/5.settings"), broken).unwrap();
        let ran = bed.command("enable", 5);
        assert!(!ran.status.success(), "{broken:?}");
        let said = String::from_utf8(ran.stderr).unwrap();
        assert!(said.contains("settings") && !said.contains("panicked"), "{said}");
    }
    assert_eq!(bed.worker(), worker);
    bed.installed(&web);
}

#[test]
fn a_missing_handler_environment_is_named() {
    let mut bed = Bed::new();
    bed.issue("web");
    bed.install(&bed.settings(&["web"]));
    let package = Package::ours();
    let folder = bed.agent.extension_folder(package.handler(), package.version());
    fs::remove_file(folder.join("HandlerEnvironment.json")).unwrap();
    let ran = bed.command("enable", 0);
    assert!(!ran.status.success());
    let said = String::from_utf8(ran.stderr).unwrap();
    assert!(said.contains("HandlerEnvironment.json"), "{said}");
}

#[test]
fn without_a_sequence_number_the_newest_settings_count() {
    let mut bed = Bed::new();
    let web = bed.issue("web");
    bed.install(&bed.settings(&["web"]));
    bed.installed(&web);
    let worker = bed.worker();
    let package = Package::ours();
    let folder = bed.agent.extension_folder(package.handler(), package.version());
    let mut handler = std::process::Command::new(folder.join("bin/handler"));
    handler.arg("enable").current_dir(&folder).env_clear().envs(bed.environment());
    let ran = handler.env("PATH", "/usr/bin:/bin").output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert_eq!(bed.worker(), worker);
}
