//! Words for settings, as several commands say them. Pure.

use std::path::PathBuf;

use extension_settings::{FileLayout, Identity, IdentitySelector};
use worker_state::Environment;

use crate::credentials;

/// `1 certificate`, `2 certificates`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// A link's name that stands for several certificates.
pub(crate) fn ambiguous(name: &str, paths: impl Iterator<Item = PathBuf>) -> String {
    let paths: Vec<String> = paths.map(|path| path.display().to_string()).collect();
    format!(
        "{name:?} is the link of several certificates; name one by its path: {}",
        paths.join(", ")
    )
}

/// A word as a shell takes it.
pub(crate) fn typed(word: &str) -> String {
    let is_plain =
        |character: char| character.is_alphanumeric() || "._-@+=:,%/".contains(character);
    match word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// Which identity is meant.
pub(crate) fn selector(selector: &IdentitySelector) -> String {
    match selector {
        IdentitySelector::Unspecified => "the machine's own identity".into(),
        IdentitySelector::ClientId(id) => format!("the identity with client id {id}"),
        IdentitySelector::ResourceId(id) => format!("the identity {id}"),
    }
}

/// Where its tokens come from.
pub(crate) fn endpoint(identity: &Identity, environment: &Environment) -> String {
    match credentials::endpoint(identity, environment) {
        Ok(endpoint) => endpoint.to_string(),
        Err(error) => error.to_string(),
    }
}

/// A layout as the settings write it.
pub(crate) fn layout(layout: FileLayout) -> &'static str {
    match layout {
        FileLayout::Unstated | FileLayout::Combined => "combined",
        FileLayout::Split => "split",
        FileLayout::Both => "both",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_written_as_a_shell_takes_them() {
        assert_eq!(typed("contoso.web"), "contoso.web");
        assert_eq!(typed("my site"), "'my site'");
        assert_eq!(typed("it's $5"), r"'it'\''s $5'");
    }
}
