//! `docs/troubleshooting.md` explains what the program says, in the program's own words.

use std::path::{Path, PathBuf};

const PAGE: &str = include_str!("../../../docs/troubleshooting.md");

/// All product sources in one text, their strings as they are printed.
fn sources() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    for folder in ["service/src", "status-schema/src", "crates"] {
        collect(&root.join(folder), &mut files);
    }
    files.retain(|file| !file.starts_with(root.join("crates/fake-azure")));
    let texts = files.iter().map(|file| std::fs::read_to_string(file).unwrap());
    // A backslash at a line's end leaves out the white space that follows.
    let joined = |text: String| {
        let mut parts = text.split("\\\n");
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |text, part| text + part.trim_start())
    };
    texts.map(joined).collect::<String>().replace("\\\"", "\"")
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// What the tables' first columns quote: everything between two `…` on its own.
fn quoted() -> Vec<&'static str> {
    let own = PAGE.split("## Messages of Microsoft's extension").next().unwrap();
    let rows = own.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ---"));
    let cells = rows.filter_map(|row| row.split(" | ").next());
    let quotes = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let parts = quotes.filter(|quote| quote.contains(' ')).flat_map(|quote| quote.split('…'));
    parts.map(|part| part.trim_matches([' ', '"'])).filter(|part| part.len() > 7).collect()
}

#[test]
fn every_message_that_the_page_explains_is_one_of_the_programs() {
    let (sources, quoted) = (sources(), quoted());
    assert!(quoted.len() > 80, "{}", quoted.len());
    let strange: Vec<_> = quoted.into_iter().filter(|part| !sources.contains(part)).collect();
    assert!(strange.is_empty(), "not in the sources: {strange:#?}");
}

#[test]
fn every_step_has_its_paragraph() {
    let schema = include_str!("../../schema/doctor.schema.json");
    let schema: serde_json::Value = serde_json::from_str(schema).unwrap();
    for step in schema["$defs"]["stepName"]["enum"].as_array().unwrap() {
        let heading = format!("\n#### `{}`\n", step.as_str().unwrap());
        assert!(PAGE.contains(&heading), "{heading}");
    }
}
