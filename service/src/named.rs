//! Which certificate a person means who names one.

use std::path::Path;

/// Whether `named` is the link's name, or one of its `paths`: it has two where the split layout adds
/// to its name.
pub(crate) fn is_named(named: &str, link: &str, paths: &[&Path]) -> bool {
    named == link || paths.iter().any(|path| path.as_os_str() == named)
}
