//! What is wrong with the settings, or could be written better.

use std::fmt;

use crate::key::{Level, advice};

/// More remarks of one kind than this are counted, not kept: settings can be large, and the
/// hundredth of a kind teaches nothing.
const MOST_REMARKS: usize = 200;

/// How many problems the one-line form names.
const MOST_SHOWN: usize = 20;

/// A sentence about one value in the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The path to the value, `secretsManagementSettings.observedCertificates[2].url` for
    /// example; empty for the document as a whole.
    pub path: String,
    /// What about it, and what to do.
    pub text: String,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.text)
        } else {
            write!(f, "{}: {}", self.path, self.text)
        }
    }
}

/// Why settings are refused. `Display` names the first few problems on one line; for all of them
/// go through the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    /// What has to be put right; at least one, at most some hundred.
    pub problems: Vec<Remark>,
    /// What else was noticed. Often the cause: a misspelt key, for example.
    pub warnings: Vec<Remark>,
}

impl Problems {
    /// Puts keys that stand more than once first. What else is said of values at or below them is
    /// left out: perhaps it holds only for the one that happened to be read.
    #[must_use]
    pub fn with_repeated(self, repeated: &[Remark]) -> Self {
        let is_in_doubt = |path: &str| repeated.iter().any(|one| is_at_or_below(path, &one.path));
        let others = self.problems.into_iter().filter(|other| !is_in_doubt(&other.path));
        Self { problems: repeated.iter().cloned().chain(others).collect(), ..self }
    }
}

fn is_at_or_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().take(MOST_SHOWN).enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{problem}")?;
        }
        match self.problems.len().saturating_sub(MOST_SHOWN) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

impl std::error::Error for Problems {}

/// The remarks found so far.
#[derive(Default)]
pub(crate) struct Remarks {
    problems: Kept,
    warnings: Kept,
    repeated: Vec<Remark>,
}

#[derive(Default)]
struct Kept {
    remarks: Vec<Remark>,
    left_out: usize,
}

impl Remarks {
    pub(crate) fn problem(&mut self, path: impl fmt::Display, text: impl Into<String>) {
        self.problems.add(path, text);
    }

    pub(crate) fn warning(&mut self, path: impl fmt::Display, text: impl Into<String>) {
        self.warnings.add(path, text);
    }

    /// Takes keys that stand more than once in a text inside the settings.
    pub(crate) fn repeated(&mut self, keys: Vec<Remark>) {
        self.repeated.extend(keys);
    }

    /// Warns about a key that is not known at `level`, and names what was probably meant.
    pub(crate) fn unknown_key(&mut self, level: Level, key: &str, path: &str) {
        // What is not kept is not worth wording well.
        let kept = self.warnings.remarks.len() < MOST_REMARKS;
        let text = if kept { advice(level, key) } else { String::new() };
        self.warning(path, text);
    }

    /// What was found, in the form in which settings are refused.
    pub(crate) fn finish(self) -> Problems {
        let (problems, warnings) = (self.problems.finish(), self.warnings.finish());
        Problems { problems, warnings }.with_repeated(&self.repeated)
    }
}

impl Kept {
    fn add(&mut self, path: impl fmt::Display, text: impl Into<String>) {
        if self.remarks.len() < MOST_REMARKS {
            self.remarks.push(Remark { path: path.to_string(), text: text.into() });
        } else {
            self.left_out += 1;
        }
    }

    fn finish(mut self) -> Vec<Remark> {
        if self.left_out > 0 {
            let text = format!("{} more of the kind were left out", self.left_out);
            self.remarks.push(Remark { path: String::new(), text });
        }
        self.remarks
    }
}

/// A value from the document, short and harmless enough to stand in a remark.
pub(crate) fn excerpt(text: &str) -> String {
    const LONGEST: usize = 120;
    let mut shown = String::new();
    for character in text.chars().take(LONGEST) {
        match character {
            // It stands between double quotes.
            '\'' => shown.push(character),
            _ => shown.extend(character.escape_debug()),
        }
    }
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(count: usize) -> Problems {
        let mut remarks = Remarks::default();
        for index in 0..count {
            remarks.problem(format!("a[{index}]"), "wrong");
        }
        remarks.finish()
    }

    #[test]
    fn a_remark_is_a_path_and_a_sentence() {
        assert_eq!(problems(2).to_string(), "a[0]: wrong; a[1]: wrong");
    }

    #[test]
    fn the_line_stays_short_and_the_list_bounded() {
        assert!(problems(24).to_string().ends_with("a[19]: wrong; and 4 more"));
        let many = problems(1000).problems;
        assert_eq!(many.len(), 201);
        assert_eq!(many[200].to_string(), "800 more of the kind were left out");
    }

    #[test]
    fn of_a_key_that_stands_twice_nothing_else_is_said() {
        let mut remarks = Remarks::default();
        for path in ["a", "a.b", "a[0].c", "ab", "b.a"] {
            remarks.problem(path, "missing");
        }
        remarks.repeated(vec![Remark { path: "a".into(), text: "twice".into() }]);
        assert_eq!(remarks.finish().to_string(), "a: twice; ab: missing; b.a: missing");
    }

    #[test]
    fn excerpts_are_short_and_printable() {
        assert_eq!(excerpt("a\n\u{1b}'\""), "a\\n\\u{1b}'\\\"");
        assert_eq!(excerpt(&"é".repeat(500)).chars().count(), 121);
    }
}
