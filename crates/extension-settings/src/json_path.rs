//! Where a value stands in the settings, as remarks say it.

use crate::remark::excerpt;

/// The path to `key` in the object at `path`.
pub(crate) fn path_to(path: &str, key: &str) -> String {
    let plain =
        !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    match (plain && key.len() <= 64, path.is_empty()) {
        (true, true) => key.to_owned(),
        (true, false) => format!("{path}.{key}"),
        (false, _) => format!("{path}[\"{}\"]", excerpt(key)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_keys_stand_in_quotes_in_a_path() {
        assert_eq!(path_to("", "a"), "a");
        assert_eq!(path_to("a", "b_1"), "a.b_1");
        assert_eq!(path_to("a", "b.c\n"), "a[\"b.c\\n\"]");
        assert!(path_to("a", &"x".repeat(1000)).len() < 200);
    }
}
