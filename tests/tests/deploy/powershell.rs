//! The command lines for PowerShell. No registry carries PowerShell, so they are not run: a parser
//! (tree-sitter's) says what each command is given, and the rules below what would go wrong on the
//! way there.
//!
//! 1. No native command (`az`) gets a double quote or a brace: Windows PowerShell, and PowerShell 7
//!    where the command is a batch file, do not keep double quotes within arguments
//!    (about_Parsing, `$PSNativeCommandArgumentPassing`).
//! 2. `@file` for a native command is in single quotes: a bare `@name` splats a variable.
//! 3. JSON for a cmdlet is a verbatim text, in which `$` and backticks mean nothing, or a file that
//!    was read with `-Raw`: without it `Get-Content` returns lines.
//! 4. A cmdlet that wants a hash table gets one; ConvertTo-Json, whose depth is 2 unless told
//!    otherwise, is not used.
//! 5. Versions are in quotes: 2.10 without is a number, and the same as 2.1.

use serde_json::{Value, json};

use crate::one_liners;
use crate::{names, python, settings};

/// The parameters of cmdlets, as far as they are used.
/// <https://learn.microsoft.com/powershell/module/az.compute/>,
/// <https://learn.microsoft.com/powershell/module/az.connectedmachine/>
const PARAMETERS: &[(&str, &[&str])] = &[
    (
        "Set-AzVMExtension",
        &[
            "-ResourceGroupName",
            "-VMName",
            "-Location",
            "-Publisher",
            "-Name",
            "-ExtensionType",
            "-TypeHandlerVersion",
            "-SettingString",
        ],
    ),
    ("Get-AzVmss", &["-ResourceGroupName", "-VMScaleSetName"]),
    (
        "Add-AzVmssExtension",
        &[
            "-VirtualMachineScaleSet",
            "-Publisher",
            "-Name",
            "-Type",
            "-TypeHandlerVersion",
            "-AutoUpgradeMinorVersion",
            "-Setting",
            "-ProvisionAfterExtension",
        ],
    ),
    ("Update-AzVmss", &["-ResourceGroupName", "-VMScaleSetName", "-VirtualMachineScaleSet"]),
    (
        "New-AzConnectedMachineExtension",
        &[
            "-ResourceGroupName",
            "-MachineName",
            "-Location",
            "-Name",
            "-Publisher",
            "-ExtensionType",
            "-TypeHandlerVersion",
            "-Setting",
        ],
    ),
    (
        "New-AzResourceGroupDeployment",
        &["-ResourceGroupName", "-TemplateFile", "-TemplateParameterFile"],
    ),
];

/// Every command of these scripts.
fn commands(scripts: &[&str]) -> Vec<Value> {
    let read = python::ask("powershell.py", &[], &json!(scripts));
    read.as_array().unwrap().iter().flat_map(|one| one.as_array().unwrap().clone()).collect()
}

fn of_page() -> Vec<Value> {
    let blocks = one_liners::blocks("powershell");
    commands(&blocks.iter().map(|block| block.text.as_str()).collect::<Vec<_>>())
}

fn arguments(command: &Value) -> &[Value] {
    command["arguments"].as_array().unwrap()
}

fn argument<'a>(command: &'a Value, parameter: &str) -> Option<&'a Value> {
    arguments(command).iter().find(|argument| argument["parameter"] == parameter)
}

/// What would go wrong with a command on its way, by the rules above.
fn trouble(command: &Value) -> Option<String> {
    let name = command["name"].as_str().unwrap();
    for argument in arguments(command) {
        let (kind, value) = (argument["kind"].as_str().unwrap(), &argument["value"]);
        let parameter = argument["parameter"].as_str().unwrap_or_default();
        let text = value.as_str().unwrap_or_default();
        let wrong = if parameter.contains("ersion") && parameter != "-AutoUpgradeMinorVersion" {
            kind != "verbatim"
        } else if name == "az" {
            text.contains(['"', '{']) || (text.starts_with('@') && kind != "verbatim")
        } else {
            match parameter {
                "-SettingString" => {
                    kind != "verbatim"
                        && !(kind == "command" && text.starts_with("(Get-Content -Raw "))
                }
                "-Setting" => !value.is_object(),
                _ => kind == "expanded",
            }
        };
        if wrong {
            return Some(format!("{name} {parameter}: {argument}"));
        }
    }
    None
}

/// The settings that a command gives an extension.
fn given(command: &Value) -> Option<Value> {
    if let Some(table) = argument(command, "-Setting") {
        return Some(table["value"].clone());
    }
    let text = argument(command, "-SettingString")?;
    let text = match text["kind"].as_str().unwrap() {
        "verbatim" => text["value"].as_str().unwrap().to_owned(),
        _ => {
            let file = one_liners::file();
            let name = file.file.unwrap();
            assert_eq!(text["value"], format!("(Get-Content -Raw {name})"));
            file.text
        }
    };
    Some(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")))
}

#[test]
fn nothing_of_the_page_would_lose_its_quotes() {
    let all = of_page();
    assert!(all.len() > 6, "{all:#?}");
    let troubles: Vec<_> = all.iter().filter_map(trouble).collect();
    assert_eq!(troubles, Vec::<String>::new());
}

#[test]
fn every_accident_of_the_page_is_recognised() {
    let accidents = [
        r#"az vm extension set --settings '{"a": "b"}'"#,
        "az vm extension set --settings @settings.json",
        "Set-AzVMExtension -SettingString (Get-Content settings.json)",
        "Set-AzVMExtension -SettingString \"{ url: $vault }\"",
        "Set-AzVMExtension -TypeHandlerVersion 0.10",
        "Add-AzVmssExtension -Setting '{}'",
    ];
    for accident in accidents {
        let found: Vec<_> = commands(&[accident]).iter().filter_map(trouble).collect();
        assert_eq!(found.len(), 1, "{accident}: {found:?}");
    }
}

#[test]
fn cmdlets_have_the_parameters_that_the_page_gives_them() {
    for command in of_page().iter().filter(|command| command["name"] != "az") {
        let name = command["name"].as_str().unwrap();
        let known = PARAMETERS.iter().find(|(cmdlet, _)| *cmdlet == name);
        let (_, parameters) = known.unwrap_or_else(|| panic!("{name} is not known here"));
        for argument in arguments(command) {
            let parameter = argument["parameter"].as_str().unwrap();
            assert!(parameters.contains(&parameter), "{name} has no {parameter}");
        }
    }
}

#[test]
fn the_extension_reads_the_settings_of_every_command() {
    let mut read = 0;
    for command in of_page() {
        let Some(given) = given(&command) else { continue };
        let named = argument(&command, "-ExtensionType").or(argument(&command, "-Type")).unwrap();
        if named["value"] == "CustomScript" {
            let after = argument(&command, "-ProvisionAfterExtension").unwrap();
            assert_eq!(after["value"], names::of_makefile("TYPE"));
            continue;
        }
        assert_eq!(named["value"], names::of_makefile("TYPE"));
        let publisher = &argument(&command, "-Publisher").unwrap()["value"];
        assert_eq!(publisher, &names::of_makefile("PUBLISHER"));
        assert_eq!(argument(&command, "-TypeHandlerVersion").unwrap()["value"], names::version());
        settings::accepted("one-liners.md", &given);
        read += 1;
    }
    assert_eq!(read, 4, "commands with settings");
}

#[test]
fn az_is_given_in_powershell_what_it_is_given_elsewhere() {
    let all = of_page();
    let az = all.iter().find(|command| command["name"] == "az").unwrap();
    let words = arguments(az).iter().flat_map(|argument| {
        let parameter = argument["parameter"].as_str().map(str::to_owned);
        parameter.into_iter().chain([argument["value"].as_str().unwrap().to_owned()])
    });
    let words: Vec<_> = words.collect();
    let first = one_liners::calls(&one_liners::blocks("sh")[0].text, "dash");
    let settings = one_liners::option(&words, "--settings").unwrap();
    assert_eq!(settings, "@settings.json");
    let options = |call: &[String]| {
        let mut options: Vec<_> =
            call.iter().filter(|word| word.starts_with("--")).cloned().collect();
        options.sort();
        options
    };
    assert_eq!(options(&words), options(&first[0]));
    for name in options(&words).iter().filter(|name| *name != "--settings") {
        assert_eq!(one_liners::option(&words, name), one_liners::option(&first[0], name));
    }
}
