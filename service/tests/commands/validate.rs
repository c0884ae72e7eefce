//! `akvvm_service validate`.

use serde_json::{Value, json};

use crate::bed::{Bed, Ran};

const URL: &str = "https://contoso.vault.azure.net/secrets/web";
const GUID: &str = "0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0";

fn validate(content: impl AsRef<[u8]>) -> Ran {
    let bed = Bed::new();
    bed.write("settings.json", content);
    bed.look(&["validate", "--settings", "settings.json"])
}

fn with(authentication: Value) -> String {
    json!({
        "secretsManagementSettings": {"observedCertificates": [URL]},
        "authenticationSettings": authentication,
    })
    .to_string()
}

#[test]
fn good_settings_are_summed_up_and_nothing_is_written() {
    let ran = validate(with(json!(null)));
    assert_eq!(ran.code, Some(0), "{ran}");
    ran.assert_says("settings.json: fine\n");
    ran.assert_says("certificates  1\n");
    ran.assert_says("-> /var/lib/waagent/Microsoft.Azure.KeyVault.Store/contoso.web\n");
    assert_eq!(ran.complaint, "");
}

/// What the field does to settings, each read or refused with a sentence that helps.
#[test]
fn the_fields_accidents_are_read_or_explained() {
    let good = json!({"secretsManagementSettings": {"observedCertificates": [URL]}});
    let inside = json!({"secretsManagementSettings": {
        "observedCertificates": [URL], "authenticationSettings": {"msiClientId": GUID},
    }});
    let words = json!({"secretsManagementSettings": {
        "observedCertificates": [format!(" {URL} ")], "requireInitialSync": "true",
        "aclEnabled": "False", "pollingIntervalInS": " 900 ", "certificateStoreLocation": "/a/ ",
    }});
    let utf16: Vec<u8> =
        format!("\u{feff}{good}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let accidents: [(&str, Vec<u8>, i32, &[&str]); 14] = [
        (
            "double-encoded JSON",
            json!(good.to_string()).to_string().into(),
            0,
            &["warning  JSON inside a string, read all the same", "certificates  1"],
        ),
        (
            "a section one level too deep",
            inside.to_string().into(),
            0,
            &["belongs at the top level of the settings; honoured", GUID],
        ),
        (
            "the template's whole object",
            json!({"settings": good, "type": "x"}).to_string().into(),
            0,
            &["warning  settings: ", "certificates  1"],
        ),
        (
            "three slashes",
            with(json!({"msiEndpoint": "http:///169.254.169.254/metadata/identity"})).into(),
            2,
            &[
                "problem  authenticationSettings.msiEndpoint: ",
                "has no host",
                "write http://169.254.169.254/metadata/identity",
            ],
        ),
        (
            "what may be an object id",
            with(json!({"msiClientId": GUID})).into(),
            0,
            &["az identity show --query clientId", "an object id looks alike"],
        ),
        (
            "a name for an id",
            with(json!({"msiClientId": "web-identity"})).into(),
            2,
            &["\"web-identity\" is no client id", "az identity show --query clientId"],
        ),
        (
            "trailing spaces, words for booleans and numbers",
            words.to_string().into(),
            0,
            &[
                "every 900 s",
                "first sync    required",
                "white space around the value",
                "/a/contoso",
            ],
        ),
        (
            "yes for true",
            r#"{"requireInitialSync": "yes", "observedCertificates": ["x"]}"#.into(),
            2,
            &["requireInitialSync: must be true or false, but is the string \"yes\""],
        ),
        (
            "the certificate's own URL",
            json!({"observedCertificates": [URL.replace("secrets", "certificates")]})
                .to_string()
                .into(),
            2,
            &["hands out no private key", URL],
        ),
        (
            "an expression of a template",
            with(json!({"msiClientId": "[parameters('clientId')]"})).into(),
            2,
            &["\"[parameters('clientId')]\" is an expression of an ARM template"],
        ),
        ("a file of Windows PowerShell", utf16, 2, &["it is UTF-16", "-Encoding utf8"]),
        ("single quotes", good.to_string().replace('"', "'").into(), 2, &["single quotes in it"]),
        ("no settings at all", b"".to_vec(), 2, &["deployed without settings"]),
        (
            "null from a quoting shell",
            br#"{"runtimeSettings": [{"handlerSettings": {"publicSettings": null}}]}"#.to_vec(),
            2,
            &["publicSettings is null", "not valid JSON"],
        ),
    ];
    for (name, content, code, sentences) in accidents {
        let ran = validate(content);
        assert_eq!(ran.code, Some(code), "{name}: {ran}");
        for words in sentences {
            assert!(ran.output.contains(words), "{name}: {words:?} is missing in {ran}");
        }
    }
}

#[test]
fn every_problem_is_named_at_once_with_its_path() {
    let ran = validate(
        json!({
            "secretsManagementSettings": {
                "pollingIntervalInS": "often",
                "observedCertificates": [
                    "http://contoso.vault.azure.net/secrets/web",
                    {"url": URL, "customSymbolicLinkName": "../x", "certificateStoreLocation": "tls"},
                ],
            },
        })
        .to_string(),
    );
    assert_eq!(ran.code, Some(2), "{ran}");
    ran.assert_says("refused: 4 problems\n");
    for path in [
        "pollingIntervalInS: ",
        "observedCertificates[0]: ",
        "observedCertificates[1].customSymbolicLinkName: ",
        "observedCertificates[1].certificateStoreLocation: ",
    ] {
        ran.assert_says(&format!("problem  secretsManagementSettings.{path}"));
    }
}

#[test]
fn machines_get_a_document_that_the_schema_describes() {
    let schema = include_str!("../../schema/validate.schema.json");
    let schema = jsonschema::draft202012::new(&serde_json::from_str(schema).unwrap()).unwrap();
    let bed = Bed::new();
    for (content, code) in [(with(json!({"msiClientId": GUID})), 0), ("{".to_owned(), 2)] {
        bed.write("0.settings", content);
        let ran = bed.look(&["validate", "--json", "--settings", "0.settings"]);
        assert_eq!(ran.code, Some(code), "{ran}");
        let document = ran.json();
        assert!(schema.is_valid(&document), "{document:#}");
        assert_eq!(document["valid"], code == 0);
        assert_eq!(document["source"]["file"], "0.settings");
    }
}

#[test]
fn without_a_file_it_reads_what_was_assigned_and_names_what_was_refused_since() {
    let bed = Bed::new();
    std::fs::create_dir(bed.path("state")).unwrap();
    let assignment = json!({
        "sequenceNumber": 7, "version": "1.0.0",
        "settings": {"secretsManagementSettings": {"observedCertificates": [URL]}},
        "agent": {
            "extensionFolder": "/x", "statusFolder": "/x", "heartbeatFile": "/x", "logFolder": "/x",
        },
        "environment": {}, "assignedAt": "2026-11-22T08:00:00Z",
        "refusal": {"sequenceNumber": 8, "reason": "observedCertificates: missing"},
    });
    bed.write("state/assignment.json", assignment.to_string());
    let ran = bed.look(&["validate"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    ran.assert_says("the guest agent's settings, number 7: fine, with 1 warning\n");
    ran.assert_says(
        "warning  newer settings (number 8) were refused: observedCertificates: missing",
    );
}

#[test]
fn a_reader_that_leaves_early_is_no_trouble() {
    use std::process::{Command, Stdio};
    let mut running = Command::new(env!("CARGO_BIN_EXE_akvvm_service"))
        .arg("--help")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(running.stdout.take());
    assert_eq!(running.wait().unwrap().code(), Some(0));
}

#[test]
fn a_section_that_stands_twice_is_one_problem_and_nothing_in_it_is_missing() {
    let twice = format!(
        r#"{{"secretsManagementSettings": {{"observedCertificates": ["{URL}"]}},
            "secretsManagementSettings": {{"pollingIntervalInS": "900"}}}}"#
    );
    for text in [twice.clone(), json!(twice).to_string()] {
        let ran = validate(text);
        ran.assert_says("refused: 1 problem");
        ran.assert_says("secretsManagementSettings: stands there more than once");
    }
}

/// Which files are written depends on what 4.x left in the store, and only the machine knows that.
#[test]
fn a_store_that_gets_both_layouts_is_said_to() {
    let bed = Bed::new();
    let entry = json!({"url": URL, "certificateStoreLocation": bed.path("store")});
    let settings =
        |entry: &Value| json!({"secretsManagementSettings": {"observedCertificates": [entry]}});
    let said = |entry: &Value| {
        bed.write("settings.json", settings(entry).to_string());
        let ran = bed.look(&["validate", "--settings", "settings.json", "--json"]);
        assert_eq!(ran.code, Some(0), "{ran}");
        ran.json()["warnings"].take()
    };
    assert_eq!(said(&entry), json!([]));
    std::fs::create_dir(bed.path("store")).unwrap();
    std::os::unix::fs::symlink("x", bed.path("store/contoso.web.keyid")).unwrap();
    let warnings = said(&entry);
    let text = warnings[0]["text"].as_str().unwrap();
    assert!(text.contains("both layouts are written; set certificateFileLayout"), "{text}");
    assert_eq!(warnings.as_array().unwrap().len(), 1);
    let mut stated = entry;
    stated["certificateFileLayout"] = json!("combined");
    assert_eq!(said(&stated), json!([]));
}
