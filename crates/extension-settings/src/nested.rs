//! An object inside an entry: its known keys, the others warned about.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::field::Field;
use crate::key::{Level, known_at};
use crate::remark::{Remarks, excerpt};
use crate::store::normalised;

/// The longest time limit that can be asked for, in seconds: an hour.
const LONGEST_TIMEOUT: u32 = 3600;

/// The keys of an object that have not been read yet.
pub(crate) struct Nested {
    /// Where the object stands.
    pub(crate) path: String,
    keys: BTreeMap<&'static str, Field>,
}

impl Nested {
    /// Reads an object; keys that do not belong to its level, and empty texts, are warned about
    /// and left out.
    pub(crate) fn read(field: Field, level: Level, remarks: &mut Remarks) -> Option<Self> {
        let path = field.path.clone();
        let mut keys = BTreeMap::new();
        for (key, field) in field.object(remarks)?.fields(level, remarks) {
            match known_at(level, &key) {
                Some(_) if field.is_blank() => _ = field.text(remarks),
                Some(name) => _ = keys.insert(name, field),
                None => remarks.unknown_key(level, &key, &field.path),
            }
        }
        Some(Self { path, keys })
    }

    /// The value for `key`, if there is one.
    pub(crate) fn take(&mut self, key: &str) -> Option<Field> {
        self.keys.remove(key)
    }

    /// Whether one of the keys is there.
    pub(crate) fn has_any(&self, keys: &[&str]) -> bool {
        keys.iter().any(|key| self.keys.contains_key(key))
    }

    /// Refuses what is left: keys that are known, but mean nothing beside the others.
    pub(crate) fn refuse_rest(self, reason: &str, remarks: &mut Remarks) -> Option<()> {
        for field in self.keys.values() {
            remarks.problem(&field.path, reason);
        }
        self.keys.is_empty().then_some(())
    }

    /// The value for `key`. `None` comes with a problem, which says what to write.
    pub(crate) fn required(
        &mut self,
        key: &str,
        what: &str,
        remarks: &mut Remarks,
    ) -> Option<Field> {
        let field = self.take(key);
        if field.is_none() {
            remarks.problem(format!("{}.{key}", self.path), format!("missing: write {what}"));
        }
        field
    }

    /// The time limit in `timeoutInS`.
    pub(crate) fn timeout(&mut self, otherwise: Duration, remarks: &mut Remarks) -> Duration {
        let seconds = self
            .take("timeoutInS")
            .and_then(|field| field.whole_number(1..=LONGEST_TIMEOUT, remarks));
        seconds.map_or(otherwise, |seconds| Duration::from_secs(seconds.into()))
    }
}

/// The absolute path of a file. `None` for an empty text, or with a problem, which names
/// `example`.
pub(crate) fn read_path(field: &Field, example: &str, remarks: &mut Remarks) -> Option<PathBuf> {
    let text = field.text(remarks)?;
    match normalised(&text) {
        Ok(path) => Some(path),
        Err(reason) => {
            let text = format!(
                "\"{}\" {reason}: write an absolute path, {example} for example",
                excerpt(&text)
            );
            remarks.problem(&field.path, text);
            None
        }
    }
}
