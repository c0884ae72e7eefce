//! ARM and Bicep.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use acceptance::workspace;
use serde_json::{Value, json};

use crate::{names, python, settings};

const IDENTITY: &str = "5f0a9c1e-3b7d-4e62-8a41-c2d6b7e8f901";

/// Deployments: a template, and values of parameters besides those of its parameter file. Each
/// template as its page has it, and with the other choice of each parameter that changes much.
fn deployments() -> Vec<(&'static str, Value)> {
    let key = json!({ "sshPublicKey": "ssh-ed25519 AAAA" });
    vec![
        ("arc", json!({})),
        ("arc", json!({ "extraSettings": { "metricsSettings": { "listen": "127.0.0.1:9901" } } })),
        ("vm", json!({})),
        ("vm", json!({ "msiClientId": IDENTITY, "requireInitialSync": false })),
        ("vm-private", key.clone()),
        ("vm-private", json!({ "sshPublicKey": "ssh-ed25519 AAAA", "privateEndpoint": false })),
        ("vmss", key),
    ]
}

/// What the templates come to in each deployment, in both languages.
static READ: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let folder = folder().display().to_string();
    let read = python::ask("read.py", &[&folder], &json!(deployments()));
    read.as_array().unwrap().clone()
});

fn folder() -> PathBuf {
    workspace().join("deploy")
}

/// Files of the folder with this ending, without it.
fn stems(ending: &str) -> BTreeSet<String> {
    let names = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| name.into_string().unwrap());
    names.filter_map(|name| Some(name.strip_suffix(ending)?.to_owned())).collect()
}

/// The extension's own properties, wherever a template has them.
fn extensions(resources: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    for resource in resources.as_array().unwrap() {
        let profile = "/properties/virtualMachineProfile/extensionProfile/extensions";
        let of_set = resource.pointer(profile).and_then(Value::as_array);
        let is_extension = resource["type"].as_str().unwrap().ends_with("/extensions");
        found.extend(of_set.into_iter().flatten().map(|extension| extension["properties"].clone()));
        found.extend(is_extension.then(|| resource["properties"].clone()));
    }
    found
}

/// The settings that the first deployment of a template gives our extension.
#[cfg(target_arch = "x86_64")]
pub(crate) fn settings_of(template: &str) -> Value {
    extensions(&read(template, 0)["arm"]["resources"])[0]["settings"].clone()
}

/// What a template comes to in one of its deployments.
fn read(template: &str, deployment: usize) -> &'static Value {
    let all = deployments().into_iter().zip(READ.iter());
    let mut of_it = all.filter(|((name, _), _)| *name == template).map(|(_, read)| read);
    of_it.nth(deployment).unwrap()
}

fn resource<'a>(read: &'a Value, kind: &str) -> Option<&'a Value> {
    let all = read["arm"]["resources"].as_array().unwrap();
    all.iter().find(|resource| resource["type"] == kind)
}

#[test]
fn every_template_is_there_in_both_languages_and_deployed_here() {
    let templates = stems(".bicep");
    let parameters = stems(".parameters.json");
    let documents: BTreeSet<_> =
        stems(".json").into_iter().filter(|stem| !stem.ends_with(".parameters")).collect();
    let deployed = deployments().into_iter().map(|(name, _)| name.to_owned()).collect();
    for others in [&parameters, &documents, &deployed] {
        assert_eq!(&templates, others);
    }
}

#[test]
fn arm_and_bicep_declare_and_deploy_the_same() {
    for ((name, values), read) in deployments().iter().zip(READ.iter()) {
        for part in ["description", "parameters", "resources"] {
            let (arm, bicep) = (&read["arm"][part], &read["bicep"][part]);
            assert_eq!(arm, bicep, "{part} of {name} with {values}\n{arm:#}\n{bicep:#}");
        }
    }
}

#[test]
fn the_extension_reads_the_settings_of_every_template() {
    for ((name, values), read) in deployments().iter().zip(READ.iter()) {
        let given = &extensions(&read["arm"]["resources"])[0]["settings"];
        let read = settings::accepted(name, given);
        let initial = values.get("requireInitialSync").and_then(Value::as_bool);
        assert_eq!(read.require_initial_sync, initial.unwrap_or(true), "{name}");
    }
}

#[test]
fn nothing_is_declared_in_vain() {
    for ((name, _), read) in deployments().iter().zip(READ.iter()) {
        for language in ["arm", "bicep"] {
            let unused = &read[language]["unused"];
            assert_eq!(unused, &json!([]), "{name}, {language}");
        }
    }
}

#[test]
fn arm_templates_have_the_form_that_the_resource_manager_reads() {
    let text_of = |path: PathBuf| fs::read_to_string(path).unwrap();
    let schema = text_of(workspace().join("tests/deploy/template.schema.json"));
    let schema = jsonschema::draft202012::new(&serde_json::from_str(&schema).unwrap()).unwrap();
    for name in stems(".bicep") {
        let text = text_of(folder().join(format!("{name}.json")));
        let document: Value = serde_json::from_str(&text).unwrap();
        let refusal = schema.validate(&document).map_err(|error| error.to_string());
        assert_eq!(refusal, Ok(()), "{name}");
    }
}

#[test]
fn microsofts_own_models_know_every_property() {
    let all = READ.iter().flat_map(|read| read["arm"]["resources"].as_array().unwrap());
    let complaints = python::ask("azure_models.py", &[], &all.cloned().collect());
    assert_eq!(complaints, json!([]));
}

#[test]
fn microsofts_models_complain_of_what_they_do_not_know() {
    let mut resources = read("vm", 0)["arm"]["resources"].clone();
    resources[0]["properties"]["typeHandlerVersions"] = json!("0.1");
    resources[0]["properties"]["autoUpgradeMinorVersion"] = json!("true");
    resources[0]["properties"]["provisioningState"] = json!("Succeeded");
    let complaints = python::ask("azure_models.py", &[], &resources);
    assert_eq!(complaints.as_array().unwrap().len(), 3, "{complaints:#}");
}

#[test]
fn the_extension_is_named_as_the_package_is() {
    for ((template, _), read) in deployments().iter().zip(READ.iter()) {
        let extension = &extensions(&read["arm"]["resources"])[0];
        assert_eq!(extension["publisher"], names::of_makefile("PUBLISHER"), "{template}");
        assert_eq!(extension["type"], names::of_makefile("TYPE"), "{template}");
        assert_eq!(extension["typeHandlerVersion"], names::version(), "{template}");
    }
}

#[test]
fn the_extension_waits_for_its_access_and_for_the_way_to_the_vault() {
    let read = read("vm-private", 0);
    let extension = resource(read, "Microsoft.Compute/virtualMachines/extensions").unwrap();
    for kind in [
        "Microsoft.Authorization/roleAssignments",
        "Microsoft.Network/privateDnsZones/virtualNetworkLinks",
        "Microsoft.Network/privateEndpoints/privateDnsZoneGroups",
    ] {
        let awaited = &resource(read, kind).unwrap()["id"];
        assert!(extension["dependsOn"].as_array().unwrap().contains(awaited), "{kind}");
    }
    // Key Vault Secrets User: the role has the same id in every tenant.
    let access = resource(read, "Microsoft.Authorization/roleAssignments").unwrap();
    let role = access["properties"]["roleDefinitionId"].as_str().unwrap();
    assert!(role.ends_with("/4633458b-17de-408a-b874-0445c86b69e6"), "{role}");
    assert!(access["scope"].as_str().unwrap().ends_with("/vaults/contoso"), "{access}");
}

#[test]
fn without_a_private_endpoint_nothing_of_it_is_made() {
    for kind in ["privateEndpoints", "privateDnsZones"] {
        assert!(resource(read("vm-private", 0), &format!("Microsoft.Network/{kind}")).is_some());
        assert!(resource(read("vm-private", 1), &format!("Microsoft.Network/{kind}")).is_none());
    }
}

#[test]
fn what_a_scale_set_does_with_certificates_waits_until_they_are_there() {
    let all = extensions(&read("vmss", 0)["arm"]["resources"]);
    let [ours, dependent] = all.as_slice() else { panic!("{all:#?}") };
    let waits = &ours["settings"]["secretsManagementSettings"]["requireInitialSync"];
    assert_eq!(waits, true);
    assert_eq!(dependent["provisionAfterExtensions"], json!([names::of_makefile("TYPE")]));
    assert_eq!(dependent["type"], "CustomScript");
}

#[test]
fn bicep_is_indented_by_its_brackets() {
    // No registry carries Bicep's own formatter; these are its rules that show in every file.
    for name in stems(".bicep") {
        let text = fs::read_to_string(folder().join(format!("{name}.bicep"))).unwrap();
        let mut depth = 0;
        for (number, line) in text.lines().enumerate() {
            let code = line.trim_start();
            let place = format!("{name}.bicep:{}", number + 1);
            assert_eq!(line.trim_end(), line, "{place}: space at the end");
            let closing = code.starts_with(['}', ']', ')']);
            let indent = 2 * (depth - usize::from(closing));
            assert!(code.is_empty() || line.len() - code.len() == indent, "{place}: {line}");
            if !code.starts_with("//") && !code.starts_with("@description") {
                depth += code.matches(['{', '[', '(']).count();
                depth -= code.matches(['}', ']', ')']).count();
            }
        }
        assert!(!text.contains("\n\n\n") && text.ends_with("}\n"), "{name}.bicep: empty lines");
    }
}

#[test]
fn json_is_indented_as_its_writers_do() {
    for name in stems(".json") {
        let text = fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
        let mut depth = 0;
        for (number, line) in text.lines().enumerate() {
            let code = line.trim_start();
            let closing = code.starts_with(['}', ']']);
            let indent = 2 * (depth - usize::from(closing));
            assert_eq!(line.len() - code.len(), indent, "{name}.json:{}", number + 1);
            depth -= usize::from(closing);
            depth += usize::from(code.ends_with(['{', '[']));
        }
    }
}
