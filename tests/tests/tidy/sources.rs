//! The shape of the source files.

use crate::tree::{Text, assert_none, texts};

/// Lines of a file above its unit tests (of a file of tests: none), and in all.
const FILE_BUDGET: (usize, usize) = (300, 500);
/// Lines of nine functions in ten, and of any.
const FUNCTION_BUDGET: (usize, usize) = (25, 60);

/// Names that say nothing about what a thing is.
const EMPTY_NAMES: &[&str] =
    &["common", "core", "data", "helper", "helpers", "info", "manager", "misc", "shared", "types"];

/// Where JSON meets values: only here may types be serialized.
const BORDERS: &[&str] = &[
    "status-schema/",
    "crates/extension-settings/src/raw",
    "crates/worker-state/",
    "crates/keyvault-client/src/",
    "crates/fake-azure/",
    "service/src/cli",
    "tests/",
];

fn rust() -> Vec<Text> {
    texts(&[".rs"])
}

/// Name and length of each function with a body: formatted code closes at the column where it
/// began.
fn functions(source: &str) -> Vec<(String, usize)> {
    let lines: Vec<_> = source.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let Some(name) = function_name(code) else { continue };
        let rest = &lines[start..];
        let head = rest.iter().find(|line| line.ends_with(['{', '}', ';'])).unwrap_or(line);
        if head.ends_with('{') {
            let closing = format!("{}}}", " ".repeat(line.len() - code.len()));
            let length = rest.iter().position(|line| *line == closing);
            found.push((name, length.map_or(1, |length| length + 1)));
        }
    }
    found
}

fn function_name(code: &str) -> Option<String> {
    let mut words = code.split_ascii_whitespace();
    let mut word = words.next()?;
    while word.starts_with("pub") || ["const", "async", "extern"].contains(&word) {
        word = words.next()?;
    }
    let name = if word == "fn" { words.next()? } else { return None };
    Some(name.split(['(', '<']).next()?.to_owned())
}

#[test]
fn functions_are_measured_from_their_first_to_their_last_line() {
    let source = "pub(crate) fn a(\n    b: u8,\n) -> u8 {\n    if b == 0 {\n    }\n    b\n}\n\
                  impl A {\n    fn c() {\n    }\n    fn d();\n    fn e() {}\n    fn f(\n    );\n}\n";
    assert_eq!(functions(source), [("a".to_owned(), 7), ("c".to_owned(), 2)]);
}

#[test]
fn no_file_is_too_long() {
    let (product, all) = FILE_BUDGET;
    let long = rust().into_iter().filter_map(|file| {
        let lines = (file.product().lines().count(), file.content.lines().count());
        let too_much = lines.0 > product && !file.is_for_tests();
        (too_much || lines.1 > all).then(|| format!("{}: {lines:?}", file.path))
    });
    assert_none("files over budget (lines above the unit tests, lines)", &long.collect::<Vec<_>>());
}

#[test]
fn functions_are_short() {
    let (usual, most) = FUNCTION_BUDGET;
    let mut lengths = Vec::new();
    let mut long = Vec::new();
    for file in rust().iter().filter(|file| !file.is_for_tests()) {
        for (name, length) in functions(file.product()) {
            lengths.push(length);
            if length > most {
                long.push(format!("{}: {name}: {length}", file.path));
            }
        }
    }
    assert_none("functions over budget", &long);
    lengths.sort_unstable();
    let ninth_tenth = lengths.get(lengths.len() * 9 / 10).copied().unwrap_or_default();
    assert!(ninth_tenth <= usual, "one function in ten has {ninth_tenth} lines or more");
}

#[test]
fn nothing_is_left_for_later_in_a_comment() {
    // Taken apart, so that this file passes.
    let marks =
        [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:"), concat!("HA", "CK")];
    let mut found = Vec::new();
    for file in texts(&[".rs", ".py", ".sh", ".toml", ".md", "Makefile"]) {
        for (number, line) in file.content.lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark)) {
                found.push(format!("{}:{}: {}", file.path, number + 1, line.trim()));
            }
        }
    }
    assert_none("work left for later", &found);
}

#[test]
fn names_say_what_a_thing_is() {
    let mut found = Vec::new();
    for file in rust() {
        let stem = file.path.rsplit('/').next().unwrap().trim_end_matches(".rs");
        let folder = file.path.rsplit('/').nth(1).unwrap_or_default();
        if EMPTY_NAMES.contains(&stem) || EMPTY_NAMES.contains(&folder) {
            found.push(file.path.clone());
        }
        let named = functions(&file.content).into_iter().map(|(name, _)| name);
        // A visitor's names are serde's.
        let empty = named.filter(|name| {
            name.starts_with("get_") || name.ends_with("_str") && !name.starts_with("visit_")
        });
        found.extend(empty.map(|name| format!("{}: {name}", file.path)));
    }
    assert_none("names that say nothing", &found);
}

#[test]
fn only_border_types_are_serialized() {
    let mut found = Vec::new();
    for file in rust().iter().filter(|file| !BORDERS.iter().any(|b| file.path.starts_with(b))) {
        let derives = file.product().lines().filter(|line| line.contains("#[derive("));
        let serialized =
            derives.filter(|line| line.contains("Serialize") || line.contains("Deseri"));
        found.extend(serialized.map(|line| format!("{}: {}", file.path, line.trim())));
    }
    assert_none("domain types that can be serialized", &found);
}

#[test]
fn the_edges_of_the_product_are_expected_not_allowed() {
    // An expectation that no longer holds is a warning; an allowance stays for ever.
    let mut found = Vec::new();
    for file in rust().iter().filter(|file| !file.is_for_tests()) {
        let allowed = file.product().lines().filter(|line| line.contains("[allow("));
        found.extend(allowed.map(|line| format!("{}: {}", file.path, line.trim())));
    }
    assert_none("lints switched off for good", &found);
}

#[test]
fn every_file_says_what_it_is_about() {
    let silent = rust()
        .into_iter()
        .filter(|file| !file.content.starts_with("//!") && !file.path.ends_with("/tests.rs"));
    let paths: Vec<_> = silent.map(|file| file.path).collect();
    assert_none("files without a first line of documentation", &paths);
}

/// Structs and enums that derive `Debug` and have a field whose content is wiped when dropped.
fn shown_secrets(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let (mut derives, mut item) = (false, None);
    for line in source.lines() {
        let code = line.trim_start();
        if code.starts_with("#[derive(") {
            derives = code.contains("Debug");
        } else if ["struct ", "enum "].iter().any(|word| code.contains(word))
            && !code.contains("//")
        {
            item = derives.then(|| code.to_owned());
        }
        if let Some(item) = item.as_ref().filter(|_| line.contains("Zeroizing<")) {
            found.push(item.clone());
        }
        if line == "}" || (line.ends_with(';') && !line.starts_with(' ')) {
            (derives, item) = (false, None);
        }
    }
    found
}

#[test]
fn a_secret_that_would_be_shown_is_found() {
    let shown = "#[derive(Clone, Debug)]\npub struct A {\n    b: Arc<Zeroizing<String>>,\n}\n";
    assert_eq!(shown_secrets(shown), ["pub struct A {"]);
    let tuple = "#[derive(Debug)]\nstruct A(Zeroizing<String>);\n";
    assert_eq!(shown_secrets(tuple).len(), 1);
    let hidden = "#[derive(Debug)]\nstruct A;\n\nstruct B {\n    c: Zeroizing<u8>,\n}\n";
    let code = "#[derive(Debug)]\nstruct A {\n    b: u8,\n}\nfn f() -> Zeroizing<u8> {\n}\n";
    for fine in [hidden, code, &shown.replace(", Debug", "")] {
        assert_eq!(shown_secrets(fine), Vec::<String>::new(), "{fine}");
    }
}

#[test]
fn nothing_that_holds_a_secret_derives_debug() {
    let files = rust().into_iter().filter(|file| !file.is_for_tests());
    let found = files.flat_map(|file| {
        let secrets = shown_secrets(file.product());
        secrets.into_iter().map(move |item| format!("{}: {item}", file.path))
    });
    assert_none("types that would show a secret", &found.collect::<Vec<_>>());
}
