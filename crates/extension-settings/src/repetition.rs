//! Keys that occur twice in one object. JSON leaves open what that means (RFC 8259 §4); readers
//! keep one of the values and drop the others without a word.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::json_path::path_to;
use crate::remark::Remark;

/// More than these are not listed.
const MOST_LISTED: usize = 100;

/// Each key of a JSON text that stands in its object already, as a problem. None for a text that
/// is no JSON, of which other readers complain.
#[must_use]
pub fn repeated_keys(json: &[u8]) -> Vec<Remark> {
    below("", json)
}

/// The same for a text that stands at `path`.
pub(crate) fn below(path: &str, json: &[u8]) -> Vec<Remark> {
    let mut found = Vec::new();
    let mut reader = serde_json::Deserializer::from_slice(json);
    let walk = Walk { path: path.to_owned(), found: &mut found };
    let is_json = walk.deserialize(&mut reader).is_ok() && reader.end().is_ok();
    if is_json { found } else { Vec::new() }
}

struct Walk<'f> {
    path: String,
    found: &'f mut Vec<Remark>,
}

impl Walk<'_> {
    fn inside(&mut self, path: String) -> Walk<'_> {
        Walk { path, found: self.found }
    }

    fn note(&mut self, path: &str) {
        let is_known = self.found.iter().any(|one| one.path == path);
        if !is_known && self.found.len() < MOST_LISTED {
            let text = "stands there more than once, and only one of the values would count: \
                remove the others";
            self.found.push(Remark { path: path.to_owned(), text: text.to_owned() });
        }
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            let path = path_to(&self.path, &key);
            if !seen.insert(key) {
                self.note(&path);
            }
            map.next_value_seed(self.inside(path))?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        for index in 0.. {
            let path = format!("{}[{index}]", self.path);
            if list.next_element_seed(self.inside(path))?.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn paths(json: &str) -> Vec<String> {
        repeated_keys(json.as_bytes()).into_iter().map(|one| one.path).collect()
    }

    #[test]
    fn keys_that_stand_twice_are_named_by_their_paths() {
        for (json, found) in [
            (r#"{"a": 1, "a": 2}"#, &["a"][..]),
            (r#"{"a": {"b": 1, "c": 2, "b": 1, "b": 3}}"#, &["a.b"]),
            (r#"{"a": [{}, {"url": "x", "url": "y"}], "a": null}"#, &["a[1].url", "a"]),
            (r#"{"x y": 1, "x\u0020y": true}"#, &[r#"["x y"]"#]),
            (r#"{"a": 1, "A": 2, "b": {"a": 3}}"#, &[]),
            (r#"[1, -2, 3.5, "x", null, true, {}]"#, &[]),
            (r#"{"a": 1, "a": "#, &[]),
            (r#"{"a": 1, "a": 2} more"#, &[]),
            ("", &[]),
        ] {
            assert_eq!(paths(json), found, "{json}");
        }
    }

    #[test]
    fn ten_thousand_repetitions_are_not_all_listed_and_depth_is_no_crash() {
        let many: String = (0..10_000).map(|key| format!("\"k{key}\":1,\"k{key}\":1,")).collect();
        assert_eq!(paths(&format!("{{{}}}", many.trim_end_matches(','))).len(), MOST_LISTED);
        assert_eq!(paths(&"[".repeat(100_000)).len(), 0);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[\\[\\]{}\",:a-c0-9 ]{0,60}") {
            drop(repeated_keys(text.as_bytes()));
        }
    }
}
