//! `docs/settings.md`, table by table, held against the schema.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{REFERENCE, SCHEMA};

/// The heading above a table, and what of the schema it describes.
const TABLES: &[(&str, &[&str])] = &[
    ("`secretsManagementSettings`", &["secretsManagementSettings"]),
    ("An entry of `observedCertificates`", &["observedCertificate"]),
    ("One of `outputs`", &["output", "setFile"]),
    ("One of `onRenewal`", &["action"]),
    ("One of `verify`", &["verification"]),
    ("`metricsSettings`", &["metrics"]),
    ("`authenticationSettings`, and `authenticationOverride` in an entry", &["identity"]),
    ("`loggingSettings`", &["logging"]),
];

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

/// Key → the cells behind it.
fn table(heading: &str) -> BTreeMap<&'static str, Vec<&'static str>> {
    let (_, section) = REFERENCE.split_once(&format!("\n### {heading}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap().split("\n### ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| {
        let (key, cells) = row.split_once("` | ").unwrap();
        (key, cells.split(" | ").collect())
    })
    .collect()
}

fn properties(schema: &Value, definitions: &[&str]) -> BTreeMap<String, Value> {
    let of = |name: &&str| schema["$defs"][name]["properties"].as_object().unwrap().clone();
    definitions.iter().flat_map(of).collect()
}

/// A property with all that it refers to, as a list of schemas.
fn parts(schema: &Value, property: &Value) -> Vec<Value> {
    let mut parts = vec![property.clone()];
    if let Some(name) = property["$ref"].as_str() {
        let name = name.strip_prefix("#/$defs/").unwrap();
        parts.extend(self::parts(schema, &schema["$defs"][name]));
    }
    for one in property["anyOf"].as_array().into_iter().flatten() {
        parts.extend(self::parts(schema, one));
    }
    parts
}

/// What a row must say of a property: its default, its words, its bounds.
fn facts(schema: &Value, property: &Value) -> BTreeSet<String> {
    let mut facts = BTreeSet::new();
    for part in parts(schema, property) {
        let words = part["enum"].as_array().into_iter().flatten();
        facts.extend(words.filter_map(Value::as_str).map(|word| format!("`{word}`")));
        if part["type"] == "integer" {
            facts.extend(["minimum", "maximum"].map(|bound| part[bound].to_string()));
        }
        facts.extend(match &part["default"] {
            Value::Null => None,
            Value::String(text) => Some(format!("`{text}`")),
            other => Some(other.to_string()),
        });
    }
    facts
}

#[test]
fn each_table_has_a_row_for_each_key_of_the_schema_and_no_other() {
    for (heading, definitions) in TABLES {
        let known = properties(&schema(), definitions);
        let keys: BTreeSet<_> = known.keys().map(String::as_str).collect();
        assert_eq!(table(heading).into_keys().collect::<BTreeSet<_>>(), keys, "{heading}");
    }
}

#[test]
fn each_row_has_the_default_the_words_and_the_bounds_of_its_key() {
    let schema = schema();
    let mut silent = Vec::new();
    for (heading, definitions) in TABLES {
        let rows = table(heading);
        for (key, property) in properties(&schema, definitions) {
            let row = rows[key.as_str()].join(" | ");
            // A mode is written with its quotes.
            let row = row.replace("`\"", "`").replace("\"`", "`");
            let missing = facts(&schema, &property).into_iter().filter(|fact| !row.contains(fact));
            silent.extend(missing.map(|fact| format!("{heading}: {key}: {fact}")));
        }
    }
    assert_eq!(silent, Vec::<String>::new(), "docs/settings.md does not say");
}
