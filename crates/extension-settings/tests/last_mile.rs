//! Outputs, reactions and metrics in whole settings: what stands in whose way, and what changes
//! nothing for those who do not ask for them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::path::{Path, PathBuf};

use extension_settings::{
    Expiry, Form, Guards, Metrics, Output, Parsed, Problems, Settings, VaultSuffixes, parse,
};
use serde_json::{Value, json};

const WEB: &str = "https://contoso.vault.azure.net/secrets/web";
const API: &str = "https://contoso.vault.azure.net/secrets/api";

fn read(document: &Value) -> Result<Parsed, Problems> {
    parse(document, &VaultSuffixes::known())
}

fn settings(document: &Value) -> Settings {
    read(document).unwrap_or_else(|problems| panic!("{problems}")).settings
}

fn entries(entries: &Value) -> Value {
    json!({"secretsManagementSettings": {"observedCertificates": entries}})
}

fn example(name: &str) -> Settings {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let text = std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
    settings(&serde_json::from_str(&text).unwrap())
}

fn problems(document: &Value) -> Vec<String> {
    read(document).unwrap_err().problems.iter().map(ToString::to_string).collect()
}

fn file(path: &str) -> Value {
    json!({"path": path, "form": "leaf"})
}

#[test]
fn settings_that_ask_for_nothing_of_it_get_nothing_of_it() {
    let settings = settings(&entries(&json!([WEB, {"url": API, "acls": [{"user": "a"}]}])));
    assert!(settings.on_renewal.is_empty());
    assert_eq!(settings.metrics, Metrics::default());
    assert_eq!(settings.expiry, Expiry { warning_percent: 30, error_percent: 10 });
    for certificate in &settings.certificates {
        assert!(certificate.outputs.is_empty() && certificate.check.is_none());
        assert!(certificate.on_renewal.is_empty() && certificate.verify.is_empty());
        assert_eq!(certificate.guards, Guards::default());
        assert!(certificate.rollback && !certificate.accepts_any_secret());
    }
}

#[test]
fn raw_outputs_alone_take_any_secret() {
    let settings = example("outputs");
    let any: Vec<_> = settings.certificates.iter().map(|one| one.accepts_any_secret()).collect();
    assert_eq!(any, [false, false, true]);
    let forms: Vec<_> = settings.certificates[1].outputs.iter().flat_map(Output::forms).collect();
    assert_eq!(forms, [&Form::FullChain, &Form::PrivateKey]);
    let beside = json!({"path": "/etc/app/web.raw", "form": "raw"});
    let mixed = entries(&json!([{"url": WEB, "outputs": [beside, file("/etc/app/web.pem")]}]));
    assert!(!self::settings(&mixed).certificates[0].accepts_any_secret());
}

#[test]
fn every_directory_that_is_written_to_is_named_once() {
    let mut document = entries(&json!([
        {"url": WEB, "certificateStoreLocation": "/srv/store", "outputs": [
            file("/srv/tls/a"), file("/srv/tls/b"),
            {"directory": "/srv/sets/web", "files": [{"name": "a", "form": "leaf"}]},
        ]},
        {"url": API, "certificateStoreLocation": "/srv/store"},
    ]));
    document["metricsSettings"] = json!({"textfile": "/srv/metrics/akvvm.prom"});
    let expected = ["/srv/metrics", "/srv/sets", "/srv/store", "/srv/tls"].map(PathBuf::from);
    assert_eq!(settings(&document).written_directories(), expected);
}

#[test]
fn outputs_in_each_others_way_are_refused_with_both_paths() {
    let list = "secretsManagementSettings.observedCertificates";
    let set = json!({"directory": "/srv/tls", "files": [{"name": "a", "form": "leaf"}]});
    for (second, sentence) in [
        (file("/srv//a"), format!("would write the same path as {list}[0].outputs[0], /srv/a")),
        (set, format!("is in the way of the store of {list}[1]")),
        (file("/srv/a/b"), format!("stands inside of {list}[0].outputs[0]")),
        (file("/srv/tls/contoso.api"), format!("is in the way of the link of {list}[1]")),
        (file("/srv/secret"), format!("is in the way of a passwordFile of {list}[0]")),
        (file("/srv/x.prom"), "is in the way of metricsSettings.textfile".to_owned()),
        (
            file("/srv/tls/contoso.api.0123456789abcdef0123456789abcdef"),
            format!("is named like a version in the store of {list}[1]"),
        ),
    ] {
        let store = json!({"path": "/srv/k", "form": "pkcs12", "passwordFile": "/srv/secret"});
        let mut document = entries(&json!([
            {"url": WEB, "outputs": [file("/srv/a"), store]},
            {"url": API, "certificateStoreLocation": "/srv/tls", "outputs": [second]},
        ]));
        document["metricsSettings"] = json!({"textfile": "/srv/x.prom"});
        let problems = problems(&document);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with(&format!("{list}[1].outputs[0]: ")), "{problems:?}");
        assert!(problems[0].contains(&sentence), "{problems:?}");
    }
}

#[test]
fn an_output_may_stand_in_a_store_beside_its_links() {
    let entry = json!({"url": WEB, "certificateStoreLocation": "/srv/tls",
        "outputs": [file("/srv/tls/web.pem"), file("/srv/tls/../x")]});
    assert_eq!(problems(&entries(&json!([entry]))).len(), 1, "only the second");
    let entry = json!({"url": WEB, "certificateStoreLocation": "/srv/tls",
        "outputs": [file("/srv/tls/web.pem")]});
    assert!(read(&entries(&json!([entry]))).is_ok());
}

#[test]
fn settings_write_no_instructions_to_the_machine() {
    let raw = |path: &str| json!({"path": path, "form": "raw"});
    for (entry, sentence) in [
        (json!({"outputs": [raw("/etc/akvvm/environment")]}), "[0].outputs[0]: /etc/akvvm/environ"),
        (json!({"outputs": [file("/srv/a"), file("/etc/cron.d/a")]}), "[0].outputs[1]: /etc/cron"),
        (
            json!({"outputs": [raw("/srv/a")], "certificateStoreLocation": "/etc/cron.d"}),
            "[0]: an entry that takes any secret",
        ),
    ] {
        let mut entry = entry;
        entry["url"] = json!(WEB);
        let problems = problems(&entries(&json!([entry])));
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].contains(sentence), "{problems:?}");
    }
    let store = json!({"url": WEB, "certificateStoreLocation": "/etc/cron.d"});
    assert!(read(&entries(&json!([store]))).is_ok(), "a certificate is no instruction");
}

#[test]
fn lists_of_outputs_are_turned_off_with_the_others() {
    let acls = json!([{"user": "a"}]);
    let mut document = entries(&json!([
        {"url": WEB, "outputs": [{"path": "/srv/a", "form": "raw", "acls": acls}]},
    ]));
    document["secretsManagementSettings"]["aclEnabled"] = json!(false);
    let parsed = read(&document).unwrap();
    let Output::File { access, .. } = &parsed.settings.certificates[0].outputs[0] else { panic!() };
    assert!(access.acls.is_empty());
    assert!(parsed.warnings[0].to_string().contains("[0].outputs: acls are not applied"));
}

#[test]
fn thresholds_make_room_for_the_one_that_is_written() {
    let expiry = |keys: Value| {
        let mut document = entries(&json!([WEB]));
        let secrets = document["secretsManagementSettings"].as_object_mut().unwrap();
        secrets.extend(keys.as_object().unwrap().clone());
        let parsed = read(&document).unwrap();
        let Expiry { warning_percent, error_percent } = parsed.settings.expiry;
        (warning_percent, error_percent, parsed.warnings.len())
    };
    assert_eq!(expiry(json!({"expiryWarningInPercent": 5})), (5, 5, 0));
    assert_eq!(expiry(json!({"expiryErrorInPercent": "50"})), (50, 50, 0));
    assert_eq!(
        expiry(json!({"expiryWarningInPercent": 20, "expiryErrorInPercent": 40})),
        (20, 40, 1)
    );
    assert_eq!(
        expiry(json!({"expiryWarningInPercent": 20, "expiryErrorInPercent": 20})),
        (20, 20, 0)
    );
}

#[test]
fn keys_at_a_wrong_level_are_honoured_or_pointed_to_their_place() {
    let mut document = entries(&json!([{"url": WEB, "expiryErrorInPercent": 5, "mode": "0640"}]));
    document["textfile"] = json!("/srv/metrics/akvvm.prom");
    document["onRenewal"] = json!({"unit": "nginx"});
    let parsed = read(&document).unwrap();
    assert_eq!(parsed.settings.expiry.error_percent, 5);
    assert!(parsed.settings.metrics.textfile.is_some());
    assert_eq!(parsed.settings.on_renewal.len(), 1);
    let warnings: Vec<_> = parsed.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 4, "{warnings:?}");
    let mode = warnings.iter().find(|warning| warning.contains("mode")).unwrap();
    assert!(mode.ends_with("it means something in one of an entry's outputs"), "{mode}");
    let mut document = entries(&json!([WEB]));
    document["secretsManagementSettings"]["check"] = json!({"command": ["/bin/true"]});
    assert!(problems(&document)[0].contains("belongs in an entry of observedCertificates"));
}

#[test]
fn many_outputs_are_compared_in_time() {
    let entry =
        |n: usize| json!({"url": format!("{WEB}{n}"), "outputs": [file(&format!("/srv/{n}/a"))]});
    let document = entries(&(0..4_000).map(entry).collect());
    assert_eq!(settings(&document).written_directories().len(), 4_001);
}
