//! The documents: complete, and true of the tree.

use std::collections::BTreeSet;

use crate::tree::{assert_none, root, text, texts};

/// What a repository of this kind must have.
const DOCUMENTS: &[&str] = &[
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "SECURITY.md",
    "LICENSE",
    "docs/settings.md",
];

/// Folders of the workspace's packages, as its Cargo.toml lists them.
fn members() -> Vec<String> {
    let manifest = text("Cargo.toml");
    let list = manifest.split("members = [").nth(1).unwrap().split(']').next().unwrap();
    list.lines()
        .filter_map(|line| line.trim().strip_prefix('"')?.split('"').next())
        .map(str::to_owned)
        .collect()
}

/// Words of the form `AKVVM_…` in a text.
fn variables(content: &str) -> BTreeSet<String> {
    let word = |c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    content
        .split(word)
        .filter(|word| word.starts_with("AKVVM_") && word.len() > "AKVVM_".len())
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_usual_documents_are_there() {
    let missing = DOCUMENTS.iter().filter(|path| !root().join(path).is_file());
    assert_none("missing documents", &missing.map(|path| path.to_string()).collect::<Vec<_>>());
}

#[test]
fn the_architecture_describes_every_package_and_its_invariant() {
    let architecture = text("ARCHITECTURE.md");
    let sections: Vec<_> = architecture.split("\n### ").collect();
    let silent: Vec<_> = members()
        .into_iter()
        .filter(|member| {
            let headings = [format!("`{member}`"), format!("`{member}/`")];
            !sections.iter().any(|section| {
                headings.iter().any(|heading| section.starts_with(heading))
                    && section.contains("**Invariant:**")
            })
        })
        .collect();
    assert_none("packages without a section (### `folder`, **Invariant:**)", &silent);
}

#[test]
fn every_environment_variable_is_documented() {
    let documents = texts(&[".md"]);
    let known: BTreeSet<_> = documents.iter().flat_map(|text| variables(&text.content)).collect();
    let mut silent = Vec::new();
    for file in texts(&[".rs"]).iter().filter(|file| !file.is_for_tests()) {
        let unknown = variables(file.product()).into_iter().filter(|name| !known.contains(name));
        silent.extend(unknown.map(|name| format!("{}: {name}", file.path)));
    }
    assert_none("variables that no document mentions", &silent);
}

#[test]
fn every_target_of_the_makefile_is_explained() {
    let makefile = text("Makefile");
    let silent: Vec<_> = makefile
        .lines()
        .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()))
        .filter(|line| line.contains(':') && !line.contains('=') && !line.contains("##"))
        .map(str::to_owned)
        .collect();
    assert_none("make targets without a word of help", &silent);
}
