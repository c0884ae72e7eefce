//! Settings that cannot be served.

use serde_json::json;
use status_schema::{HeartbeatState, State};
use worker_state::Assignment;

use crate::bed::{Bed, kill, settings, trace};

#[test]
fn without_a_worker_the_handler_says_why_everywhere() {
    let bed = Bed::new();
    let extension = bed.extension("1.0.0", "dutiful");
    extension.settings(3, &json!({"secretsManagementSettings": {"observedCertificates": []}}));
    let failure = extension.call("enable", 3).bad();
    let status = extension.status(3).unwrap();
    assert_eq!((status.state, status.code), (State::Error, 1));
    assert_eq!(status.message, failure.sentence);
    assert!(failure.sentence.contains("observedCertificates"), "{failure}");
    let beat = extension.heartbeat().unwrap();
    assert_eq!((beat.state, beat.message), (HeartbeatState::NotReady, failure.sentence));
    assert_eq!(bed.worker(), None);
    assert_eq!(Assignment::read(&bed.directories()).unwrap(), None);
}

#[test]
fn empty_null_and_malformed_settings_each_have_their_sentence() {
    let bed = Bed::new();
    let extension = bed.extension("1.0.0", "dutiful");
    let null = r#"{"runtimeSettings": [{"handlerSettings": {"publicSettings": null}}]}"#;
    for (content, sentence) in [
        ("", "deployed without settings"),
        (null, "publicSettings is null"),
        ("{\"runtimeSettings", "is not JSON"),
        ("[]", "must be an object"),
    ] {
        extension.settings_file(0, content);
        let failure = extension.call("enable", 0).bad();
        assert!(failure.sentence.contains(sentence), "{failure}");
        assert_eq!(extension.status(0).unwrap().message, failure.sentence);
    }
    let failure = extension.call("enable", 1).bad();
    assert!(failure.sentence.contains("1.settings: cannot be read"), "{failure}");
}

#[test]
fn with_a_worker_the_worker_says_why_and_goes_on() {
    let bed = Bed::new();
    let extension = bed.extension("1.0.0", "dutiful");
    extension.settings(3, &settings("web"));
    extension.call("enable", 3).good();
    let worker = bed.worker();
    extension.settings(4, &json!({}));
    let failure = extension.call("enable", 4).bad();
    assert!(failure.told);
    let status = extension.status(4).unwrap();
    assert_eq!((status.state, &*status.name), (State::Error, "stand-in"));
    assert_eq!(status.message, failure.sentence);
    assert_eq!(bed.worker(), worker, "the worker goes on");
    assert_eq!(extension.heartbeat().unwrap().state, HeartbeatState::Ready);
    let assignment = Assignment::read(&bed.directories()).unwrap().unwrap();
    assert_eq!(assignment.settings, settings("web"));
}

#[test]
fn a_refusal_that_is_published_is_not_written_again() {
    let bed = Bed::new();
    let extension = bed.extension("1.0.0", "dutiful");
    extension.settings(3, &settings("web"));
    extension.call("enable", 3).good();
    extension.settings(4, &json!({}));
    extension.call("enable", 4).bad();
    let files = trace(bed.root.path());
    extension.call("enable", 4).bad();
    assert_eq!(trace(bed.root.path()), files);
}

#[test]
fn going_back_to_what_is_served_takes_the_refusal_away() {
    let bed = Bed::new();
    let extension = bed.extension("1.0.0", "dutiful");
    extension.settings(3, &settings("web"));
    extension.call("enable", 3).good();
    let worker = bed.worker().unwrap();
    extension.settings(4, &json!({}));
    extension.call("enable", 4).bad();
    extension.call("enable", 3).good();
    assert_eq!(Assignment::read(&bed.directories()).unwrap().unwrap().refusal, None);
    assert_eq!(bed.worker().unwrap().process, worker.process);
}

#[test]
fn a_refusal_under_the_number_that_is_served_is_gone_when_enable_ends() {
    let bed = Bed::new();
    let extension = bed.extension("1.0.0", "dutiful");
    extension.settings(3, &settings("web"));
    extension.call("enable", 3).good();
    extension.settings(3, &json!({}));
    extension.call("enable", 3).bad();
    assert_eq!(extension.status(3).unwrap().state, State::Error);
    extension.settings(3, &settings("web"));
    extension.call("enable", 3).good();
    assert_eq!(extension.status(3).unwrap().state, State::Success);
}

#[test]
fn better_settings_after_a_refusal_are_served() {
    let bed = Bed::new();
    let extension = bed.extension("1.0.0", "dutiful");
    extension.settings(3, &settings("web"));
    extension.call("enable", 3).good();
    extension.settings(4, &json!({}));
    extension.call("enable", 4).bad();
    extension.settings(5, &settings("mail"));
    extension.call("enable", 5).good();
    let assignment = Assignment::read(&bed.directories()).unwrap().unwrap();
    assert_eq!((assignment.sequence_number, assignment.refusal), (5, None));
    assert_eq!(extension.status(5).unwrap().state, State::Success);
}

#[test]
fn a_worker_that_does_not_listen_is_left_alone_all_the_same() {
    let bed = Bed::new();
    bed.hurry(|limits, moment| limits.publication = moment);
    let extension = bed.extension("1.0.0", "deaf");
    extension.settings(3, &settings("web"));
    extension.call("enable", 3).good();
    let worker = bed.worker();
    extension.settings(4, &json!({}));
    let answer = extension.call("enable", 4);
    assert!(answer.said.contains("has not published the refusal in time"), "{}", answer.said);
    answer.bad();
    assert_eq!(bed.worker(), worker);
    assert_eq!(extension.status(4), None, "its status is the worker's to write");
}

#[test]
fn after_a_crash_refused_settings_bring_the_former_ones_back() {
    let bed = Bed::new();
    let extension = bed.extension("1.0.0", "dutiful");
    extension.settings(3, &settings("web"));
    extension.call("enable", 3).good();
    let killed = bed.worker().unwrap();
    kill(&killed);
    extension.settings(4, &json!({}));
    let failure = extension.call("enable", 4).bad();
    assert!(failure.told);
    assert_eq!(extension.status(4).unwrap().message, failure.sentence);
    let identity = Assignment::read(&bed.directories()).unwrap().unwrap().identity();
    assert_eq!(bed.worker().unwrap().assignment, Some(identity));
}

#[test]
fn after_disable_refused_settings_bring_nothing_back() {
    let bed = Bed::new();
    let extension = bed.extension("1.0.0", "dutiful");
    extension.settings(3, &settings("web"));
    extension.call("enable", 3).good();
    extension.call("disable", 3).good();
    extension.settings(4, &json!({}));
    let failure = extension.call("enable", 4).bad();
    assert!(!failure.told);
    assert_eq!(extension.status(4).unwrap().state, State::Error);
    assert_eq!(bed.worker(), None);
}

#[test]
fn an_environment_file_that_must_not_be_used_is_a_refusal() {
    let bed = Bed::new();
    let extension = bed.extension("1.0.0", "dutiful");
    extension.settings(3, &settings("web"));
    std::fs::write(bed.root.path().join("environment"), "nonsense\n").unwrap();
    let failure = extension.call("enable", 3).bad();
    assert!(failure.sentence.contains("environment: line 1"), "{failure}");
    assert_eq!(extension.status(3).unwrap().state, State::Error);
}

#[test]
fn a_missing_handler_environment_is_named() {
    let bed = Bed::new();
    let extension = bed.extension("1.0.0", "dutiful");
    let path = extension.folder.join("HandlerEnvironment.json");
    std::fs::remove_file(&path).unwrap();
    for command in ["install", "enable", "update"] {
        let failure = extension.call(command, 3).bad();
        assert!(failure.sentence.starts_with(&path.display().to_string()), "{failure}");
    }
}
