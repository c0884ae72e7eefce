//! The definition for a registered publisher, filled in by the page's own commands.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use acceptance::{page, workspace};
use serde_json::Value;

use crate::{names, settings};

const PAGE: &str = "deploy/publish/README.md";

/// What the public documents list, in their order.
const ELEMENTS: &[&str] = &[
    "ProviderNameSpace",
    "Type",
    "Version",
    "Label",
    "HostingResources",
    "MediaLink",
    "Description",
    "IsInternalExtension",
    "Eula",
    "PrivacyUri",
    "HomepageUri",
    "IsJsonExtension",
    "SupportedOS",
    "CompanyName",
];

#[test]
fn the_definition_is_filled_in_by_the_steps_of_its_page() {
    let blocks = page::blocks(&workspace().join(PAGE));
    let script =
        &blocks.iter().find(|block| block.text.contains("extension-image.xml.in")).unwrap();
    let bed = tempfile::tempdir().unwrap();
    let folder = bed.path().join("deploy/publish");
    fs::create_dir_all(&folder).unwrap();
    let definition = "deploy/publish/extension-image.xml.in";
    fs::copy(workspace().join(definition), bed.path().join(definition)).unwrap();
    let az = bed.path().join("az");
    fs::write(&az, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&az, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", bed.path().display());
    let ran = Command::new("dash")
        .args(["-eu", "-c", &script.text])
        .current_dir(bed.path())
        .env_clear()
        .env("PATH", path)
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let filled = fs::read_to_string(bed.path().join("extension-image.xml")).unwrap();
    assert!(!filled.contains('@'), "{filled}");
    let lines: Vec<_> = filled.lines().filter_map(element).collect();
    assert_eq!(lines.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ELEMENTS);
    let value = |name: &str| lines.iter().find(|(known, _)| *known == name).unwrap().1;
    let (publisher, kind) = (names::of_makefile("PUBLISHER"), names::of_makefile("TYPE"));
    assert_eq!((value("ProviderNameSpace"), value("Type")), (publisher.as_str(), kind.as_str()));
    assert_eq!(value("Version"), concat!(env!("CARGO_PKG_VERSION"), ".0"));
    let package = format!("/{publisher}.{kind}-{}.zip", env!("CARGO_PKG_VERSION"));
    assert!(value("MediaLink").ends_with(&package), "{}", value("MediaLink"));
}

/// `<Name>value</Name>`, alone in its line.
fn element(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = line.trim().strip_prefix('<')?.split_once('>')?;
    Some((name, rest.strip_suffix(&format!("</{name}>"))?))
}

#[test]
fn the_definition_is_xml() {
    let path = workspace().join("deploy/publish/extension-image.xml.in");
    let read = Command::new("/usr/bin/python3")
        .args(["-c", "import sys, xml.dom.minidom as x; x.parse(sys.argv[1])"])
        .arg(path)
        .output()
        .unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
}

#[test]
fn cloud_inits_settings_are_accepted() {
    let blocks = page::blocks(&workspace().join(PAGE));
    let config = &blocks.iter().find(|block| block.language == "yaml").unwrap().text;
    let json: String = config
        .lines()
        .skip_while(|line| line.trim() != "content: |")
        .skip(1)
        .take_while(|line| line.starts_with("      "))
        .collect();
    let given: Value = serde_json::from_str(&json).unwrap();
    settings::accepted(PAGE, &given);
}
