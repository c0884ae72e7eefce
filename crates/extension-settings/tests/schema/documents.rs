//! All settings that a document shows, whole or in part, are taken by schema and parser.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::{URL, parse, validator};

/// The documents with settings in them: those of the repository's root, of `docs` and of `deploy`.
fn documents() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut paths = Vec::new();
    collect(&root, false, &mut paths);
    for folder in ["docs", "deploy"] {
        collect(&root.join(folder), true, &mut paths);
    }
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

fn collect(folder: &Path, deep: bool, paths: &mut Vec<PathBuf>) {
    // Not every folder is there in every state of the repository.
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() && deep {
            collect(&path, deep, paths);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            paths.push(path);
        }
    }
}

/// The blocks that are JSON and for no file, which has a test of its own, and what a command line has between single quotes behind `--settings`.
fn samples(document: &str) -> Vec<String> {
    let mut samples = Vec::new();
    let mut lines = document.lines().peekable();
    while let Some(line) = lines.next() {
        if line.starts_with("```") {
            let inside: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            samples.extend((line == "```json").then(|| inside.join("\n")));
        } else if line.starts_with("    {") || line.starts_with("    \"") {
            let mut inside = vec![line];
            while let Some(line) = lines.next_if(|line| line.starts_with("    ")) {
                inside.push(line);
            }
            samples.push(inside.join("\n"));
        }
    }
    let quoted = document.split("--settings '").skip(1).filter_map(|rest| rest.split('\'').next());
    // Others' extensions have settings of their own.
    samples.extend(quoted.filter(|text| text.contains("observed")).map(str::to_owned));
    samples
}

/// One object, some members of one, or one on each line.
fn values(sample: &str) -> Vec<Value> {
    let whole = serde_json::from_str(sample);
    if let Ok(value) = whole.or_else(|_| serde_json::from_str(&format!("{{{sample}}}"))) {
        return vec![value];
    }
    let lines = sample.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().unwrap_or_else(|error| panic!("{error}: {sample}"))
}

/// The whole settings that a value belongs to.
fn settings(value: &Value) -> Value {
    if let Some(settings) = inner(value) {
        return settings.clone();
    }
    let has = |key: &str| value.get(key).is_some();
    if has("observedCertificates") {
        return json!({"secretsManagementSettings": value});
    }
    let mut entry = json!({"url": URL});
    if has("url") {
        entry = value.clone();
    } else if has("unit") || has("signal") || value["command"].is_array() {
        entry["onRenewal"] = json!([value]);
    } else if has("directory") {
        entry["outputs"] = json!([value]);
    } else if has("check") || has("verify") {
        entry.as_object_mut().unwrap().extend(value.as_object().unwrap().clone());
    }
    let mut settings = json!({"secretsManagementSettings": {"observedCertificates": [entry]}});
    if has("metricsSettings") {
        settings["metricsSettings"] = value["metricsSettings"].clone();
    } else {
        assert!(entry != json!({"url": URL}), "no part of settings that is known here: {value}");
    }
    settings
}

/// The settings inside of a template.
fn inner(value: &Value) -> Option<&Value> {
    if value.get("secretsManagementSettings").is_some() {
        return Some(value);
    }
    value.as_object()?.values().find_map(inner)
}

#[test]
fn every_sample_of_settings_is_taken_by_schema_and_parser() {
    let mut count = 0;
    for (path, document) in documents() {
        for value in samples(&document).iter().flat_map(|sample| values(sample)) {
            let settings = settings(&value);
            let at = path.display();
            assert!(validator().is_valid(&settings), "{at}: {value:#}");
            let parsed = parse(&settings).unwrap_or_else(|why| panic!("{at}: {why}: {value:#}"));
            assert!(parsed.warnings.is_empty(), "{at}: {:?}: {value:#}", parsed.warnings);
            count += 1;
        }
    }
    assert!(count >= 25, "{count}");
}
