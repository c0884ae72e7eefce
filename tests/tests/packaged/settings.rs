//! New settings, and wrong ones.

use acceptance::{Answer, Bed, Extension, Package, eventually};
use serde_json::{Value, json};

fn apply(bed: &mut Bed, sequence_number: u64, settings: &Value) -> Answer {
    bed.agent.goal_state(&[Extension::new(&Package::ours()).settings(sequence_number, settings)])
}

#[test]
fn new_settings_take_over_under_their_own_number() {
    let mut bed = Bed::new();
    let (web, api) = (bed.issue("web"), bed.issue("api"));
    bed.install(&bed.settings(&["web"]));
    bed.installed(&web);
    let settings = bed.settings(&["web", "api"]);
    let answer = apply(&mut bed, 1, &settings);
    assert_eq!(answer.commands.len(), 1);
    bed.installed(&api);
    let answer = bed.agent.wait(Package::ours().handler(), "success");
    assert_eq!(answer.handler(Package::ours().handler()).extension().sequence_number, 1);
    bed.worker();
}

#[test]
fn a_lower_number_counts_as_new_too() {
    let mut bed = Bed::new();
    let (web, api) = (bed.issue("web"), bed.issue("api"));
    let settings = bed.settings(&["web"]);
    apply(&mut bed, 7, &settings);
    bed.installed(&web);
    let settings = bed.settings(&["api"]);
    apply(&mut bed, 2, &settings);
    bed.installed(&api);
    let answer = bed.agent.wait(Package::ours().handler(), "success");
    assert_eq!(answer.handler(Package::ours().handler()).extension().sequence_number, 2);
}

#[test]
fn a_number_that_is_used_again_for_other_settings_counts_as_new() {
    let mut bed = Bed::new();
    let (web, api) = (bed.issue("web"), bed.issue("api"));
    bed.install(&bed.settings(&["web"]));
    bed.installed(&web);
    let worker = bed.worker();
    let settings = bed.settings(&["api"]);
    apply(&mut bed, 0, &settings);
    bed.installed(&api);
    assert_ne!(bed.worker(), worker);
    let answer = bed.agent.wait(Package::ours().handler(), "success");
    let status = answer.handler(Package::ours().handler()).extension();
    assert_eq!((status.sequence_number, status.substatuses.len()), (0, 1));
}

#[test]
fn a_certificate_that_is_no_longer_observed_stays_on_disk() {
    let mut bed = Bed::new();
    let (web, api) = (bed.issue("web"), bed.issue("api"));
    bed.install(&bed.settings(&["web", "api"]));
    bed.installed(&web);
    let settings = bed.settings(&["api"]);
    apply(&mut bed, 1, &settings);
    bed.installed(&api);
    bed.installed(&web);
}

#[test]
fn wrong_settings_are_an_error_that_names_each_place() {
    let mut bed = Bed::new();
    let settings = json!({ "secretsManagementSettings": {
        "pollingIntervalInS": "often",
        "observedCertificates": [{ "url": "http://shop.vault.azure.net/secrets/web" }],
    }});
    let answer = apply(&mut bed, 0, &settings);
    let failure = answer.commands.last().unwrap().failure.clone().unwrap();
    let handler = answer.handler(Package::ours().handler());
    assert_eq!(handler.status, "NotReady");
    let status = handler.extension();
    assert_eq!(status.status.as_deref(), Some("error"));
    assert!(status.code > Some(0), "the customer's fault: {:?}", status.code);
    for place in ["pollingIntervalInS", "observedCertificates[0].url"] {
        assert!(status.message.contains(place), "{place} in {}", status.message);
        assert!(failure.contains(place), "{place} in {failure}");
    }
    assert!(bed.workers().is_empty());
}

#[test]
fn wrong_settings_are_refused_while_the_old_ones_are_still_served() {
    let mut bed = Bed::new();
    bed.issue("web");
    bed.install(&bed.settings(&["web"]));
    let worker = bed.worker();
    apply(&mut bed, 1, &json!({ "secretsManagementSettings": {} }));
    let status = eventually("the refusal", || {
        let answer = bed.agent.report();
        let status = answer.handler(Package::ours().handler()).extension().clone();
        (status.status.as_deref() == Some("error")).then_some(status)
    });
    assert_eq!(status.sequence_number, 1);
    assert!(status.message.contains("observedCertificates"), "{}", status.message);
    assert_eq!(bed.worker(), worker);
    let second = bed.azure.rotate("shop", "web").unwrap();
    bed.installed(&second);
}

#[test]
fn a_refusal_that_the_agent_has_written_over_is_told_again() {
    let mut bed = Bed::new();
    bed.issue("web");
    bed.install(&bed.settings(&["web"]));
    apply(&mut bed, 1, &json!({ "secretsManagementSettings": {} }));
    let package = Package::ours();
    let folder = bed.agent.extension_folder(package.handler(), package.version());
    // As the agent does while extensions are switched off (WALinuxAgent 2.15,
    // ga/exthandlers.py:1559).
    let switched_off = json!([{"status": {"operation": "Enable", "status": "error", "code": 1009,
        "formattedMessage": {"lang": "en-US", "message": "extensions are switched off"}}}]);
    std::fs::write(folder.join("status/1.status"), switched_off.to_string()).unwrap();
    let answer = bed.agent.restart();
    let status = answer.handler(package.handler()).extension();
    assert!(status.message.contains("observedCertificates"), "{}", status.message);
}

#[test]
fn wrong_settings_can_be_mended() {
    let mut bed = Bed::new();
    let web = bed.issue("web");
    apply(&mut bed, 0, &json!({ "secretsManagementSettings": {} }));
    let settings = bed.settings(&["web"]);
    apply(&mut bed, 1, &settings);
    bed.agent.wait(Package::ours().handler(), "success");
    bed.installed(&web);
}
