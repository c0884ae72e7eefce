//! The files, made once and kept below `target` until the scripts that make them change.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::tool;

/// A file and what is expected of it.
pub(crate) struct Case {
    pub(crate) file: PathBuf,
    pub(crate) producer: String,
    pub(crate) expected: Expected,
}

pub(crate) enum Expected {
    /// DER of the chain and of the key, and the number of notes.
    Decoded { chain: Vec<Vec<u8>>, key: Vec<u8>, notes: usize },
    /// Words of the refusal.
    Refused(String),
}

pub(crate) fn all() -> &'static [Case] {
    static CASES: OnceLock<Vec<Case>> = OnceLock::new();
    CASES.get_or_init(|| {
        let folder = made();
        let manifest = fs::read(folder.join("manifest.json")).unwrap();
        let manifest: Vec<Value> = serde_json::from_slice(&manifest).unwrap();
        manifest.iter().map(|case| read(&folder, case)).collect()
    })
}

/// The folder with the files of the scripts as they are now.
fn made() -> PathBuf {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/producers");
    let mut names: Vec<PathBuf> = fs::read_dir(&scripts)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "py"))
        .collect();
    names.sort();
    let mut digest = Sha256::new();
    for name in names {
        digest.update(fs::read(name).unwrap());
    }
    let version: String = digest.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("producers-{version}"));
    if !folder.join("manifest.json").exists() {
        tool::make(&scripts.join("make.py"), &folder);
    }
    folder
}

fn read(folder: &Path, case: &Value) -> Case {
    let text = |name: &str| case[name].as_str().unwrap().to_owned();
    let bytes = |name: &Value| fs::read(folder.join(name.as_str().unwrap())).unwrap();
    let expected = match case.get("refused") {
        Some(words) => Expected::Refused(words.as_str().unwrap().to_owned()),
        None => Expected::Decoded {
            chain: case["chain"].as_array().unwrap().iter().map(bytes).collect(),
            key: bytes(&case["key"]),
            notes: usize::try_from(case["notes"].as_u64().unwrap()).unwrap(),
        },
    };
    Case { file: folder.join(text("file")), producer: text("producer"), expected }
}
