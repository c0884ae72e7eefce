//! Which build of the programs this is: both have one version, and are built together.

/// The workspace's version.
pub const NUMBER: &str = env!("CARGO_PKG_VERSION");

/// The commit that it was built from, where the build was told (`make package` tells it).
const COMMIT: Option<&str> = option_env!("AKVVM_COMMIT");

/// The version, and the commit in brackets where it is known.
pub fn with_commit() -> String {
    described(COMMIT)
}

fn described(commit: Option<&str>) -> String {
    match commit {
        Some(commit) if !commit.is_empty() => format!("{NUMBER} ({commit})"),
        _ => NUMBER.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commit_is_named_where_it_is_known() {
        assert_eq!(described(Some("0123abc")), format!("{NUMBER} (0123abc)"));
        assert_eq!(described(Some("")), NUMBER);
        assert_eq!(described(None), NUMBER);
    }
}
