//! The test bed, with extensions that are not ours: what the other tests rely on.

use acceptance::{Agent, Extension, Package};
use serde_json::json;

#[test]
fn the_agent_installs_and_enables_a_package() {
    let folder = tempfile::tempdir().unwrap();
    let package = Package::other("Test.Marker", "echo $MARK >mark", folder.path());
    let environment = [("MARK".to_owned(), "seen".to_owned())].into();
    let mut agent = Agent::start(&folder.path().join("agent"), &environment);
    let answer = agent.goal_state(&[Extension::new(&package).settings(3, &json!({}))]);
    assert_eq!(answer.command_lines(), ["1.0.0 run.sh install", "1.0.0 run.sh enable"]);
    let extension = answer.handler("Test.Marker").extension();
    assert_eq!((extension.sequence_number, extension.status.as_deref()), (3, Some("success")));
    let mark = agent.extension_folder("Test.Marker", "1.0.0").join("mark");
    assert_eq!(std::fs::read_to_string(mark).unwrap(), "seen\n");
}

#[test]
fn a_restarted_agent_enables_again_with_the_same_number() {
    let folder = tempfile::tempdir().unwrap();
    let package = Package::other("Test.Marker", "true", folder.path());
    let mut agent = Agent::start(&folder.path().join("agent"), &[].into());
    agent.goal_state(&[Extension::new(&package).settings(0, &json!({}))]);
    assert_eq!(agent.restart().command_lines(), ["1.0.0 run.sh enable"]);
}
