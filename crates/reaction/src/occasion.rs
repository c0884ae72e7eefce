//! Why something is to follow, and how commands hear of it.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;

/// The most that one variable holds, in bytes. Linux refuses a process with a single longer one
/// than 128 KiB (`MAX_ARG_STRLEN`, execve(2)).
const LONGEST: usize = 96 * 1024;

/// Stands at the end of a list that did not fit: neither a certificate's name, nor a version, nor
/// an absolute path.
const AND_MORE: &str = "…";

/// What happened to a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// It was not on this machine before.
    Installed,
    /// Another version took the place of the one before.
    Renewed,
    /// Files were not as they had been written.
    Repaired,
    /// The version before took its place again.
    RolledBack,
    /// Somebody asked for it.
    Requested,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Installed => "installed",
            Self::Renewed => "renewed",
            Self::Repaired => "repaired",
            Self::RolledBack => "rolled-back",
            Self::Requested => "requested",
        })
    }
}

/// A certificate with which something happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its name, as logs and status know it.
    pub certificate: String,
    /// The version that is in place now; for [`crate::check`]: that is about to be.
    pub version: String,
    /// Where consumers find it.
    pub paths: Vec<PathBuf>,
    /// What happened.
    pub reason: Reason,
}

/// All that one reaction answers to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Occasion {
    /// In any order, each certificate once.
    pub changes: Vec<Change>,
}

impl Occasion {
    /// What a command gets, beside the usual: `AKVVM_CERTIFICATE`, `AKVVM_VERSION` and
    /// `AKVVM_REASON` have a line for each change, in the same order, and `AKVVM_PATHS` a line
    /// for each path of all of them. A list of more than 96 KiB is cut, and ends in a line `…`.
    #[must_use]
    pub fn variables(&self) -> Vec<(OsString, OsString)> {
        let each = |line: fn(&Change) -> OsString| lines(self.changes.iter().map(line));
        let paths = self.changes.iter().flat_map(|change| &change.paths);
        vec![
            ("AKVVM_CERTIFICATE".into(), each(|change| change.certificate.clone().into())),
            ("AKVVM_VERSION".into(), each(|change| change.version.clone().into())),
            ("AKVVM_REASON".into(), each(|change| change.reason.to_string().into())),
            ("AKVVM_PATHS".into(), lines(paths.map(|path| path.clone().into_os_string()))),
        ]
    }
}

/// Joined by newlines, as far as they fit.
fn lines(all: impl Iterator<Item = OsString>) -> OsString {
    let mut joined = OsString::new();
    for line in all {
        let separator = if joined.is_empty() { "" } else { "\n" };
        if joined.len() + line.len() + separator.len() > LONGEST {
            joined.push(OsStr::new(separator));
            joined.push(AND_MORE);
            break;
        }
        joined.push(separator);
        joined.push(line);
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(name: &str, reason: Reason) -> Change {
        let paths = ["pem", "key"].map(|end| format!("/srv/{name}.{end}").into());
        Change {
            certificate: name.into(),
            version: format!("{name}-1"),
            paths: paths.into(),
            reason,
        }
    }

    fn variable(occasion: &Occasion, name: &str) -> String {
        let all = occasion.variables();
        let found = all.iter().find(|(known, _)| known == name).unwrap();
        found.1.clone().into_string().unwrap()
    }

    #[test]
    fn one_change_is_one_line_each() {
        let occasion = Occasion { changes: vec![change("web", Reason::Renewed)] };
        assert_eq!(variable(&occasion, "AKVVM_CERTIFICATE"), "web");
        assert_eq!(variable(&occasion, "AKVVM_VERSION"), "web-1");
        assert_eq!(variable(&occasion, "AKVVM_REASON"), "renewed");
        assert_eq!(variable(&occasion, "AKVVM_PATHS"), "/srv/web.pem\n/srv/web.key");
    }

    #[test]
    fn several_changes_keep_one_order() {
        let changes = vec![change("web", Reason::Installed), change("mail", Reason::RolledBack)];
        let occasion = Occasion { changes };
        assert_eq!(variable(&occasion, "AKVVM_CERTIFICATE"), "web\nmail");
        assert_eq!(variable(&occasion, "AKVVM_REASON"), "installed\nrolled-back");
        let paths = "/srv/web.pem\n/srv/web.key\n/srv/mail.pem\n/srv/mail.key";
        assert_eq!(variable(&occasion, "AKVVM_PATHS"), paths);
    }

    #[test]
    fn a_list_that_does_not_fit_says_so() {
        let many = (0..10_000).map(|n| change(&format!("certificate-{n}"), Reason::Renewed));
        let occasion = Occasion { changes: many.collect() };
        let names = variable(&occasion, "AKVVM_CERTIFICATE");
        assert!(names.len() <= LONGEST + 4, "{}", names.len());
        assert!(names.ends_with("\n…"));
        assert!(names.lines().rev().nth(1).unwrap().starts_with("certificate-"));
        assert_eq!(variable(&occasion, "AKVVM_REASON").lines().count(), 10_000);
    }
}
