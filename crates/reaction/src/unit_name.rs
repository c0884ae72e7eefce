//! Names of systemd units.

use std::error::Error;
use std::fmt;

/// Types of units, as their names end (systemd.unit(5)).
const SUFFIXES: [&str; 11] = [
    ".service",
    ".socket",
    ".device",
    ".mount",
    ".automount",
    ".swap",
    ".target",
    ".path",
    ".timer",
    ".slice",
    ".scope",
];

/// Those that make sense after a new certificate. Restarting a mount or a swap never does.
const ALLOWED: [&str; 3] = [".service", ".socket", ".target"];

/// `UNIT_NAME_MAX` of systemd, its end included: "the total length of the unit name including the
/// suffix must not exceed 255 characters" (systemd.unit(5)).
const LONGEST: usize = 255;

/// The name of a service, socket or target. As with systemctl(1), a name without an end is a
/// service's, so `nginx` and `nginx.service` are equal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitName(String);

impl UnitName {
    /// The whole name, with its end.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl UnitName {
    /// A name made of systemd.unit(5)'s characters; so no pattern, no path and no option.
    ///
    /// # Errors
    /// Where it is something else, or a kind of unit that cannot follow a certificate.
    pub fn parse(text: &str) -> Result<Self, NotAUnitName> {
        let refused = |why| NotAUnitName { text: text.to_owned(), why };
        let legal = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c);
        if !text.chars().all(legal) {
            return Err(refused("it has characters other than letters, digits and :-_.\\@"));
        }
        if text.starts_with(['-', '.', '@']) || text.is_empty() {
            return Err(refused("it does not begin with a name"));
        }
        let suffix = SUFFIXES.iter().find(|suffix| text.ends_with(**suffix));
        let whole = match suffix {
            Some(suffix) if !ALLOWED.contains(suffix) => {
                return Err(refused("only services, sockets and targets can follow a certificate"));
            }
            Some(_) => text.to_owned(),
            None => format!("{text}.service"),
        };
        if whole.contains("@.") {
            return Err(refused("it is a template; name an instance, as in postgresql@15-main"));
        }
        if whole.len() > LONGEST {
            return Err(refused("it has more than 255 characters"));
        }
        Ok(Self(whole))
    }
}

impl fmt::Display for UnitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Not a [`UnitName`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAUnitName {
    text: String,
    why: &'static str,
}

impl fmt::Display for NotAUnitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not the name of a systemd unit: {}", self.text, self.why)
    }
}

impl Error for NotAUnitName {}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, String> {
        UnitName::parse(text).map(|name| name.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn names_are_whole() {
        for (text, whole) in [
            ("nginx", "nginx.service"),
            ("nginx.service", "nginx.service"),
            ("postgresql@15-main", "postgresql@15-main.service"),
            ("php8.2-fpm", "php8.2-fpm.service"),
            ("dev-disk\\x2duuid.service", "dev-disk\\x2duuid.service"),
            ("web.target", "web.target"),
            ("web.socket", "web.socket"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(whole));
        }
    }

    #[test]
    fn options_patterns_paths_and_templates_are_refused() {
        for (text, why) in [
            ("", "does not begin with a name"),
            ("-H", "does not begin with a name"),
            ("--force", "does not begin with a name"),
            (".service", "does not begin with a name"),
            ("@x", "does not begin with a name"),
            ("nginx*", "characters other than"),
            ("a b", "characters other than"),
            ("a\nb", "characters other than"),
            ("/etc/systemd/system/a.service", "characters other than"),
            ("nginx;reboot", "characters other than"),
            ("größe", "characters other than"),
            ("home.mount", "only services, sockets and targets"),
            ("system.slice", "only services, sockets and targets"),
            ("postgresql@", "is a template"),
            ("postgresql@.service", "is a template"),
        ] {
            let said = read(text).unwrap_err();
            assert!(said.contains(why), "{text}: {said}");
        }
        assert!(read(&"a".repeat(248)).unwrap_err().contains("more than 255"));
        assert!(read(&"a".repeat(247)).is_ok());
    }
}
