//! The schema, the examples and the parser, held against each other.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod combinations;
mod documents;
mod invariants;
mod last_mile;
mod reference;
mod values;

use std::path::Path;
use std::sync::LazyLock;

use extension_settings::{Parsed, Problems};
use jsonschema::Validator;
use object_id::VaultSuffixes;
use serde_json::{Value, json};

use values::{Place, document, keys, values};

const SCHEMA: &str = include_str!("../../schema/settings.schema.json");
const REFERENCE: &str = include_str!("../../../../docs/settings.md");
const URL: &str = "https://contoso.vault.azure.net/secrets/web";
const GUID: &str = "5f0a9c1e-3b7d-4e62-8a41-c2d6b7e8f901";
const VERSION: &str = "0123456789abcdef0123456789abcdef";

fn validator() -> &'static Validator {
    static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
        jsonschema::draft202012::new(&serde_json::from_str(SCHEMA).unwrap()).unwrap()
    });
    &VALIDATOR
}

fn parse(document: &Value) -> Result<Parsed, Problems> {
    extension_settings::parse(document, &VaultSuffixes::known())
}

fn examples() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut examples: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, serde_json::from_str(&text).unwrap())
        })
        .collect();
    examples.sort_by(|one, other| one.0.cmp(&other.0));
    examples
}

#[test]
fn every_example_is_taken_by_schema_and_parser() {
    let (validator, examples) = (validator(), examples());
    for (name, document) in &examples {
        let refusal = validator.validate(document).map_err(|error| error.to_string());
        assert_eq!(refusal, Ok(()), "{name}");
        let parsed = parse(document).unwrap_or_else(|problems| panic!("{name}: {problems}"));
        let expected = if name == "1.x-lone-url" { 2 } else { 0 };
        assert_eq!(parsed.warnings.len(), expected, "{name}: {:?}", parsed.warnings);
    }
    for generation in ["1.x", "2.x", "3.x", "4.x"] {
        let count = examples.iter().filter(|(name, _)| name.starts_with(generation)).count();
        assert!(count >= 2, "{generation}");
    }
}

#[test]
fn schema_and_parser_agree_about_every_value_of_every_key() {
    let validator = validator();
    for (place, key) in keys() {
        let (good, bad) = values(place, &key);
        for (values, expected) in [(good, true), (bad, false)] {
            for value in values {
                let document = document(place, &key, &value);
                let verdict = (validator.is_valid(&document), parse(&document).is_ok());
                assert_eq!(verdict, (expected, expected), "(schema, parser) of {document}");
            }
        }
    }
}

#[test]
fn every_value_is_printed_as_the_schema_says_and_read_back_without_a_warning() {
    let singles = keys().into_iter().flat_map(|(place, key)| {
        let good = values(place, &key).0;
        good.into_iter().map(move |value| document(place, &key, &value)).collect::<Vec<_>>()
    });
    let examples = examples().into_iter().map(|(_, example)| example);
    for document in singles.chain(examples) {
        invariants::hold(&document);
        let printed = parse(&document).unwrap().settings.to_document();
        assert!(validator().is_valid(&printed), "{document} is printed as {printed}");
        // An interval or an identity that deserves a remark still does; nothing is misplaced.
        let warnings = parse(&printed).unwrap().warnings;
        let of_form = ["belongs", "unknown", "read all the same", "brackets", "white space"];
        let strange = warnings.iter().find(|one| of_form.iter().any(|it| one.text.contains(it)));
        assert_eq!(strange, None, "{printed}");
    }
}

#[test]
fn logging_settings_without_a_receiver_are_none_or_a_problem() {
    for (logging, expected) in [
        (json!({"endpoint": null}), true),
        (json!({"endpoint": null, "logger": null}), true),
        (json!({"endpoint": "", "logger": "", "format": " ", "servicename": ""}), true),
        (json!({"endpoint": null, "logger": "fluentd"}), false),
        (json!({"endpoint": "", "logger": "fluentd"}), false),
        (json!({"servicename": "s"}), false),
    ] {
        let document = document(Place::Root, "loggingSettings", &logging);
        let verdict = (validator().is_valid(&document), parse(&document).is_ok());
        assert_eq!(verdict, (expected, expected), "(schema, parser) of {logging}");
    }
}

#[test]
fn problems_are_named_by_the_path_to_the_value() {
    for (place, key) in keys() {
        for value in values(place, &key).1.iter().filter(|value| !value.is_null()) {
            let problems = parse(&document(place, &key, value)).unwrap_err().problems;
            assert!(
                problems.iter().any(|problem| problem.path.contains(&key)
                    || problem.path.contains("acls[0]")
                    || problem.path.contains("observedCertificates")),
                "{key} = {value}: {problems:?}"
            );
        }
    }
}

#[test]
fn the_parser_knows_every_key_of_the_schema() {
    for (place, key) in keys() {
        for value in values(place, &key).0 {
            let warnings = parse(&document(place, &key, &value)).unwrap().warnings;
            let unknown = |text: &str| text.contains("unknown key") || text.contains("belongs");
            assert!(!warnings.iter().any(|warning| unknown(&warning.text)), "{key}: {warnings:?}");
        }
    }
}
