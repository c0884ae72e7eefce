//! One value of the document with its path, and the lenient ways to read it.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use crate::invisible;
use crate::json_path::path_to;
use crate::key::{Level, closest, spelling};
use crate::placeholder::recognise;
use crate::remark::{Remarks, excerpt};
use crate::repetition;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) path: String,
    pub(crate) value: Value,
}

/// An object and where it stands.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) path: String,
    pub(crate) keys: Map<String, Value>,
}

impl Object {
    /// The object's values by their keys, which are read in any case. Those that are null count as
    /// absent: templates produce them for parameters that were not given.
    pub(crate) fn fields(mut self, level: Level, remarks: &mut Remarks) -> Vec<(String, Field)> {
        self.keys.retain(|_, value| !value.is_null());
        let Self { path, keys } = self;
        let mut misspelt = BTreeMap::new();
        for key in keys.keys() {
            let known = spelling(level, key).filter(|known| !keys.contains_key(*known));
            known.map(|known| misspelt.entry(known).or_insert_with(|| key.clone()));
        }
        let read = |(key, value): (String, Value)| {
            let field = Field::new(path_to(&path, &key), value);
            match misspelt.iter().find(|(_, written)| **written == key) {
                Some((known, _)) => {
                    remarks.warning(&field.path, format!("is called {known}; read as that"));
                    ((*known).to_owned(), field)
                }
                None => (key, field),
            }
        };
        keys.into_iter().map(read).collect()
    }
}

impl Field {
    pub(crate) fn new(path: String, value: Value) -> Self {
        Self { path, value }
    }

    /// Reads an object, also one inside a string.
    pub(crate) fn object(self, remarks: &mut Remarks) -> Option<Object> {
        match self.decoded(remarks) {
            Self { path, value: Value::Object(keys) } => Some(Object { path, keys }),
            other => other.refuse("an object", remarks),
        }
    }

    /// Reads an array, also one inside a string.
    pub(crate) fn array(self, remarks: &mut Remarks) -> Option<Vec<Self>> {
        match self.decoded(remarks) {
            Self { path, value: Value::Array(elements) } => {
                let element = |(index, value)| Self::new(format!("{path}[{index}]"), value);
                Some(elements.into_iter().enumerate().map(element).collect())
            }
            other => other.refuse("an array", remarks),
        }
    }

    /// Reads a list of objects; one that stands alone is a list of one, `alone` the warning about
    /// it.
    pub(crate) fn objects(self, alone: Option<&str>, remarks: &mut Remarks) -> Option<Vec<Self>> {
        let field = self.decoded(remarks);
        if !field.value.is_object() {
            return field.array(remarks);
        }
        if let Some(text) = alone {
            remarks.warning(&field.path, text);
        }
        Some(vec![field])
    }

    /// Reads a text, white space around it ignored. An empty one counts as absent.
    pub(crate) fn text(&self, remarks: &mut Remarks) -> Option<String> {
        let Value::String(text) = &self.value else {
            return self.refuse("a string", remarks);
        };
        let trimmed = text.trim();
        if trimmed.is_empty() {
            remarks.warning(&self.path, "empty, so it counts as not given: leave it out");
            return None;
        }
        if trimmed.len() != text.len() {
            remarks.warning(&self.path, "white space around the value is ignored");
        }
        if let Some(objection) = invisible::objection(trimmed) {
            remarks.warning(&self.path, objection);
        }
        Some(trimmed.to_owned())
    }

    /// Whether this is a text with nothing but white space in it.
    pub(crate) fn is_blank(&self) -> bool {
        self.value.as_str().is_some_and(|text| text.trim().is_empty())
    }

    /// Reads `true`, `false`, or one of these words in a string.
    pub(crate) fn flag(&self, remarks: &mut Remarks) -> Option<bool> {
        match &self.value {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
            Value::String(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
            Value::String(text) if text.trim().is_empty() => self.text(remarks).map(|_| false),
            _ => self.refuse("true or false", remarks),
        }
    }

    /// Reads a whole number, or its digits in a string.
    pub(crate) fn whole_number(
        &self,
        range: RangeInclusive<u32>,
        remarks: &mut Remarks,
    ) -> Option<u32> {
        let number = match &self.value {
            Value::String(text) if text.trim().is_empty() => {
                self.text(remarks)?;
                None
            }
            Value::String(text) => digits(text.trim()),
            Value::Number(number) => number.as_u64().or_else(|| whole(number.as_f64()?)),
            _ => None,
        };
        let number = number.and_then(|number| u32::try_from(number).ok());
        if let Some(number) = number.filter(|number| range.contains(number)) {
            return Some(number);
        }
        let (least, most) = (range.start(), range.end());
        self.refuse(&format!("a whole number from {least} to {most}"), remarks)
    }

    /// Reads a word out of a table, case ignored.
    pub(crate) fn word<T: Copy>(
        &self,
        words: &[(&'static str, T)],
        remarks: &mut Remarks,
    ) -> Option<T> {
        let text = self.text(remarks)?;
        let known = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(&text));
        if let Some((_, meaning)) = known {
            return Some(*meaning);
        }
        let all: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        let nearest = closest(&text, words.iter().map(|(word, _)| *word));
        let hint = nearest.map(|word| format!(" (did you mean \"{word}\"?)")).unwrap_or_default();
        self.refuse(&format!("one of {}{hint}", all.join(", ")), remarks)
    }

    /// Says that the value is not what it must be.
    pub(crate) fn refuse<T>(&self, expected: &str, remarks: &mut Remarks) -> Option<T> {
        let text = match self.value.as_str().and_then(|text| Some((text, recognise(text.trim())?)))
        {
            Some((text, what)) => format!("\"{}\" {what}: it must be {expected}", excerpt(text)),
            None => format!("must be {expected}, but is {}", shown(&self.value)),
        };
        remarks.problem(&self.path, text);
        None
    }

    fn decoded(self, remarks: &mut Remarks) -> Self {
        let Some((value, text)) = self.value.as_str().and_then(decode) else { return self };
        remarks.repeated(repetition::below(&self.path, text.as_bytes()));
        remarks.warning(
            &self.path,
            "JSON inside a string, read all the same: remove the quotes around it and the \
             backslashes in it, or let the shell pass the file (az: --settings @settings.json)",
        );
        Self { value, ..self }
    }
}

/// The word of a table that [`Field::word`] reads as this; empty where none is.
pub(crate) fn word_for<T: PartialEq>(words: &[(&'static str, T)], meaning: &T) -> &'static str {
    words.iter().find(|(_, known)| known == meaning).map_or("", |(word, _)| word)
}

/// The object or array that a text holds as JSON, unwrapped up to three times, with its own text.
/// Some shells leave a backslash before every quote.
pub(crate) fn decode(text: &str) -> Option<(Value, String)> {
    let mut text = text.trim().to_owned();
    for _ in 0..3 {
        if !text.starts_with(['{', '[', '"']) {
            return None;
        }
        let value = serde_json::from_str(&text).or_else(|_| {
            text = text.replace("\\\"", "\"");
            serde_json::from_str(&text)
        });
        match value {
            Ok(Value::String(inner)) => text = inner.trim().to_owned(),
            Ok(value) => return Some((value, text)),
            Err(_) => return None,
        }
    }
    None
}

fn digits(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// 3600.0 is a whole number too, as JSON Schema sees it.
fn whole(number: f64) -> Option<u64> {
    let fits = number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "range checked")]
    fits.then_some(number as u64)
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("the string \"{}\"", excerpt(text)),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What came out, how many warnings, and the problem.
    type Read<T> = (Option<T>, usize, Option<String>);

    fn read<T>(value: Value, reader: impl Fn(&Field, &mut Remarks) -> Option<T>) -> Read<T> {
        let mut remarks = Remarks::default();
        let got = reader(&Field::new("key".to_owned(), value), &mut remarks);
        let left = remarks.finish();
        (got, left.warnings.len(), left.problems.first().map(ToString::to_string))
    }

    fn problem<T>(text: &str) -> Read<T> {
        (None, 0, Some(format!("key: {text}")))
    }

    #[test]
    fn texts_are_trimmed_with_a_warning() {
        assert_eq!(read(json!("a"), Field::text), (Some("a".to_owned()), 0, None));
        assert_eq!(read(json!(" a\n"), Field::text), (Some("a".to_owned()), 1, None));
        assert_eq!(read(json!("  "), Field::text), (None, 1, None));
        assert_eq!(read(json!(5), Field::text), problem("must be a string, but is 5"));
    }

    #[test]
    fn a_character_that_nobody_sees_is_warned_about() {
        let seen = "/srv/web\u{200b}".to_owned();
        assert_eq!(read(json!(seen), Field::text), (Some(seen), 1, None));
    }

    #[test]
    fn flags_are_booleans_or_their_words() {
        for truth in [json!(true), json!("true"), json!("True "), json!("TRUE")] {
            assert_eq!(read(truth, Field::flag), (Some(true), 0, None));
        }
        assert_eq!(read(json!("false"), Field::flag), (Some(false), 0, None));
        assert_eq!(read(json!(""), Field::flag), (None, 1, None));
        let wrong = problem("must be true or false, but is the string \"yes\"");
        assert_eq!(read(json!("yes"), Field::flag), wrong);
        assert_eq!(read(json!(1), Field::flag), problem("must be true or false, but is 1"));
    }

    #[test]
    fn numbers_are_whole_and_in_range_also_in_a_string() {
        let number = |value| read(value, |field, remarks| field.whole_number(1..=100, remarks));
        for seven in [json!(7), json!(7.0), json!("7"), json!(" 007 ")] {
            assert_eq!(number(seven), (Some(7), 0, None));
        }
        assert_eq!(number(json!("")), (None, 1, None));
        for wrong in [json!(0), json!(101), json!(-1), json!(1e300), json!("1e1"), json!("+7")] {
            assert!(number(wrong).2.unwrap().contains("a whole number from 1 to 100"));
        }
        assert_eq!(
            number(json!("5 min")),
            problem("must be a whole number from 1 to 100, but is the string \"5 min\"")
        );
    }

    #[test]
    fn a_bomb_of_nested_brackets_in_a_string_is_refused() {
        let bomb = json!("[".repeat(100_000));
        let (got, _, problem) = read(bomb, |field, remarks| field.clone().array(remarks));
        assert!(got.is_none() && problem.is_some());
    }
}
