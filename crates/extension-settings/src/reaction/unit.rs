//! systemd units by their names.

use std::fmt;

use crate::field::{Field, word_for};
use crate::remark::{Remarks, excerpt};

/// The longest name of a unit, in bytes (`systemd.unit(5)`).
const LONGEST_NAME: usize = 255;

/// What the name of a unit that can follow a certificate ends in.
const SUFFIXES: [&str; 3] = [".service", ".socket", ".target"];

/// What other units' names end in (`systemd.unit(5)`): none of them reads a certificate, and a
/// mount or a swap that is restarted is a machine that stands still.
const OTHER_SUFFIXES: [&str; 8] =
    [".device", ".mount", ".automount", ".swap", ".path", ".timer", ".slice", ".scope"];

/// The name of a systemd unit, with its suffix: nothing that could be read as an option, a path
/// or a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnitName(String);

/// What systemd does with a unit, as `systemctl(1)` calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    /// The unit reads its files again. Nothing is restarted.
    Reload,
    /// It reads them again if it can, else it is restarted; it is left alone if it does not run.
    TryReloadOrRestart,
    /// It is stopped and started; started if it does not run.
    Restart,
}

const VERBS: [(&str, Verb); 3] = [
    ("reload", Verb::Reload),
    ("try-reload-or-restart", Verb::TryReloadOrRestart),
    ("restart", Verb::Restart),
];

impl UnitName {
    /// The name, `nginx.service` for example.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }

    pub(super) fn read(field: &Field, remarks: &mut Remarks) -> Option<Self> {
        let text = field.text(remarks)?;
        match complete(&text) {
            Ok(name) => Some(Self(name)),
            Err(reason) => {
                let text = format!(
                    "\"{}\" {reason}: write the name of a systemd unit, nginx.service for example",
                    excerpt(&text)
                );
                remarks.problem(&field.path, text);
                None
            }
        }
    }
}

impl fmt::Display for UnitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Verb {
    pub(super) fn read(field: &Field, remarks: &mut Remarks) -> Option<Self> {
        field.word(&VERBS, remarks)
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(word_for(&VERBS, self))
    }
}

/// The name with a suffix, `.service` where there is none; or what is wrong with it.
fn complete(text: &str) -> Result<String, &'static str> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b":-_.\\@".contains(&byte);
    if text.starts_with('-') {
        return Err("begins like an option");
    }
    if text.contains('/') {
        return Err("is a path");
    }
    if !text.bytes().all(legal) || text.starts_with('.') || text.contains("..") {
        return Err("is no unit's name");
    }
    if OTHER_SUFFIXES.iter().any(|suffix| text.ends_with(suffix)) {
        return Err("is neither a service nor a socket nor a target; only these can follow a \
                    certificate");
    }
    let suffix = SUFFIXES.iter().find(|suffix| text.ends_with(*suffix));
    let stem = text.strip_suffix(suffix.copied().unwrap_or_default()).unwrap_or(text);
    if stem.ends_with('@') {
        return Err("is a template, which has no process");
    }
    let name = if suffix.is_some() { text.to_owned() } else { format!("{text}.service") };
    if name.len() > LONGEST_NAME { Err("is longer than 255 bytes") } else { Ok(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_has_a_suffix() {
        for (text, name) in [
            ("nginx", "nginx.service"),
            ("nginx.service", "nginx.service"),
            ("php8.2-fpm", "php8.2-fpm.service"),
            ("postgresql@15-main", "postgresql@15-main.service"),
            ("web.target", "web.target"),
            ("dev-disk\\x2d1.socket", "dev-disk\\x2d1.socket"),
        ] {
            assert_eq!(complete(text).as_deref(), Ok(name));
        }
    }

    #[test]
    fn a_unit_that_cannot_follow_a_certificate_is_refused_by_its_kind() {
        for text in ["renew.timer", "home.mount", "dev-sda2.swap", "system.slice", "spool.path"] {
            let reason = complete(text).unwrap_err();
            assert!(reason.contains("neither a service nor a socket nor a target"), "{text}");
        }
        assert_eq!(complete("mount").as_deref(), Ok("mount.service"));
    }

    #[test]
    fn what_could_be_an_option_a_path_or_a_pattern_is_no_unit() {
        let long = "a".repeat(250);
        for text in [
            "-H",
            "--host=x",
            "../nginx",
            "/etc/passwd",
            "nginx*",
            "a b",
            "a\nb",
            "a?",
            "[a]",
            "é",
            ".service",
            "..",
            "a..b",
            "nginx@.service",
            "nginx@",
            "a;b",
            "a$b",
            &long,
        ] {
            assert!(complete(text).is_err(), "{text}");
        }
    }
}
