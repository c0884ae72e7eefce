//! `akvvm_service migrate`: what it says and writes.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use serde_json::{Value, json};

use crate::bed::{Bed, Ran};

const URL: &str = "https://contoso.vault.azure.net/secrets/web";

/// The examples of one generation, by their names.
fn examples(generation: &str) -> Vec<(String, Value)> {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/extension-settings/examples");
    let all = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let of_it = all.filter_map(|path| {
        let name = path.file_name()?.to_str()?.to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        name.starts_with(generation).then(|| (name, serde_json::from_str(&text).unwrap()))
    });
    of_it.collect()
}

fn assert_valid(schema: &str, document: &Value) {
    let schema = jsonschema::draft202012::new(&serde_json::from_str(schema).unwrap()).unwrap();
    let refusal = schema.validate(document).map_err(|error| error.to_string());
    assert_eq!(refusal, Ok(()), "{document:#}");
}

/// The document that `migrate --json` prints.
fn migrated(bed: &Bed, from: &str, settings: &Value) -> Value {
    bed.write("old.json", settings.to_string());
    let ran = bed.look(&["migrate", "--from", from, "--settings", "old.json", "--json"]);
    assert_eq!((ran.code, ran.complaint.as_str()), (Some(0), ""), "{ran}");
    let document = ran.json();
    assert_valid(include_str!("../../schema/migrate.schema.json"), &document);
    document
}

/// What `validate --json` understands of settings.
fn understood(bed: &Bed, settings: &Value) -> Value {
    bed.write("any.json", settings.to_string());
    let ran = bed.look(&["validate", "--settings", "any.json", "--json"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    ran.json()["settings"].take()
}

#[test]
fn settings_of_every_generation_mean_the_same_afterwards_and_say_it() {
    let bed = Bed::new();
    for (from, layout) in [("1", "combined"), ("2", "combined"), ("3", "combined"), ("4", "split")]
    {
        let examples = examples(&format!("{from}.x"));
        assert!(examples.len() >= 2, "{from}");
        for (name, old) in examples {
            let document = migrated(&bed, from, &old);
            let new = &document["settings"];
            assert_valid(
                include_str!("../../../crates/extension-settings/schema/settings.schema.json"),
                new,
            );
            let (before, mut after) = (understood(&bed, &old), understood(&bed, new));
            for one in after["certificates"].as_array_mut().unwrap() {
                assert_eq!(one["layout"].take(), layout, "{name}");
                one["paths"].take();
            }
            for (index, one) in before["certificates"].as_array().unwrap().iter().enumerate() {
                for key in ["url", "version", "store", "link", "identity", "acls", "outputs"] {
                    assert_eq!(one[key], after["certificates"][index][key], "{name}: {key}");
                }
            }
            for key in ["pollingIntervalInS", "identity", "logging"] {
                assert_eq!(before[key], after[key], "{name}: {key}");
            }
            assert_eq!(after["retainVersions"], if from == "4" { 2 } else { 0 }, "{name}");
            let sync = from == "4" || before["requireInitialSync"] == true;
            assert_eq!(after["requireInitialSync"], sync, "{name}");
            assert_eq!(
                document["warnings"].as_array().unwrap().len(),
                windows_keys(&old),
                "{name}"
            );
        }
    }
}

/// Keys that mean nothing on Linux are remarked upon; one URL without brackets is.
fn windows_keys(settings: &Value) -> usize {
    let secrets = &settings["secretsManagementSettings"];
    let keys = ["certificateStoreName", "linkOnRenewal"].map(|key| secrets.get(key).is_some());
    let lone = secrets["observedCertificates"].is_string();
    // The example with the lone URL has an empty store, too.
    keys.into_iter().filter(|has| *has).count() + if lone { 2 } else { 0 }
}

#[test]
fn settings_are_read_in_every_form_in_which_they_come() {
    let bed = Bed::new();
    let bare = json!({"secretsManagementSettings": {"observedCertificates": [URL]}});
    let expected = migrated(&bed, "2", &bare)["settings"].take();
    for form in [
        json!({"publicSettings": bare, "protectedSettings": null}),
        json!({"runtimeSettings": [{"handlerSettings": {"publicSettings": bare}}]}),
        json!({"settings": bare}),
        json!({"properties": {"settings": bare}}),
        json!(bare.to_string()),
    ] {
        assert_eq!(migrated(&bed, "2", &form)["settings"], expected, "{form}");
    }
}

#[test]
fn signs_of_another_generation_are_warnings() {
    let bed = Bed::new();
    let entry = json!({"url": URL, "authenticationOverride": {}});
    let settings = json!({"secretsManagementSettings": {"observedCertificates": [entry]}});
    let said = |from| migrated(&bed, from, &settings)["warnings"].to_string();
    assert!(said("3").contains("not read by 3.x, only by 4.x; here it counts"));
    assert!(said("2").contains("an object, which 2.x does not read: is it 3.x or 4.x?"));
    assert_eq!(said("4"), "[]");
}

#[test]
fn a_key_of_windows_is_one_warning() {
    let bed = Bed::new();
    let entry = json!({"url": URL, "accounts": ["Network Service"]});
    let settings = json!({"secretsManagementSettings": {
        "keyExportable": false, "linkOnRenewal": true, "observedCertificates": [entry],
    }});
    let warnings = migrated(&bed, "3", &settings)["warnings"].take();
    let paths: Vec<_> =
        warnings.as_array().unwrap().iter().map(|one| one["path"].as_str().unwrap()).collect();
    let expected = ["observedCertificates[0].accounts", "keyExportable", "linkOnRenewal"];
    assert_eq!(paths, expected.map(|key| format!("secretsManagementSettings.{key}")));
    assert!(warnings[0]["text"].as_str().unwrap().ends_with("list users and groups in acls"));
}

/// 4.x applies acls and keeps its interval whatever the settings say, and ours say so then.
#[test]
fn what_4x_settles_is_no_warning_any_more() {
    let bed = Bed::new();
    let entry = json!({"url": URL, "acls": [{"user": "root"}]});
    for interval in ["10", "1000000"] {
        let settings = json!({"secretsManagementSettings": {
            "aclEnabled": false, "pollingIntervalInS": interval, "observedCertificates": [entry],
        }});
        let said = |from| migrated(&bed, from, &settings)["warnings"].take();
        assert_eq!(said("4"), json!([]));
        let as_before = said("3").to_string();
        assert!(as_before.contains("acls are not applied"), "{as_before}");
        assert!(as_before.contains("pollingIntervalInS"), "{as_before}");
    }
}

#[test]
fn what_4x_would_give_one_name_is_refused() {
    let bed = Bed::new();
    let second = json!({"url": URL, "customSymbolicLinkName": "contoso.web.pem"});
    let entries = json!([{"url": URL}, second]);
    let settings = json!({"secretsManagementSettings": {"observedCertificates": entries}});
    bed.write("old.json", settings.to_string());
    let ran = bed.look(&["migrate", "--from", "4", "--settings", "old.json"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    ran.assert_says("problem  secretsManagementSettings.observedCertificates[1]: ");
    assert_eq!(migrated(&bed, "3", &settings)["problems"], json!([]));
}

#[test]
fn links_of_another_generation_are_a_sign_too() {
    let bed = Bed::new();
    let old = with_store(&bed);
    symlink("x", bed.path("store/contoso.web.pem")).unwrap();
    let document = migrated(&bed, "2", &old);
    let warning = document["warnings"][0]["text"].as_str().unwrap();
    assert!(warning.ends_with("contoso.web.pem is there, which 2.x does not write, and nothing that it does: is --from right?"), "{warning}");
    symlink("y", bed.path("store/contoso.web")).unwrap();
    assert_eq!(migrated(&bed, "2", &old)["warnings"], json!([]));
}

#[test]
fn what_cannot_be_used_is_exit_code_2() {
    let bed = Bed::new();
    bed.write("old.json", "{}");
    for (arguments, words) in [
        (&["--settings", "old.json"][..], "migrate needs --from 1, 2, 3 or 4"),
        (&["--from", "5", "--settings", "old.json"], "migrate needs --from 1, 2, 3 or 4"),
        (&["--from", "3"], "migrate needs --settings FILE"),
    ] {
        let ran = bed.look(&[&["migrate"], arguments].concat());
        assert_eq!(ran.code, Some(2), "{ran}");
        assert!(ran.complaint.contains(words), "{ran}");
    }
    for file in ["old.json", "absent.json"] {
        let arguments = ["migrate", "--from", "3", "--settings", file, "--output", "new.json"];
        let ran = bed.look(&arguments);
        assert_eq!(ran.code, Some(2), "{ran}");
        ran.assert_says(&format!("{file}: refused: 1 problem\nproblem  "));
        let json = bed.look(&[&arguments[..], &["--json"]].concat());
        assert_valid(include_str!("../../schema/migrate.schema.json"), &json.json());
        assert_eq!((json.code, &json.json()["settings"]), (Some(2), &Value::Null));
    }
}

fn with_store(bed: &Bed) -> Value {
    std::fs::create_dir(bed.path("store")).unwrap();
    json!({"secretsManagementSettings": {
        "certificateStoreLocation": bed.path("store"), "observedCertificates": [URL],
    }})
}

fn migrate_into(bed: &Bed, output: &str) -> Ran {
    bed.run(&["migrate", "--from", "2", "--settings", "old.json", "--output", output])
}

#[test]
fn the_output_is_ours_and_never_takes_the_place_of_another_file() {
    let bed = Bed::new();
    let old = with_store(&bed).to_string();
    bed.write("old.json", &old);
    let ran = migrate_into(&bed, "new.json");
    assert_eq!(ran.code, Some(0), "{ran}");
    ran.assert_says("\nour settings: new.json\n");
    ran.assert_says("  --settings @new.json\n".trim_start());
    let written = std::fs::read(bed.path("new.json")).unwrap();
    let settings: Value = serde_json::from_slice(&written).unwrap();
    assert_eq!(settings["secretsManagementSettings"]["certificateFileLayout"], "combined");
    assert_eq!(migrate_into(&bed, "new.json").code, Some(0), "once more gives the same");
    let ran = migrate_into(&bed, "old.json");
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.complaint.contains("old.json is there already: name another file"), "{ran}");
    assert_eq!(std::fs::read_to_string(bed.path("old.json")).unwrap(), old);
    let ran = migrate_into(&bed, "absent/new.json");
    assert_eq!(ran.code, Some(1), "{ran}");
}

#[test]
fn without_an_output_the_settings_are_in_the_answer() {
    let bed = Bed::new();
    bed.write("old.json", with_store(&bed).to_string());
    let ran = bed.look(&["migrate", "--from", "2", "--settings", "old.json"]);
    let (_, settings) = ran.output.split_once("\nour settings\n").unwrap();
    let settings: Value = serde_json::from_str(settings).unwrap();
    assert_eq!(settings["secretsManagementSettings"]["retainVersions"], 0);
    ran.assert_says("--settings @akvvm.json");
}

#[test]
fn what_is_in_the_way_is_exit_code_1() {
    let bed = Bed::new();
    bed.write("old.json", with_store(&bed).to_string());
    bed.write("store/contoso.web", "a copy");
    let ran = bed.look(&["migrate", "--from", "3", "--settings", "old.json"]);
    assert_eq!(ran.code, Some(1), "{ran}");
    ran.assert_says("/contoso.web: a regular file stands in the way: move it, or ");
    std::fs::remove_file(bed.path("store/contoso.web")).unwrap();
    symlink("elsewhere", bed.path("store/contoso.web")).unwrap();
    let ran = bed.look(&["migrate", "--from", "3", "--settings", "old.json"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    ran.assert_says("/contoso.web -> elsewhere: moves by one rename; ");
}

#[test]
fn a_store_that_is_closed_to_the_caller_is_said_to_be() {
    let mut bed = Bed::new();
    bed.write("old.json", with_store(&bed).to_string());
    bed.run_as_nobody();
    let closed = std::fs::Permissions::from_mode(0o000);
    std::fs::set_permissions(bed.path("store"), closed).unwrap();
    let ran = bed.run(&["migrate", "--from", "3", "--settings", "old.json"]);
    let open = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(bed.path("store"), open).unwrap();
    assert_eq!(ran.code, Some(0), "{ran}");
    ran.assert_says("; run this as root to see what stands there\n");
}
