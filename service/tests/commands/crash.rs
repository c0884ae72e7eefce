//! A worker that crashes with a token and half a secret in hand.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use fake_azure::{Action, Place, Recorded, Rule, When};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::world::World;

/// Everything in a folder and below, as text.
fn all_text(folder: &Path) -> String {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let text = |path: std::path::PathBuf| match path.is_dir() {
        true => all_text(&path),
        false => String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned(),
    };
    entries.map(text).collect()
}

#[test]
fn nothing_of_what_it_held_is_left_anywhere() {
    for signal in [Signal::ABORT, Signal::ILL, Signal::KILL] {
        let world = World::new();
        let drip = Action::Drip { bytes: 64, every_ms: 100 };
        let when = When { authorized: Some(true), ..When::at(Place::Vault) };
        world.azure.fault(Rule::new(when, drip));
        let settings = world.settings(json!(["https://contoso.vault.azure.net/secrets/web"]));
        world.bed.write("settings.json", settings.to_string());
        let mut worker = world.bed.start(&["run", "--settings", "settings.json"]);
        let at_work = |all: &[Recorded]| all.iter().any(|one| one.place == Place::Vault);
        assert!(world.azure.wait_for(Duration::from_secs(60), at_work));
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", worker.id())).unwrap();
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
        kill_process(Pid::from_child(&worker), signal).unwrap();
        let ended = worker.wait().unwrap();
        assert_eq!((ended.signal(), ended.core_dumped()), (Some(signal.as_raw()), false));
        let left = all_text(&world.bed.path(""));
        assert!(left.contains("akvvm_service "), "its log is there: {left}");
        world.assert_nothing_of_it(&left);
    }
}

#[test]
fn files_that_a_killed_worker_had_tried_are_gone_with_the_next_start() {
    let world = World::new();
    let settings = world.settings(json!(["https://contoso.vault.azure.net/secrets/web"]));
    world.bed.write("settings.json", settings.to_string());
    std::fs::create_dir_all(world.bed.path("run/candidates/0a1b")).unwrap();
    world.bed.write("run/candidates/0a1b/site.key", "-----BEGIN PRIVATE KEY-----");
    let ran = world.bed.run(&["sync", "--settings", "settings.json"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(!world.bed.path("run/candidates").exists());
}

#[test]
fn the_first_sync_of_a_file_goes_on_after_a_restart_and_begins_anew_with_the_file() {
    let world = World::new();
    let mut settings = world.settings(json!(["https://contoso.vault.azure.net/secrets/missing"]));
    settings["secretsManagementSettings"]["requireInitialSync"] = json!(true);
    let path = world.bed.write("settings.json", settings.to_string());
    let tried = || {
        world.bed.run(&["sync", "--settings", "settings.json"]);
        let record = std::fs::read(world.bed.path("state/initial-sync.json")).unwrap();
        let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
        (record["begunAt"].to_string(), record["attempts"].as_u64())
    };
    let first = tried();
    let second = tried();
    assert_eq!((&second.0, second.1), (&first.0, Some(2)), "{first:?}");
    // Written once more; times are kept in whole seconds.
    let later = SystemTime::now() + Duration::from_secs(2);
    std::fs::File::options().write(true).open(path).unwrap().set_modified(later).unwrap();
    assert_eq!(tried().1, Some(1));
}

#[test]
fn a_worker_whose_files_may_not_grow_says_so() {
    let world = World::new();
    let settings = world.settings(json!(["https://contoso.vault.azure.net/secrets/web"]));
    world.bed.write("settings.json", settings.to_string());
    let ran = world.bed.run_with_small_files(1, &["sync", "--settings", "settings.json"]);
    assert_eq!(ran.code, Some(1), "{ran}");
    ran.assert_says("File too large (os error 27)");
}
