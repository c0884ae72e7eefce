//! What operators ask for by hand, where no worker runs.

use fake_azure::CertificateSpec;
use serde_json::{Value, json};

use crate::bed::Ran;
use crate::world::World;

const URL: &str = "https://contoso.vault.azure.net/secrets/web";

/// Runs a command with the settings in the folder.
fn run(world: &World, arguments: &[&str]) -> Ran {
    world.bed.run(&[arguments, &["--settings", "settings.json"]].concat())
}

fn write(world: &World, certificates: Value) {
    world.bed.write("settings.json", world.settings(certificates).to_string());
}

#[test]
fn a_plan_tells_what_the_machine_does_not_permit() {
    let world = World::new();
    write(&world, json!([{"url": URL, "onRenewal": [{"command": ["/usr/local/sbin/tell"]}]}]));
    let ran = world.bed.look(&["plan", "--settings", "settings.json"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    ran.assert_says("install  contoso.web");
    assert!(ran.complaint.contains("contoso.web: onRenewal is left out"), "{ran}");
    assert!(ran.complaint.contains("AKVVM_REACTIONS"), "{ran}");
}

#[test]
fn of_two_certificates_with_one_name_the_one_at_the_path_goes_back() {
    let mut world = World::new();
    let other = world.bed.path("other");
    write(&world, json!([URL, {"url": URL, "certificateStoreLocation": other}]));
    assert_eq!(run(&world, &["sync"]).code, Some(0));
    world.put("web", &CertificateSpec::default());
    assert_eq!(run(&world, &["sync"]).code, Some(0));
    let link = other.join("contoso.web").display().to_string();
    let ambiguous = run(&world, &["rollback", "contoso.web"]);
    assert_eq!(ambiguous.code, Some(1), "{ambiguous}");
    assert!(ambiguous.complaint.contains("name one by its path: "), "{ambiguous}");
    assert!(ambiguous.complaint.contains(&link), "{ambiguous}");
    let back = run(&world, &["rollback", &link]);
    assert_eq!(back.code, Some(0), "{back}");
    let histories = [world.store().join("contoso.web").display().to_string(), link];
    let told = histories.map(|link| world.bed.run(&["history", &link]).output);
    assert!(!told[0].contains("rolledBack") && told[1].contains("rolledBack"), "{told:?}");
    let released = run(&world, &["sync", "--release", "contoso.nobody"]);
    assert_eq!(released.code, Some(1), "{released}");
    assert!(released.complaint.contains("no certificate here has the link"), "{released}");
}

#[test]
fn a_split_certificate_is_told_of_by_either_of_its_paths() {
    let mut world = World::new();
    write(&world, json!([{"url": URL, "certificateFileLayout": "split"}]));
    assert_eq!(run(&world, &["sync"]).code, Some(0));
    let link = world.store().join("contoso.web");
    let first = world.bed.run(&["status", "--json"]).json()["certificates"][0]["version"].clone();
    for path in [link.with_file_name("contoso.web.pem"), link] {
        world.put("web", &CertificateSpec::default());
        assert_eq!(run(&world, &["sync"]).code, Some(0));
        let back = run(&world, &["rollback", "--json", &path.display().to_string()]);
        assert_eq!(back.code, Some(0), "{back}");
        let told = back.json();
        assert!(told["version"].is_string() && told["problem"].is_string(), "{path:?}: {told}");
        assert_eq!(told["version"], first);
    }
}

#[test]
fn a_pass_by_hand_writes_the_metrics_that_settings_ask_for() {
    let world = World::new();
    let with = |textfile: &std::path::Path| {
        let mut settings = world.settings(json!([URL]));
        settings["metricsSettings"] = json!({"textfile": textfile});
        world.bed.write("settings.json", settings.to_string());
        run(&world, &["sync"])
    };
    let textfile = world.bed.path("akvvm.prom");
    let ran = with(&textfile);
    assert_eq!((ran.code, ran.complaint.as_str()), (Some(0), ""), "{ran}");
    let metrics = std::fs::read_to_string(textfile).unwrap();
    let installed = metrics.lines().find(|line| line.starts_with("akvvm_certificate_installed{"));
    assert!(installed.is_some_and(|line| line.ends_with(" 1")), "{metrics}");
    let ran = with(&world.bed.path("missing/akvvm.prom"));
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.complaint.contains("metricsSettings.textfile: cannot open"), "{ran}");
}

#[test]
fn a_link_of_the_split_layout_is_known_by_the_path_that_status_shows() {
    let world = World::new();
    write(&world, json!([{"url": URL, "certificateFileLayout": "split"}]));
    assert_eq!(run(&world, &["sync"]).code, Some(0));
    let link = world.store().join("contoso.web.pem").display().to_string();
    world.bed.look(&["status"]).assert_says(&link);
    let told = world.bed.look(&["history", &link]);
    assert_eq!(told.code, Some(0), "{told}");
    told.assert_says("installed");
    let refused = run(&world, &["rollback", &link]);
    assert!(refused.complaint.contains("there is no version before it"), "{refused}");
}
