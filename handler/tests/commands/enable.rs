//! Settings that can be served.

use std::fs;
use std::time::Duration;

use serde_json::json;
use status_schema::{HeartbeatState, State};
use worker_state::{Assignment, HandlerLock};

use crate::bed::{Bed, await_end, kill, settings, trace};

#[test]
fn a_worker_is_started_and_seen_at_work() {
    let bed = Bed::new();
    let extension = bed.extension("1.0.0", "dutiful");
    extension.settings(3, &settings("web"));
    extension.call("install", 3).good();
    assert_eq!(bed.worker(), None, "install starts nothing");
    let said = extension.call("enable", 3).good();
    let worker = bed.worker().unwrap();
    assert!(said.contains(&format!("process {} serves settings 3", worker.process.pid)), "{said}");
    assert_eq!(extension.status(3).unwrap().state, State::Success);
    assert_eq!(extension.heartbeat().unwrap().state, HeartbeatState::Ready);
    let assignment = Assignment::read(&bed.directories()).unwrap().unwrap();
    assert_eq!(assignment.settings, settings("web"));
    assert_eq!(assignment.version, "1.0.0");
    assert_eq!(worker.assignment, Some(assignment.identity()));
}

#[test]
fn a_second_enable_touches_neither_the_worker_nor_any_file() {
    let bed = Bed::new();
    let extension = bed.extension("1.0.0", "dutiful");
    extension.settings(3, &settings("web"));
    extension.call("enable", 3).good();
    let (worker, files) = (bed.worker(), trace(bed.root.path()));
    let said = extension.call("enable", 3).good();
    assert_eq!(said, "enable: settings 3 are served\n");
    assert_eq!(bed.worker(), worker);
    assert_eq!(trace(bed.root.path()), files);
}

#[test]
fn new_settings_get_a_new_worker() {
    let bed = Bed::new();
    let extension = bed.extension("1.0.0", "dutiful");
    extension.settings(3, &settings("web"));
    extension.call("enable", 3).good();
    let first = bed.worker().unwrap();
    extension.settings(4, &settings("mail"));
    extension.call("enable", 4).good();
    let second = bed.worker().unwrap();
    assert_ne!(first.process, second.process);
    await_end(&first);
    assert_eq!(Assignment::read(&bed.directories()).unwrap().unwrap().sequence_number, 4);
}

#[test]
fn numbers_may_go_down_and_be_used_again() {
    let bed = Bed::new();
    let extension = bed.extension("1.0.0", "dutiful");
    for (number, name) in [(7, "web"), (2, "mail"), (2, "web")] {
        extension.settings(number, &settings(name));
        extension.call("enable", number).good();
        let assignment = Assignment::read(&bed.directories()).unwrap().unwrap();
        assert_eq!((assignment.sequence_number, assignment.settings), (number, settings(name)));
    }
}

#[test]
fn a_proxy_goes_into_the_assignment_and_a_new_one_restarts_the_worker() {
    let bed = Bed::new();
    let extension = bed.extension("1.0.0", "dutiful");
    extension.settings(3, &settings("web"));
    let extension = extension.with("HTTPS_PROXY", "http://one:3128");
    extension.call("enable", 3).good();
    let first = bed.worker().unwrap();
    let assignment = Assignment::read(&bed.directories()).unwrap().unwrap();
    assert_eq!(assignment.environment["HTTPS_PROXY"], "http://one:3128");
    assert!(!assignment.environment.contains_key("STATE_DIRECTORY"));
    let extension = extension.with("HTTPS_PROXY", "http://two:3128");
    extension.call("enable", 3).good();
    assert_ne!(bed.worker().unwrap().process, first.process);
}

#[test]
fn without_a_number_from_the_agent_the_newest_settings_are_served() {
    let bed = Bed::new();
    let extension = bed.extension("1.0.0", "dutiful");
    extension.settings(9, &settings("old"));
    extension.settings(2, &settings("new"));
    let old = fs::File::options().append(true).open(extension.folder.join("config/9.settings"));
    old.unwrap().set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    let clock = akvvm_handler::SystemClock::start();
    let supervisor = akvvm_handler::supervisor::Detached {
        units: bed.units(),
        clock: &clock,
        unpacking: bed.limits().unpacking,
    };
    extension.call_under(&supervisor, &clock, "enable", None).good();
    assert_eq!(Assignment::read(&bed.directories()).unwrap().unwrap().sequence_number, 2);
}

#[test]
fn a_killed_worker_is_replaced_although_its_announcement_is_still_there() {
    let bed = Bed::new();
    let extension = bed.extension("1.0.0", "dutiful");
    extension.settings(3, &settings("web"));
    extension.call("enable", 3).good();
    let killed = bed.worker().unwrap();
    // Times are kept in whole seconds, and this test does not take one.
    let mut assignment = Assignment::read(&bed.directories()).unwrap().unwrap();
    let assigned_at = (assignment.assigned_at.moment() - Duration::from_secs(3600)).into();
    assignment.assigned_at = assigned_at;
    let lock = HandlerLock::acquire(&bed.directories()).unwrap();
    assignment.replace(&bed.directories(), &lock).unwrap();
    drop(lock);
    kill(&killed);
    extension.call("enable", 3).good();
    assert_ne!(bed.worker().unwrap().process, killed.process);
    let assignment = Assignment::read(&bed.directories()).unwrap().unwrap();
    assert_eq!(assignment.assigned_at, assigned_at, "the first sync's time goes on");
}

#[test]
fn two_enables_at_once_end_with_one_worker() {
    let bed = Bed::new();
    let extension = bed.extension("1.0.0", "dutiful");
    extension.settings(3, &settings("web"));
    let enable = || extension.call("enable", 3).good();
    let said = std::thread::scope(|scope| {
        let [one, other] = [scope.spawn(enable), scope.spawn(enable)];
        [one.join().unwrap(), other.join().unwrap()]
    });
    let started = said.iter().filter(|said| said.contains("serves settings 3")).count();
    assert_eq!(started, 1, "{said:?}");
    assert!(bed.worker().is_some());
}

#[test]
fn a_dependent_extension_is_not_let_go_by_an_old_success() {
    let bed = Bed::new();
    let extension = bed.extension("1.0.0", "dutiful");
    extension.settings(3, &settings("web"));
    extension.call("enable", 3).good();
    extension.call("disable", 3).good();
    assert_eq!(extension.status(3).unwrap().state, State::Success, "disable writes no status");
    extension.set_manner("idle");
    bed.hurry(|limits, moment| limits.served = moment);
    extension.call("enable", 3).bad();
    assert_eq!(extension.status(3).unwrap().state, State::Error);
}

#[test]
fn a_served_status_that_the_agent_has_written_over_or_thrown_away_is_told_again() {
    let bed = Bed::new();
    let extension = bed.extension("1.0.0", "dutiful");
    extension.settings(3, &settings("web"));
    extension.call("enable", 3).good();
    let (status, heartbeat) =
        (extension.folder.join("status/3.status"), extension.folder.join("heartbeat.log"));
    // What the agent writes while extensions are switched off (WALinuxAgent 2.15,
    // ga/exthandlers.py:1559).
    let switched_off = json!([{"version": 1.0, "timestampUTC": "2026-01-31T09:30:00Z", "status": {
        "name": "Open.KeyVault", "operation": "Enable", "status": "error", "code": -1,
        "formattedMessage": {"lang": "en-US", "message": "will not be processed"}}}]);
    let damages: [&dyn Fn(); 3] = [
        &|| fs::write(&status, switched_off.to_string()).unwrap(),
        &|| fs::remove_file(&status).unwrap(),
        &|| fs::remove_file(&heartbeat).unwrap(),
    ];
    for damage in damages {
        damage();
        extension.call("enable", 3).good();
        assert_eq!(extension.status(3).unwrap().state, State::Success);
        assert_eq!(extension.heartbeat().unwrap().state, HeartbeatState::Ready);
        assert!(bed.worker().is_some());
    }
}

#[test]
fn an_assignment_that_was_lost_while_it_is_served_is_written_again() {
    let bed = Bed::new();
    let extension = bed.extension("1.0.0", "dutiful");
    extension.settings(3, &settings("web"));
    extension.call("enable", 3).good();
    let worker = bed.worker();
    fs::remove_file(bed.root.path().join("state/assignment.json")).unwrap();
    extension.call("enable", 3).good();
    assert_eq!(bed.worker(), worker, "it goes on");
    let identity = Assignment::read(&bed.directories()).unwrap().unwrap().identity();
    assert_eq!(worker.unwrap().assignment, Some(identity));
}
