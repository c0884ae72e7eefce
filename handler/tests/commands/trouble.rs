//! Workers and machines that do not do as they should.

use std::fs;

use status_schema::{HeartbeatState, State};
use worker_state::{Assignment, HandlerLock, Lease, Presence, ProcessIdentity, WorkerSight};

use crate::bed::{Bed, await_end, kill, settings};

/// Every failure of this kind is told in the same places.
fn assert_told(extension: &crate::bed::Extension<'_>, code: i32, sentence: &str) {
    let status = extension.status(3).unwrap();
    assert_eq!((status.state, status.code), (State::Error, code), "{}", status.message);
    assert!(status.message.contains(sentence), "{}", status.message);
    let beat = extension.heartbeat().unwrap();
    assert_eq!((beat.state, beat.message), (HeartbeatState::NotReady, status.message));
}

#[test]
fn a_worker_that_dies_at_once_is_noticed_at_once() {
    let bed = Bed::new();
    let extension = bed.extension("1.0.0", "dying");
    extension.settings(3, &settings("web"));
    let clock = akvvm_handler::SystemClock::start();
    extension.call("enable", 3).bad();
    let took = akvvm_handler::Clock::elapsed(&clock);
    assert!(took < bed.limits().served / 2, "{took:?}");
    assert_told(&extension, -1, "the worker does not run: it ended at once (exit status: 101)");
    assert_told(&extension, -1, &bed.root.path().join("log/akvvm_service.log").to_string_lossy());
}

#[test]
fn a_worker_that_is_never_seen_at_work_is_ended() {
    for manner in ["idle", "nameless"] {
        let bed = Bed::new();
        bed.hurry(|limits, moment| limits.served = moment);
        let extension = bed.extension("1.0.0", manner);
        extension.settings(3, &settings("web"));
        extension.call("enable", 3).bad();
        assert_told(&extension, -1, "was not seen at work within 0.1 s");
        let sight = WorkerSight::look(&bed.directories());
        assert!(matches!(sight, Ok(WorkerSight::Absent(_))), "{manner}");
        assert!(!is_running_in(&bed), "{manner}");
    }
}

/// Whether a process lives that was started for this machine, with the lease or without.
fn is_running_in(bed: &Bed) -> bool {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let mut environments = processes.filter_map(|one| fs::read(one.path().join("environ")).ok());
    let root = bed.root.path().to_string_lossy().into_owned();
    environments.any(|environment| String::from_utf8_lossy(&environment).contains(&root))
}

#[test]
fn a_worker_program_that_cannot_be_started_is_named() {
    let bed = Bed::new();
    let extension = bed.extension("1.0.0", "dutiful");
    extension.settings(3, &settings("web"));
    fs::write(extension.worker_program(), "#!/nonexistent/shell\n").unwrap();
    extension.call("enable", 3).bad();
    assert_told(&extension, -1, "akvvm_service cannot be started: No such file");
    fs::remove_file(extension.worker_program()).unwrap();
    for command in ["enable", "install"] {
        extension.call(command, 3).bad();
        assert_told(&extension, -1, "akvvm_service: not found; the package is incomplete");
    }
}

#[test]
fn a_missing_program_does_not_end_the_worker_that_runs() {
    let bed = Bed::new();
    let extension = bed.extension("1.0.0", "dutiful");
    extension.settings(3, &settings("web"));
    extension.call("enable", 3).good();
    let worker = bed.worker();
    fs::remove_file(extension.worker_program()).unwrap();
    extension.settings(4, &settings("mail"));
    extension.call("enable", 4).bad();
    assert_eq!(bed.worker(), worker);
    assert!(extension.status(4).unwrap().message.contains("the package is incomplete"));
}

#[test]
fn a_stubborn_worker_is_killed() {
    let bed = Bed::new();
    bed.hurry(|limits, moment| limits.graceful_end = moment);
    let extension = bed.extension("1.0.0", "stubborn");
    extension.settings(3, &settings("web"));
    extension.call("enable", 3).good();
    let stubborn = bed.worker().unwrap();
    extension.settings(4, &settings("mail"));
    extension.call("enable", 4).good();
    await_end(&stubborn);
    assert_ne!(bed.worker().unwrap().process, stubborn.process);
}

#[test]
fn somebody_elses_unit_is_refused_by_install_and_enable() {
    let bed = Bed::new();
    let extension = bed.extension("1.0.0", "dutiful");
    extension.settings(3, &settings("web"));
    let unit = bed.units().others[0].join("akvvm_service.service");
    fs::create_dir_all(unit.parent().unwrap()).unwrap();
    fs::write(&unit, "[Unit]\nDescription=Azure Key Vault extension\n").unwrap();
    for command in ["install", "enable"] {
        extension.call(command, 3).bad();
        assert_told(&extension, 3, "belongs to another product");
    }
    assert_eq!(bed.worker(), None);
    for command in ["disable", "uninstall"] {
        extension.call(command, 3).good();
    }
    assert!(unit.exists());
}

#[test]
fn a_worker_started_by_hand_is_left_alone() {
    let bed = Bed::new();
    bed.hurry(|limits, moment| limits.announcement = moment);
    let extension = bed.extension("1.0.0", "dutiful");
    extension.settings(3, &settings("web"));
    let directories = bed.directories();
    directories.create().unwrap();
    let lease = Lease::acquire(&directories).unwrap();
    let by_hand = Presence {
        process: ProcessIdentity::current().unwrap(),
        version: "1".into(),
        assignment: None,
        since: std::time::SystemTime::UNIX_EPOCH.into(),
    };
    by_hand.announce(&directories, &lease).unwrap();
    for command in ["install", "enable"] {
        extension.call(command, 3).bad();
        assert_told(&extension, 3, "was started by hand (process");
        fs::remove_file(extension.folder.join("status/3.status")).unwrap();
    }
    let said = extension.call("disable", 3).good();
    assert!(said.contains("was started by hand"), "{said}");
    extension.call("uninstall", 3).good();
    assert!(directories.state().exists(), "it uses the state");
    drop(lease);
    directories.remove().unwrap();
}

#[test]
fn another_extensions_worker_is_left_alone() {
    let bed = Bed::new();
    bed.hurry(|limits, moment| limits.announcement = moment);
    let other = bed.extension_named("Contoso.KeyVault", "1.0.0", "dutiful");
    other.settings(3, &settings("web"));
    other.call("enable", 3).good();
    let worker = bed.worker();
    let extension = bed.extension("1.0.0", "dutiful");
    extension.settings(3, &settings("mail"));
    for command in ["install", "enable"] {
        extension.call(command, 3).bad();
        assert_told(&extension, 3, "Contoso.KeyVault-1.0.0, already keeps certificates");
    }
    for command in ["disable", "uninstall"] {
        extension.call(command, 3).good();
    }
    assert_eq!(bed.worker(), worker);
    assert_eq!(other.status(3).unwrap().state, State::Success);
    assert!(Assignment::read(&bed.directories()).unwrap().is_some());
}

#[test]
fn a_worker_whose_announcement_was_wiped_can_still_be_spoken_to_and_stopped() {
    let bed = Bed::new();
    bed.hurry(|limits, moment| limits.announcement = moment);
    let extension = bed.extension("1.0.0", "dutiful");
    extension.settings(3, &settings("web"));
    extension.call("enable", 3).good();
    let worker = bed.worker().unwrap();
    fs::remove_dir_all(bed.directories().runtime()).unwrap();
    extension.settings(4, &serde_json::json!({}));
    assert!(extension.call("enable", 4).bad().told);
    assert_eq!(bed.worker().unwrap().process, worker.process, "it has announced itself again");
    fs::remove_dir_all(bed.directories().runtime()).unwrap();
    extension.settings(5, &settings("mail"));
    extension.call("enable", 5).good();
    await_end(&worker);
    fs::remove_dir_all(bed.directories().runtime()).unwrap();
    extension.call("disable", 5).good();
    assert_eq!(bed.worker(), None);
}

#[test]
fn a_damaged_assignment_is_replaced() {
    let bed = Bed::new();
    let extension = bed.extension("1.0.0", "dutiful");
    extension.settings(3, &settings("web"));
    extension.call("enable", 3).good();
    fs::write(bed.root.path().join("state/assignment.json"), "{").unwrap();
    let said = extension.call("enable", 3).good();
    assert!(said.contains("assignment.json: is damaged"), "{said}");
    extension.settings(4, &settings("mail"));
    extension.call("enable", 4).good();
    assert_eq!(Assignment::read(&bed.directories()).unwrap().unwrap().sequence_number, 4);
}

#[test]
fn a_worker_that_runs_goes_on_where_new_settings_cannot_be_kept() {
    let bed = Bed::new();
    let extension = bed.extension("1.0.0", "dutiful");
    extension.settings(3, &settings("web"));
    extension.call("enable", 3).good();
    let worker = bed.worker();
    // What no file can replace stands for a disk that is full: nothing can be written there.
    let assigned = bed.root.path().join("state/assignment.json");
    fs::remove_file(&assigned).unwrap();
    fs::create_dir(&assigned).unwrap();
    extension.settings(4, &settings("mail"));
    let failure = extension.call("enable", 4).bad();
    assert!(failure.sentence.contains("assignment.json: cannot be written"), "{failure}");
    assert_eq!(bed.worker(), worker);
    assert_eq!(extension.status(4), None, "the status is the worker's to write");
}

#[test]
fn a_worker_that_runs_goes_on_where_the_agents_files_cannot_be_written() {
    let bed = Bed::new();
    let extension = bed.extension("1.0.0", "dutiful");
    extension.settings(3, &settings("web"));
    extension.call("enable", 3).good();
    let (worker, assigned) = (bed.worker(), Assignment::read(&bed.directories()).unwrap());
    let folder = extension.folder.join("status");
    fs::remove_dir_all(&folder).unwrap();
    fs::write(&folder, "in the way").unwrap();
    extension.settings(4, &settings("mail"));
    let failure = extension.call("enable", 4).bad();
    assert!(failure.sentence.contains("status\" is not a directory"), "{failure}");
    assert_eq!((bed.worker(), Assignment::read(&bed.directories()).unwrap()), (worker, assigned));
    fs::remove_file(&folder).unwrap();
    extension.call("enable", 4).good();
    let left = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(left.collect::<Vec<_>>(), ["4.status"], "nothing is left of the rehearsal");
}

#[test]
fn a_state_directory_that_cannot_be_used_is_told_in_the_status() {
    let bed = Bed::new();
    let extension = bed.extension("1.0.0", "dutiful");
    extension.settings(3, &settings("web"));
    fs::write(bed.root.path().join("state"), "in the way").unwrap();
    extension.call("enable", 3).bad();
    assert_told(&extension, -31, "state: cannot be written");
}

#[test]
fn a_command_that_does_not_get_its_turn_says_so_and_writes_nothing() {
    let bed = Bed::new();
    bed.hurry(|limits, moment| limits.turn = moment);
    let extension = bed.extension("1.0.0", "dutiful");
    extension.settings(3, &settings("web"));
    bed.directories().create().unwrap();
    let _other = HandlerLock::acquire(&bed.directories()).unwrap();
    let failure = extension.call("enable", 3).bad();
    assert!(failure.sentence.contains("another command of the extension's handler"), "{failure}");
    assert_eq!((extension.status(3), extension.heartbeat()), (None, None));
}

#[test]
fn an_enable_that_was_killed_halfway_is_made_up_for_by_the_next() {
    let bed = Bed::new();
    let extension = bed.extension("1.0.0", "dutiful");
    extension.settings(3, &settings("web"));
    extension.call("enable", 3).good();
    let worker = bed.worker().unwrap();
    // As far as an enable of other settings gets before it starts the new worker.
    let directories = bed.directories();
    let mut assignment = Assignment::read(&directories).unwrap().unwrap();
    assignment.sequence_number = 4;
    assignment.settings = settings("mail");
    assignment.replace(&directories, &HandlerLock::acquire(&directories).unwrap()).unwrap();
    kill(&worker);
    extension.settings(4, &settings("mail"));
    extension.call("enable", 4).good();
    assert_eq!(bed.worker().unwrap().assignment, Some(assignment.identity()));
}
