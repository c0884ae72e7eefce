//! From one version to another, in the agent's order: the old one's disable, the new one's update,
//! the old one's uninstall, the new one's install and enable.

use std::fs;
use std::path::PathBuf;

use status_schema::{HeartbeatState, State};
use worker_state::{Assignment, UpdateMarker};

use crate::bed::{Bed, Extension, await_end, settings};

/// As the agent does between disable and update.
fn copy_status(from: &Extension<'_>, to: &Extension<'_>) {
    for entry in fs::read_dir(from.folder.join("status")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.folder.join("status").join(path.file_name().unwrap())).unwrap();
    }
}

/// A version that has been at work, left a record, and is disabled.
fn disabled(bed: &Bed) -> (Extension<'_>, PathBuf) {
    let old = bed.extension("1.0.0", "dutiful");
    old.settings(3, &settings("web"));
    old.call("enable", 3).good();
    let record = bed.root.path().join("state/records/kept.json");
    fs::write(&record, "{}").unwrap();
    old.call("disable", 3).good();
    (old, record)
}

fn marker(bed: &Bed) -> Option<UpdateMarker> {
    UpdateMarker::fresh(&bed.directories(), std::time::SystemTime::now()).unwrap()
}

#[test]
fn an_update_keeps_the_state_and_ends_with_the_new_versions_worker() {
    let bed = Bed::new();
    let (old, record) = disabled(&bed);
    let new = bed.extension("2.0.0", "dutiful").with("VERSION", "2.0.0");
    new.settings(3, &settings("web"));
    copy_status(&old, &new);
    new.call("update", 3).good();
    let status = new.status(3).unwrap();
    assert_eq!((status.state, &*status.operation), (State::Transitioning, "Update"));
    assert_eq!(new.heartbeat().unwrap().state, HeartbeatState::NotReady);
    assert_eq!(marker(&bed).unwrap().to_version, "2.0.0");

    let said = old.call("uninstall", 3).good();
    assert!(said.contains("the state stays for version 2.0.0"), "{said}");
    fs::remove_dir_all(&old.folder).unwrap();
    new.call("install", 3).good();
    assert_eq!(marker(&bed), None, "from here on an uninstall is a real one");
    new.call("enable", 3).good();
    assert_eq!(new.status(3).unwrap().state, State::Success);
    assert!(record.exists());
    let assignment = Assignment::read(&bed.directories()).unwrap().unwrap();
    assert_eq!(assignment.agent.extension_folder, new.folder);
    assert_eq!(bed.worker().unwrap().assignment, Some(assignment.identity()));
}

#[test]
fn a_damaged_marker_does_not_cost_the_state() {
    for damage in ["", "{\"begunAt\":"] {
        let bed = Bed::new();
        let (old, record) = disabled(&bed);
        let new = bed.extension("2.0.0", "dutiful");
        new.settings(3, &settings("web"));
        new.call("update", 3).good();
        let marked = bed.root.path().join("state/update.json");
        fs::write(&marked, damage).unwrap();

        let said = old.call("uninstall", 3).good();
        assert!(said.contains("the state stays, because an update may be under way: "), "{said}");
        assert!(record.exists());
        new.call("install", 3).good();
        assert!(!marked.exists(), "from here on an uninstall is a real one");
    }
}

#[test]
fn a_damaged_marker_of_an_update_given_up_long_ago_keeps_nothing() {
    let bed = Bed::new();
    let (only, _) = disabled(&bed);
    let marked = bed.root.path().join("state/update.json");
    fs::write(&marked, "{").unwrap();
    let long_ago = std::time::SystemTime::now() - 2 * UpdateMarker::LONGEST_UPDATE;
    fs::File::options().write(true).open(&marked).unwrap().set_modified(long_ago).unwrap();
    only.call("uninstall", 3).good();
    assert!(!bed.root.path().join("state").exists());
}

#[test]
fn without_install_it_is_enable_that_ends_the_update() {
    let bed = Bed::new();
    let new = bed.extension("2.0.0", "dutiful");
    new.settings(3, &settings("web"));
    new.call("update", 3).good();
    new.call("enable", 3).good();
    assert_eq!(marker(&bed), None);
}

#[test]
fn a_failing_new_version_does_not_show_the_old_ones_success() {
    let bed = Bed::new();
    let old = bed.extension("1.0.0", "dutiful");
    old.settings(3, &settings("web"));
    old.call("enable", 3).good();
    old.call("disable", 3).good();
    let new = bed.extension("2.0.0", "idle");
    new.settings(3, &settings("web"));
    copy_status(&old, &new);
    assert_eq!(new.status(3).unwrap().state, State::Success);
    new.call("update", 3).good();
    old.call("uninstall", 3).good();
    new.call("install", 3).good();
    assert_eq!(new.status(3).unwrap().state, State::Transitioning);
    bed.hurry(|limits, moment| limits.served = moment);
    new.call("enable", 3).bad();
    assert_eq!(new.status(3).unwrap().state, State::Error);
}

#[test]
fn in_a_downgrade_it_is_the_lower_versions_status_that_is_replaced() {
    let bed = Bed::new();
    let higher = bed.extension("2.0.0", "dutiful").with("VERSION", "1.0.0");
    higher.settings(3, &settings("web"));
    higher.call("enable", 3).good();
    higher.call("disable", 3).good();
    let lower = bed.extension("1.0.0", "dutiful");
    copy_status(&higher, &lower);
    higher.call("update", 3).good();
    assert_eq!(lower.status(3).unwrap().state, State::Transitioning);
    assert_eq!(marker(&bed).unwrap().to_version, "1.0.0");
    higher.call("uninstall", 3).good();
    lower.settings(3, &settings("web"));
    lower.call("install", 3).good();
    lower.call("enable", 3).good();
    assert_eq!(lower.status(3).unwrap().state, State::Success);
}

#[test]
fn an_old_version_that_was_never_disabled_gives_way() {
    let bed = Bed::new();
    let old = bed.extension("1.0.0", "dutiful");
    old.settings(3, &settings("web"));
    old.call("enable", 3).good();
    let worker = bed.worker().unwrap();
    let new = bed.extension("2.0.0", "dutiful");
    new.settings(3, &settings("web"));
    new.call("update", 3).good();
    assert_eq!(new.status(3).unwrap().state, State::Transitioning, "the worker writes elsewhere");
    new.call("enable", 3).good();
    await_end(&worker);
    old.call("uninstall", 3).good();
    assert!(bed.worker().is_some(), "a late uninstall of the old version does no harm");
    assert!(Assignment::read(&bed.directories()).unwrap().is_some());
}
