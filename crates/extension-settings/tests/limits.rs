//! Where it ends what is read: the last value that is taken, and the first that is refused.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use extension_settings::{Acl, Guards, Parsed, Problems, VaultSuffixes, parse};
use serde_json::{Map, Value, json};

const WEB: &str = "https://contoso.vault.azure.net/secrets/web";
const GUID: &str = "c7373ae5-91c2-4165-8ab6-7381d6e75619";

fn read(document: &Value) -> Result<Parsed, Problems> {
    parse(document, &VaultSuffixes::known())
}

/// Settings with one certificate that has these keys, too.
fn entry(key: &str, value: Value) -> Value {
    let mut entry = Map::from_iter([("url".to_owned(), json!(WEB))]);
    entry.insert(key.to_owned(), value);
    json!({"secretsManagementSettings": {"observedCertificates": [entry]}})
}

/// Settings with one certificate and this section.
fn section(name: &str, keys: Value) -> Value {
    let mut root = json!({"secretsManagementSettings": {"observedCertificates": [WEB]}});
    match (name, keys) {
        ("secretsManagementSettings", Value::Object(keys)) => {
            root[name].as_object_mut().unwrap().extend(keys);
        }
        (name, keys) => root[name] = keys,
    }
    root
}

fn outputs(count: usize) -> Value {
    let output = |n| json!({"path": format!("/srv/tls/{n}.pem"), "form": "leaf"});
    (0..count).map(output).collect()
}

fn files(count: usize) -> Value {
    let file = |n| json!({"name": format!("{n}.pem"), "form": "leaf"});
    json!({"directory": "/srv/tls", "files": (0..count).map(file).collect::<Vec<_>>()})
}

/// A DNS name of so many bytes.
fn name(length: usize) -> String {
    let labels = vec!["a".repeat(49); 6].join(".");
    labels[..length].to_owned()
}

fn users(count: usize) -> Value {
    (0..count).map(|n| json!({"user": format!("user{n}")})).collect()
}

#[test]
fn the_largest_is_read_and_the_next_larger_is_refused_where_it_stands() {
    let bytes = |length: usize| json!("a".repeat(length));
    let path = |length: usize| format!("/{}", "a".repeat(length));
    let deep = |length: usize| {
        let segments = "/abcdefg".repeat(length / 8);
        segments + &"/abcdefg"[..length % 8].replace('/', "x")
    };
    let verify = |key: &str, value: Value| {
        entry("verify", json!([{"address": "127.0.0.1:443", key: value}]))
    };
    let verified = |count| entry("verify", json!(vec![json!({"address": "127.0.0.1:443"}); count]));
    let command = |words: Vec<String>| entry("check", json!({"command": words}));
    let words = |count| command(vec!["/bin/true".to_owned(); count]);
    let word = |length| command(vec!["/bin/true".to_owned(), "a".repeat(length)]);
    let resource = |length: usize| {
        let id = format!(
            "/subscriptions/{GUID}/resourceGroups/web/providers/\
             Microsoft.ManagedIdentity/userAssignedIdentities/"
        );
        let id = format!("{id}{}", "a".repeat(length - id.len()));
        section("authenticationSettings", json!({"msiClientId": id}))
    };
    let logging = |key: &str, value: Value| {
        let mut keys = json!({"endpoint": "tcp://localhost"});
        keys[key] = value;
        section("loggingSettings", keys)
    };
    let account = |name: Value| entry("acls", json!([{"user": name}]));
    let action = |count| entry("onRenewal", json!(vec![json!({"unit": "nginx"}); count]));
    let interval =
        |seconds: u32| section("secretsManagementSettings", json!({"pollingIntervalInS": seconds}));
    let timeout =
        |seconds: u32| entry("check", json!({"command": ["/bin/true"], "timeoutInS": seconds}));
    let destination = |length| {
        entry("outputs", json!([{"path": format!("/srv{}", path(length)), "form": "leaf"}]))
    };
    let textfile = |length: usize| {
        section("metricsSettings", json!({"textfile": format!("/srv{}.prom", path(length - 5))}))
    };
    for (last, first) in [
        (entry("acls", users(256)), entry("acls", users(257))),
        (account(bytes(256)), account(bytes(257))),
        (interval(99_999_999), interval(100_000_000)),
        (timeout(3600), timeout(3601)),
        (entry("customSymbolicLinkName", bytes(190)), entry("customSymbolicLinkName", bytes(191))),
        (
            entry("certificateStoreLocation", json!(path(255))),
            entry("certificateStoreLocation", json!(path(256))),
        ),
        (
            entry("certificateStoreLocation", json!(deep(3800))),
            entry("certificateStoreLocation", json!(deep(3801))),
        ),
        (destination(190), destination(191)),
        (textfile(190), textfile(191)),
        (entry("outputs", outputs(64)), entry("outputs", outputs(65))),
        (entry("outputs", files(64)), entry("outputs", files(65))),
        (entry("outputs", files(1)), entry("outputs", files(0))),
        (action(64), action(65)),
        (verified(64), verified(65)),
        (verify("serverName", bytes(63)), verify("serverName", bytes(64))),
        (verify("serverName", json!(name(253))), verify("serverName", json!(name(254)))),
        (verify("alpn", json!([bytes(255)])), verify("alpn", json!([bytes(256)]))),
        (verify("alpn", json!(vec!["h2"; 64])), verify("alpn", json!(vec!["h2"; 65]))),
        (words(256), words(257)),
        (word(8192), word(8193)),
        (resource(500), resource(501)),
        (logging("servicename", bytes(128)), logging("servicename", bytes(129))),
        (
            logging("endpoint", json!(format!("tcp://{}", name(253)))),
            logging("endpoint", json!(format!("tcp://{}", name(254)))),
        ),
    ] {
        let said = first.to_string().chars().take(300).collect::<String>();
        if let Err(problems) = read(&last) {
            panic!("{problems}, instead of {said}");
        }
        assert_eq!(read(&first).err().map(|found| found.problems.len()), Some(1), "{said}");
    }
}

#[test]
fn characters_that_would_say_something_else_are_refused() {
    for document in [
        entry("acls", json!([{"user": "a,b"}])),
        entry("acls", json!([{"user": "a:b"}])),
        entry("check", json!(["/bin/true", "a\u{0}b"])),
        entry("verify", json!([{"address": "127.0.0.1:443", "serverName": "www-.contoso.com"}])),
        entry("verify", json!([{"address": "127.0.0.1:443", "serverName": "10.0.0.1"}])),
        section("loggingSettings", json!({"endpoint": "tcp://a", "servicename": "a\u{1b}b"})),
        section("metricsSettings", json!({"textfile": "/srv/.prom"})),
        section(
            "authenticationSettings",
            json!({"msiClientId": GUID.replace(char::is_alphanumeric, "0")}),
        ),
    ] {
        assert_eq!(read(&document).err().map(|found| found.problems.len()), Some(1), "{document}");
    }
}

#[test]
fn an_interval_is_odd_below_a_minute_and_beyond_a_week() {
    for (seconds, warnings) in [(59, 1), (60, 0), (604_800, 0), (604_801, 1)] {
        let keys = json!({"pollingIntervalInS": seconds});
        let read = read(&section("secretsManagementSettings", keys)).unwrap();
        assert_eq!(read.warnings.len(), warnings, "{seconds}");
    }
}

#[test]
fn each_thing_that_goes_beyond_the_store_turns_the_guards_on() {
    let all = Guards { names: true, validity: true, issuer: true };
    for (key, value) in [
        ("outputs", outputs(1)),
        ("check", json!({"command": ["/bin/true"]})),
        ("onRenewal", json!([{"unit": "nginx"}])),
        ("verify", json!([{"address": "127.0.0.1:443"}])),
    ] {
        let settings = read(&entry(key, value)).unwrap().settings;
        assert_eq!(settings.certificates[0].guards, all, "{key}");
        // The document that says the same needs no guards of its own.
        let printed = settings.to_document();
        let entry = &printed["secretsManagementSettings"]["observedCertificates"][0];
        assert_eq!(entry.get("guards"), None, "{printed}");
    }
}

#[test]
fn acls_that_stand_outside_the_entries_are_for_those_without_their_own() {
    let document = json!({"secretsManagementSettings": {
        "acls": [{"user": "all"}],
        "observedCertificates": [WEB, {"url": format!("{WEB}2"), "acls": [{"user": "own"}]}],
    }});
    let read = read(&document).unwrap();
    let acl = |user: &str| vec![Acl { user: Some(user.to_owned()), group: None }];
    let found: Vec<_> = read.settings.certificates.into_iter().map(|one| one.acls).collect();
    assert_eq!((found, read.warnings.len()), (vec![acl("all"), acl("own")], 1));
}

#[test]
fn acls_of_entries_that_share_files_are_limited_together() {
    let halves = |second: usize| {
        let entry = |link: &str, acls: Value| json!({"url": WEB, "customSymbolicLinkName": link, "acls": acls});
        let more: Value = (0..second).map(|n| json!({"group": format!("group{n}")})).collect();
        let list = [entry("one", users(200)), entry("two", more)];
        json!({"secretsManagementSettings": {"observedCertificates": list}})
    };
    assert_eq!(read(&halves(56)).unwrap().settings.certificates[1].acls.len(), 256);
    let refused = read(&halves(57)).unwrap_err().to_string();
    assert!(refused.contains("with the other entries for it has more than 256 acls"), "{refused}");
}

#[test]
fn an_editors_schema_beside_the_settings_is_no_template() {
    let mut document = section("loggingSettings", Value::Null);
    document["$schema"] = json!("settings.schema.json");
    assert_eq!(read(&document).unwrap().warnings.len(), 1);
    document["contentVersion"] = json!("1.0.0.0");
    let refused = read(&document).unwrap_err().to_string();
    assert!(refused.contains("this is a whole ARM template"), "{refused}");
}

#[test]
fn the_right_key_counts_beside_one_in_another_case() {
    for document in [
        entry("URL", json!("https://fabrikam.vault.azure.net/secrets/web")),
        entry("Url", json!("https://fabrikam.vault.azure.net/secrets/web")),
    ] {
        let read = read(&document).unwrap();
        assert_eq!(read.settings.certificates[0].id.to_string(), WEB);
        assert!(read.warnings[0].text.contains("unknown key, ignored"), "{:?}", read.warnings);
    }
}

#[test]
fn a_list_inside_of_an_entry_is_refused() {
    let refused = read(&entry("observedCertificates", json!([WEB]))).unwrap_err().to_string();
    assert!(refused.contains("belongs in secretsManagementSettings: move it there"), "{refused}");
}

#[test]
fn a_key_that_stands_twice_in_settings_inside_a_string_is_refused() {
    let text = format!(
        "{{\"secretsManagementSettings\": {{\"observedCertificates\": [\"{WEB}\"], \
         \"pollingIntervalInS\": 60, \"pollingIntervalInS\": 90}}}}"
    );
    let refused = read(&json!(text)).unwrap_err().to_string();
    assert!(refused.contains("pollingIntervalInS: stands there more than once"), "{refused}");
}

#[test]
fn a_receivers_keys_that_a_template_left_empty_are_said_to_be() {
    let keys = json!({"endpoint": "", "logger": " ", "format": "forward"});
    let refused = read(&section("loggingSettings", keys)).unwrap_err();
    assert_eq!((refused.problems.len(), refused.warnings.len()), (1, 2));
}
