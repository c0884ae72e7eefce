//! The pictures of stores in `docs/files.md`, held against stores.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::json;

use crate::world::World;

const PAGE: &str = include_str!("../../../docs/files.md");

/// Versions and times are other ones on every machine.
fn without_numbers(name: &str) -> String {
    let word = |word: &str| match word.len() {
        32 if word.bytes().all(|byte| byte.is_ascii_hexdigit()) => "VERSION".to_owned(),
        10 if word.bytes().all(|byte| byte.is_ascii_digit()) => "TIME".to_owned(),
        _ => word.to_owned(),
    };
    name.split('.').map(word).collect::<Vec<_>>().join(".")
}

/// `name -> target` for links, `name` for files, in order.
fn listing(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let mut lines: Vec<_> = entries
        .map(|entry| {
            let name = without_numbers(entry.file_name().to_str().unwrap());
            match std::fs::read_link(entry.path()) {
                Ok(to) => format!("{name} -> {}", without_numbers(to.to_str().unwrap())),
                Err(_) => name,
            }
        })
        .collect();
    lines.sort();
    lines
}

/// What the page's picture has, as `listing` has it.
fn pictured(layout: &str) -> Vec<String> {
    let (_, picture) = PAGE.split_once(&format!("    store, {layout}\n")).unwrap();
    let names = picture.lines().take_while(|line| !line.is_empty()).map(|line| {
        let mut words = line.split_whitespace().filter(|word| !["├──", "└──"].contains(word));
        let name = without_numbers(words.next().unwrap());
        match (words.next(), words.next()) {
            (Some("->"), Some(to)) => format!("{name} -> {}", without_numbers(to)),
            _ => name,
        }
    });
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

#[test]
fn a_store_looks_as_the_page_has_it() {
    for layout in ["combined", "split"] {
        let mut world = World::new();
        let mut settings = world.settings(json!(["https://contoso.vault.azure.net/secrets/web"]));
        settings["secretsManagementSettings"]["certificateFileLayout"] = json!(layout);
        world.bed.write("settings.json", settings.to_string());
        let sync = ["sync", "--settings", "settings.json"];
        assert_eq!(world.bed.run(&sync).code, Some(0));
        world.put("web", &fake_azure::CertificateSpec::default());
        assert_eq!(world.bed.run(&sync).code, Some(0));
        assert_eq!(pictured(layout), listing(&world.store()), "{layout}");
    }
}

#[test]
fn a_store_that_was_made_for_one_certificate_is_opened_to_the_readers_of_another() {
    let mut world = World::new();
    world.put("api", &fake_azure::CertificateSpec::default());
    let folder = world.store().parent().unwrap().to_owned();
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    let web = json!("https://contoso.vault.azure.net/secrets/web");
    let acls = json!([{"user": "nobody"}]);
    let api = json!({"url": "https://contoso.vault.azure.net/secrets/api", "acls": acls});
    for certificates in [json!([web]), json!([web, api])] {
        world.bed.write("settings.json", world.settings(certificates).to_string());
        let ran = world.bed.run(&["sync", "--settings", "settings.json"]);
        assert_eq!(ran.code, Some(0), "{ran}");
        assert!(!ran.output.contains("(code 10)"), "{ran}");
    }
}
