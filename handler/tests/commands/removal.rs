//! Disable and uninstall.

use std::fs;

use status_schema::HeartbeatState;
use worker_state::Assignment;

use crate::bed::{Bed, await_end, settings};

#[test]
fn disable_ends_the_worker_and_says_so_in_the_heartbeat_alone() {
    let bed = Bed::new();
    let extension = bed.extension("1.0.0", "dutiful");
    extension.settings(3, &settings("web"));
    extension.call("enable", 3).good();
    let (worker, status) = (bed.worker().unwrap(), extension.status(3));
    extension.call("disable", 4).good();
    await_end(&worker);
    let beat = extension.heartbeat().unwrap();
    assert_eq!(beat.state, HeartbeatState::NotReady);
    assert!(beat.message.starts_with("disabled: the certificates stay"), "{}", beat.message);
    assert_eq!(extension.status(3), status);
    assert_eq!(extension.status(4), None);
    assert_eq!(Assignment::read(&bed.directories()).unwrap(), None);
}

#[test]
fn disable_and_uninstall_need_neither_settings_nor_the_agents_file() {
    let bed = Bed::new();
    let extension = bed.extension("1.0.0", "dutiful");
    extension.settings(3, &settings("web"));
    extension.call("enable", 3).good();
    fs::remove_dir_all(extension.folder.join("config")).unwrap();
    fs::remove_file(extension.folder.join("HandlerEnvironment.json")).unwrap();
    fs::write(bed.root.path().join("environment"), "nonsense\n").unwrap();
    let worker = bed.worker().unwrap();
    let extension = extension.with(
        "AZURE_GUEST_AGENT_EXTENSION_PATH",
        &bed.root.path().join("waagent/Open.KeyVault-1.0.0").to_string_lossy(),
    );
    extension.call("disable", 3).good();
    await_end(&worker);
    extension.call("uninstall", 3).good();
    assert!(!bed.directories().state().exists());
}

#[test]
fn disable_and_uninstall_can_be_repeated_and_need_no_enable_before() {
    let bed = Bed::new();
    let extension = bed.extension("1.0.0", "dutiful");
    for command in ["disable", "disable", "uninstall", "uninstall"] {
        extension.call(command, 3).good();
    }
}

#[test]
fn disable_kills_a_worker_that_does_not_end() {
    let bed = Bed::new();
    bed.hurry(|limits, moment| limits.graceful_end = moment);
    let extension = bed.extension("1.0.0", "stubborn");
    extension.settings(3, &settings("web"));
    extension.call("enable", 3).good();
    let worker = bed.worker().unwrap();
    extension.call("disable", 3).good();
    await_end(&worker);
    assert_eq!(extension.heartbeat().unwrap().state, HeartbeatState::NotReady);
}

#[test]
fn uninstall_leaves_nothing_but_the_agents_folder_and_the_logs() {
    let bed = Bed::new();
    let extension = bed.extension("1.0.0", "dutiful");
    extension.settings(3, &settings("web"));
    extension.call("install", 3).good();
    extension.call("enable", 3).good();
    let log = bed.root.path().join("log");
    fs::create_dir(&log).unwrap();
    extension.call("disable", 3).good();
    extension.call("uninstall", 3).good();
    let directories = bed.directories();
    assert!(!directories.state().exists() && !directories.runtime().exists());
    assert!(log.exists());
    assert!(extension.status(3).is_some(), "the folder is the agent's to remove");
}

#[test]
fn uninstall_ends_a_worker_that_nobody_has_disabled() {
    let bed = Bed::new();
    let extension = bed.extension("1.0.0", "dutiful");
    extension.settings(3, &settings("web"));
    extension.call("enable", 3).good();
    let worker = bed.worker().unwrap();
    extension.call("uninstall", 3).good();
    await_end(&worker);
    assert!(!bed.directories().state().exists());
}
