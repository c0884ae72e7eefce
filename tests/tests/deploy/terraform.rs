//! Terraform. Its library is carried for x86_64 only.
#![cfg(target_arch = "x86_64")]

use std::sync::LazyLock;

use acceptance::{page, workspace};
use serde_json::{Value, json};

use crate::{names, python, settings, templates};

/// What Terraform itself and another parser say of all modules.
static READ: LazyLock<Value> = LazyLock::new(|| {
    let folder = workspace().join("deploy/terraform").display().to_string();
    python::ask("terraform.py", &[&folder], &values())
});

/// What settings are asked for: a name for them, the module, and its variables. What a module has
/// in common with a template is the same; once, all is as the page has it.
fn values() -> Value {
    let of = |template: &str, module: Value| {
        let settings = templates::settings_of(template);
        let mut module = module;
        let observed = &settings["secretsManagementSettings"]["observedCertificates"];
        module["observed_certificates"] = observed.clone();
        if let Some(client) = settings.pointer("/authenticationSettings/msiClientId") {
            module["msi_client_id"] = client.clone();
        }
        module
    };
    let scale_set = json!({
        "name": "my-vmss",
        "resource_group_name": "my-group",
        "location": "westeurope",
        "subnet_id": "subnet",
        "identity_id": "identity",
        "command_to_execute": "true",
        "ssh_public_key": "ssh-ed25519 AAAA",
    });
    json!({
        "arc": ["arc", of("arc", json!({ "machine_id": "machine", "location": "westeurope" }))],
        "vm": ["vm", of("vm", json!({ "virtual_machine_id": "machine" }))],
        "vmss": ["vmss", of("vmss", scale_set)],
        "page": ["vm", example()],
    })
}

/// The variables that the page shows.
fn example() -> String {
    let blocks = page::blocks(&workspace().join("deploy/README.md"));
    blocks.into_iter().find(|block| block.language == "hcl").unwrap().text
}

/// The resource of this kind, as it is written.
fn written(kind: &str) -> &'static Value {
    let all = READ["resources"].as_array().unwrap();
    &all.iter().find(|resource| resource[1] == kind).unwrap()[3]
}

#[test]
fn terraform_would_format_nothing_anew() {
    assert_eq!(READ["format"], json!([]));
}

#[test]
fn terraform_finds_nothing_invalid_but_that_it_has_no_provider_here() {
    assert_eq!(READ["modules"], json!(["access", "arc", "vm", "vmss"]));
    assert_eq!(READ["invalid"], json!([]));
}

#[test]
fn every_variable_is_declared_and_used() {
    assert_eq!(READ["foreign"], json!([]));
}

#[test]
fn terraform_gives_the_settings_that_the_templates_give() {
    for module in ["arc", "vm", "vmss"] {
        let given = &READ["settings"][module];
        settings::accepted(module, given);
        assert_eq!(given, &templates::settings_of(module), "{module}");
    }
}

#[test]
fn the_variables_of_the_page_are_taken() {
    settings::accepted("README.md", &READ["settings"]["page"]);
}

#[test]
fn the_settings_reach_the_extension() {
    let as_text = json!("${jsonencode(local.settings)}");
    assert_eq!(written("azurerm_virtual_machine_extension")["settings"], as_text);
    let extensions = &written("azurerm_linux_virtual_machine_scale_set")["extension"];
    assert_eq!(extensions[0]["settings"], as_text);
    let after = json!(["${var.extension_type}"]);
    assert_eq!(extensions[1]["provision_after_extensions"], after);
    let arc = written("azapi_resource");
    assert_eq!(arc["body"]["properties"]["settings"], "${local.settings}");
    let kind = arc["type"].as_str().unwrap();
    assert!(kind.starts_with("Microsoft.HybridCompute/machines/extensions@20"), "{kind}");
}

#[test]
fn the_extension_is_named_as_the_package_is() {
    for module in ["arc", "vm", "vmss"] {
        let path = workspace().join("deploy/terraform").join(module).join("variables.tf");
        let text = std::fs::read_to_string(path).unwrap();
        let expected = [
            ("publisher", names::of_makefile("PUBLISHER")),
            ("extension_type", names::of_makefile("TYPE")),
            ("type_handler_version", names::version()),
        ];
        for (variable, value) in expected {
            let block = text.split(&format!("variable \"{variable}\" {{")).nth(1).unwrap();
            let default = block.lines().find(|line| line.trim().starts_with("default")).unwrap();
            assert_eq!(default.trim(), format!("default     = \"{value}\""), "{module}");
        }
    }
}
