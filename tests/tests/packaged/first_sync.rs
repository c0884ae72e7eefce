//! What the agent sees while the certificates are not there yet.

use acceptance::{Bed, Extension, Package, eventually};
use fake_azure::{Action, Rule, When};
use serde_json::{Value, json};

fn required(mut settings: Value) -> Value {
    settings["secretsManagementSettings"]["requireInitialSync"] = json!(true);
    settings
}

#[test]
fn a_required_first_sync_is_transitioning_then_success() {
    let mut bed = Bed::new();
    let (web, api) = (bed.issue("web"), bed.issue("api"));
    bed.azure.fault(Rule::new(When::secret("api"), Action::status(503)));
    let package = Package::ours();
    let settings = required(bed.settings(&["web", "api"]));
    let answer = bed.agent.goal_state(&[Extension::new(&package).settings(0, &settings)]);
    let status = answer.handler(package.handler()).extension();
    assert_eq!(status.status.as_deref(), Some("transitioning"));
    // One that fails does not hold the other up.
    bed.installed(&web);
    let seen = eventually("a count in the status", || {
        let answer = bed.agent.report();
        let status = answer.handler(package.handler()).extension().clone();
        status.message.contains("1 of 2").then_some(status)
    });
    assert_eq!(seen.status.as_deref(), Some("transitioning"));
    assert!(seen.message.contains("shop.api"), "{}", seen.message);
    bed.azure.clear_faults();
    bed.installed(&api);
    let answer = bed.agent.wait(package.handler(), "success");
    let status = answer.handler(package.handler()).extension();
    assert_eq!(status.substatuses.len(), 2);
    assert!(status.substatus("shop.web").message.contains(&web.version));
}

#[test]
fn a_dependent_extension_starts_only_after_the_first_sync() {
    let mut bed = Bed::new();
    let web = bed.issue("web");
    bed.azure.fault(Rule::new(When::secret("web"), Action::status(503)));
    // The dependent one reads the certificate as it starts.
    let script = format!("cp -L {} copy", bed.link("web").display());
    let dependent = Package::other("Test.Dependent", &script, bed.folder());
    let ours = Extension::new(&Package::ours()).settings(0, &required(bed.settings(&["web"])));
    let theirs = Extension::new(&dependent).settings(0, &json!({})).level(1);
    bed.agent.begin_goal_state(&[theirs, ours]);
    let folder = bed.agent.extension_folder("Test.Dependent", "1.0.0");
    eventually("some attempts", || (bed.azure.requests().len() > 8).then_some(()));
    assert!(!folder.join("copy").exists());
    bed.azure.clear_faults();
    let answer = bed.agent.answer();
    let status = answer.handler("Test.Dependent").extension();
    assert_eq!(status.status.as_deref(), Some("success"));
    let copy = std::fs::read_to_string(folder.join("copy")).unwrap();
    assert_eq!(copy, bed.installed(&web));
}

#[test]
fn whoever_depends_on_settings_that_are_refused_is_skipped_until_they_are_mended() {
    let mut bed = Bed::new();
    bed.issue("web");
    let dependent = Package::other("Test.Dependent", "", bed.folder());
    let ours = Extension::new(&Package::ours());
    let theirs = Extension::new(&dependent).settings(0, &json!({})).level(1);
    let refused = ours.clone().settings(0, &json!({"secretsManagementSettings": {}}));
    let answer = bed.agent.goal_state(&[theirs.clone(), refused]);
    let skipped = answer.handler("Test.Dependent");
    assert_eq!((skipped.status.as_str(), skipped.extension.is_some()), ("NotReady", false));
    assert!(
        !bed.agent.extension_folder("Test.Dependent", "1.0.0").join("status/0.status").exists()
    );
    let mended = ours.settings(1, &required(bed.settings(&["web"])));
    let answer = bed.agent.goal_state(&[theirs, mended]);
    let status = answer.handler("Test.Dependent").extension();
    assert_eq!(status.status.as_deref(), Some("success"));
}

#[test]
fn whoever_depends_on_a_first_sync_that_takes_too_long_is_skipped_and_has_its_turn_after_a_reboot()
{
    let mut bed = Bed::new();
    let web = bed.issue("web");
    bed.azure.fault(Rule::new(When::secret("web"), Action::status(503)));
    let script = format!("cp -L {} copy", bed.link("web").display());
    let dependent = Package::other("Test.Dependent", &script, bed.folder());
    let package = Package::ours();
    let ours = Extension::new(&package).settings(0, &required(bed.settings(&["web"])));
    let theirs = Extension::new(&dependent).settings(0, &json!({})).level(1);
    bed.agent.patience(0.05);
    let answer = bed.agent.goal_state(&[theirs, ours]);
    let skipped = answer.handler("Test.Dependent");
    assert_eq!((skipped.status.as_str(), skipped.extension.is_some()), ("NotReady", false));
    assert!(skipped.message.contains("did not reach a terminal state"), "{}", skipped.message);
    // The agent has given up; the worker has not, and says nothing that is not so.
    let status = answer.handler(package.handler()).extension();
    assert_eq!(status.status.as_deref(), Some("transitioning"));
    bed.azure.clear_faults();
    bed.agent.wait(package.handler(), "success");
    bed.installed(&web);
    let answer = bed.agent.restart();
    let status = answer.handler("Test.Dependent").extension();
    assert_eq!(status.status.as_deref(), Some("success"));
    let folder = bed.agent.extension_folder("Test.Dependent", "1.0.0");
    assert_eq!(std::fs::read_to_string(folder.join("copy")).unwrap(), bed.installed(&web));
}

#[test]
fn after_a_reboot_that_lost_the_certificates_a_dependent_extension_waits_again() {
    let mut bed = Bed::new();
    let web = bed.issue("web");
    let marks = bed.folder().join("starts");
    let script =
        format!("cp -L {} copy\necho started >>{}", bed.link("web").display(), marks.display());
    let dependent = Package::other("Test.Dependent", &script, bed.folder());
    let ours = Extension::new(&Package::ours()).settings(0, &required(bed.settings(&["web"])));
    let theirs = Extension::new(&dependent).settings(0, &json!({})).level(1);
    bed.agent.goal_state(&[theirs, ours]);
    bed.installed(&web);
    // A machine that keeps its certificates in memory, and comes up again.
    bed.kill(bed.worker());
    eventually("the worker's end", || bed.workers().is_empty().then_some(()));
    std::fs::remove_dir_all(bed.store()).unwrap();
    std::fs::remove_dir_all(bed.folder().join("run")).unwrap();
    let answer = bed.agent.restart();
    let status = answer.handler("Test.Dependent").extension();
    assert_eq!(status.status.as_deref(), Some("success"));
    // Its script ends at the first command that fails: both times the certificate was there.
    assert_eq!(std::fs::read_to_string(marks).unwrap(), "started\nstarted\n");
    bed.installed(&web);
}

#[test]
fn without_a_required_first_sync_it_is_success_at_once_with_the_truth_in_the_message() {
    let mut bed = Bed::new();
    let web = bed.issue("web");
    let settings = bed.settings(&["web", "absent"]);
    bed.install(&settings);
    bed.installed(&web);
    let package = Package::ours();
    eventually("the truth", || {
        let answer = bed.agent.report();
        let status = answer.handler(package.handler()).extension();
        assert_eq!(status.status.as_deref(), Some("success"));
        let told =
            status.message.starts_with("1 of 2 certificates installed; missing: shop.absent");
        (told && status.substatus("shop.absent").status == "error").then_some(())
    });
}
