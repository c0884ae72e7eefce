//! The settings of the pages, pasted.

use std::fs;
use std::process::Command;

use acceptance::Package;

use crate::page;

#[test]
fn the_settings_of_every_page_are_accepted_without_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let programs = Package::unpack_ours(folder.path());
    for name in page::names() {
        let shown: Vec<_> = page::blocks(&name)
            .into_iter()
            .filter(|block| block.language == "json" && block.text.contains("observedCertificates"))
            .collect();
        assert_eq!(shown.len(), 1, "{name}.md shows one whole settings document");
        let file = folder.path().join("settings.json");
        fs::write(&file, &shown[0].text).unwrap();
        let ran = Command::new(programs.join("akvvm_service"))
            .args(["validate", "--json", "--settings"])
            .arg(&file)
            .env_clear()
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        assert!(ran.status.success(), "{name}.md: {said}{}", String::from_utf8_lossy(&ran.stderr));
        let document: serde_json::Value = serde_json::from_str(&said).unwrap();
        // Whether this machine permits commands is no matter of the page's.
        let mut warnings = document["warnings"].as_array().unwrap().iter();
        let is_of_machine = |text: &str| text.contains("AKVVM_REACTIONS");
        let all_are = warnings.all(|warning| is_of_machine(warning["text"].as_str().unwrap()));
        assert!(all_are, "{name}.md: {document:#}");
    }
}
