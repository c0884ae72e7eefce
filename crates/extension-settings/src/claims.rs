//! The values found for the keys of one object, also where a key was written more than once.

use std::collections::BTreeMap;

use crate::field::Field;
use crate::remark::Remarks;

/// The values that were found for the keys of one level.
#[derive(Default)]
pub(crate) struct Claims(BTreeMap<&'static str, Claim>);

/// One value that was written for a key.
pub(crate) struct Claim {
    pub(crate) field: Field,
    /// Whether the key was written at another level.
    pub(crate) misplaced: bool,
}

impl Claims {
    /// The value for `key`, if there is one.
    pub(crate) fn take(&mut self, key: &str) -> Option<Field> {
        self.0.remove(key).map(|claim| claim.field)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Leaves out what is an empty text, with a warning each.
    pub(crate) fn drop_blank(&mut self, remarks: &mut Remarks) {
        self.0.retain(|_, claim| !claim.field.is_blank() || claim.field.text(remarks).is_some());
    }

    /// Takes a value in. A key at its right place wins over the same key elsewhere; of two that
    /// stand equally well and differ neither can be right.
    pub(crate) fn claim(&mut self, key: &'static str, new: Claim, remarks: &mut Remarks) {
        let Some(old) = self.0.get(key) else {
            self.0.insert(key, new);
            return;
        };
        let new_wins = old.misplaced && !new.misplaced;
        let (kept, dropped) = if new_wins { (&new, old) } else { (old, &new) };
        let (path, other) = (&dropped.field.path, &kept.field.path);
        if dropped.field.value == kept.field.value {
            // Said twice, and the same.
        } else if dropped.misplaced == kept.misplaced {
            remarks.problem(path, format!("differs from {other}: keep one of the two"));
        } else {
            remarks.warning(path, format!("ignored, because {other} says otherwise: remove it"));
        }
        if new_wins {
            self.0.insert(key, new);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claim(path: &str, value: u8, misplaced: bool) -> Claim {
        Claim { field: Field::new(path.to_owned(), json!(value)), misplaced }
    }

    fn outcome(first: Claim, second: Claim) -> (String, Vec<String>) {
        let (mut claims, mut remarks) = (Claims::default(), Remarks::default());
        claims.claim("key", first, &mut remarks);
        claims.claim("key", second, &mut remarks);
        let left = remarks.finish();
        let said = left.problems.iter().chain(&left.warnings).map(ToString::to_string).collect();
        (claims.take("key").unwrap().path, said)
    }

    #[test]
    fn the_right_place_wins_whatever_comes_first() {
        let said = vec!["wrong: ignored, because right says otherwise: remove it".to_owned()];
        for (first, second) in [
            (claim("right", 1, false), claim("wrong", 2, true)),
            (claim("wrong", 2, true), claim("right", 1, false)),
        ] {
            assert_eq!(outcome(first, second), ("right".to_owned(), said.clone()));
        }
    }

    #[test]
    fn two_wrong_places_must_agree() {
        let (kept, said) = outcome(claim("a", 1, true), claim("b", 2, true));
        assert_eq!(
            (&*kept, said),
            ("a", vec!["b: differs from a: keep one of the two".to_owned()])
        );
        assert_eq!(outcome(claim("a", 1, true), claim("b", 1, true)).1, Vec::<String>::new());
    }
}
