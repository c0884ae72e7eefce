//! The environment variables that the product knows, and the file that can set them.
//!
//! The programs read `/etc/akvvm/environment` themselves, in every mode, so that an administrator
//! has one place for a proxy or a trust root, with and without systemd. The process environment
//! wins over the file.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::{StateError, read_trusted};

/// The names, each in one place.
pub mod name {
    /// Where state is kept.
    pub const STATE_DIRECTORY: &str = "STATE_DIRECTORY";
    /// Where run-time files are kept.
    pub const RUNTIME_DIRECTORY: &str = "RUNTIME_DIRECTORY";
    /// Where logs are kept.
    pub const LOGS_DIRECTORY: &str = "LOGS_DIRECTORY";
    /// How the handler runs the worker: `systemd` or `detached`.
    pub const SUPERVISOR: &str = "AKVVM_SUPERVISOR";
    /// Vault host suffixes that the administrator allows beside the known clouds'.
    pub const VAULT_DNS_SUFFIXES: &str = "AKVVM_VAULT_DNS_SUFFIXES";
    /// `yes`: give listed users search permission on a store's ancestors.
    pub const GRANT_ANCESTORS: &str = "AKVVM_GRANT_ANCESTORS";
    /// `json`: the log's lines are JSON.
    pub const LOG_FORMAT: &str = "AKVVM_LOG_FORMAT";
    /// How far settings may reach beyond certificates: `none`, `units` or `commands`. Counts in
    /// the file alone.
    pub const REACTIONS: &str = "AKVVM_REACTIONS";
    /// A file of trusted certificate authorities, in place of the machine's.
    pub const SSL_CERT_FILE: &str = "SSL_CERT_FILE";
    /// A directory of trusted certificate authorities, in place of the machine's.
    pub const SSL_CERT_DIR: &str = "SSL_CERT_DIR";
    /// The proxy for vaults, in the order in which they are asked for.
    pub const HTTPS_PROXY: [&str; 2] = ["HTTPS_PROXY", "https_proxy"];
    /// What the proxy is not used for.
    pub const NO_PROXY: [&str; 2] = ["NO_PROXY", "no_proxy"];
    /// Where Azure Arc's agent says that it hands out tokens.
    pub const IDENTITY_ENDPOINT: &str = "IDENTITY_ENDPOINT";
    /// Set together with `IDENTITY_ENDPOINT`, on Azure Arc.
    pub const IMDS_ENDPOINT: &str = "IMDS_ENDPOINT";
    /// Where systemd listens (sd_notify(3)).
    pub const NOTIFY_SOCKET: &str = "NOTIFY_SOCKET";
    /// How long systemd waits for a sign of life, in microseconds (sd_watchdog_enabled(3)).
    pub const WATCHDOG_USEC: &str = "WATCHDOG_USEC";
    /// Which process systemd waits for.
    pub const WATCHDOG_PID: &str = "WATCHDOG_PID";
    /// Device and inode of the stream that leads into the journal (systemd.exec(5)).
    pub const JOURNAL_STREAM: &str = "JOURNAL_STREAM";
    /// Names that a supervisor sets for the very process that it starts; never passed on.
    pub(super) const SUPERVISION: [&str; 4] =
        [NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID, JOURNAL_STREAM];
    /// Names that only choose directories for other users than root.
    pub(super) const USER: [&str; 3] = ["HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"];

    /// Every variable that steers the worker, and that a handler therefore passes on to it.
    pub const STEERING: [&str; 12] = [
        LOG_FORMAT,
        VAULT_DNS_SUFFIXES,
        GRANT_ANCESTORS,
        SSL_CERT_FILE,
        SSL_CERT_DIR,
        HTTPS_PROXY[0],
        HTTPS_PROXY[1],
        NO_PROXY[0],
        NO_PROXY[1],
        IDENTITY_ENDPOINT,
        IMDS_ENDPOINT,
        SUPERVISOR,
    ];
    /// The variables that say where the two programs meet.
    pub const DIRECTORIES: [&str; 3] = [STATE_DIRECTORY, RUNTIME_DIRECTORY, LOGS_DIRECTORY];
}

/// The known variables and their values. An empty value counts as none.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment {
    values: BTreeMap<String, String>,
}

/// The values can hold a proxy's password: names only.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

impl Environment {
    /// The file that the programs read in every mode.
    pub const FILE: &str = "/etc/akvvm/environment";

    /// What `lookup` (the process environment, say) knows of our variables.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<OsString>) -> Self {
        let known = name::DIRECTORIES.iter().chain(&name::STEERING).chain(&name::SUPERVISION);
        let known = known.chain(&name::USER);
        Self::of(
            known.filter_map(|&known| Some((known.to_owned(), lookup(known)?.into_string().ok()?))),
        )
    }

    /// Exactly these variables, known or not.
    pub fn of(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { values: pairs.into_iter().filter(|(_, value)| !value.trim().is_empty()).collect() }
    }

    /// Whether `AKVVM_GRANT_ANCESTORS` permits it, in any of the words that people write for that.
    pub fn grants_ancestors(&self) -> bool {
        let value = self.value(name::GRANT_ANCESTORS).unwrap_or_default().trim();
        ["yes", "true", "on", "1"].iter().any(|word| word.eq_ignore_ascii_case(value))
    }

    /// What the file at `path` sets; nothing where there is no such file.
    ///
    /// Lines are `NAME=value`, as in `EnvironmentFile=` of systemd.exec(5): comments begin with
    /// `#` or `;`, a value may be quoted with `"` or `'`, an `export ` in front is ignored.
    ///
    /// # Errors
    /// Where root would read a file that others can write or that belongs to somebody else;
    /// where a line is no assignment (named by its number, never by its text).
    pub fn from_file(path: &Path) -> Result<Self, EnvironmentError> {
        let Some(bytes) = read_trusted(path)? else { return Ok(Self::default()) };
        let text = std::str::from_utf8(&bytes).map_err(|error| {
            let before = &bytes[..error.valid_up_to()];
            let number = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            EnvironmentError::Line(path.into(), number)
        })?;
        // Editors of Windows put a byte order mark in front.
        let text = text.trim_start_matches('\u{feff}');
        let mut values = BTreeMap::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            let (name, value) = assignment_of(line)
                .ok_or_else(|| EnvironmentError::Line(path.into(), number + 1))?;
            values.insert(name.to_owned(), value.to_owned());
        }
        Ok(Self::of(values))
    }

    /// These variables, and those of `fallback` that are not among them, in either case.
    pub fn over(mut self, mut fallback: Self) -> Self {
        for pair in [name::HTTPS_PROXY, name::NO_PROXY] {
            if self.first(&pair).is_some() {
                fallback.values.retain(|name, _| !pair.contains(&name.as_str()));
            }
        }
        for (name, value) in fallback.values {
            self.values.entry(name).or_insert(value);
        }
        self
    }

    /// The value of a variable.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|value| value.trim())
    }

    /// The value of the first of several names that has one.
    pub fn first(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.value(name))
    }

    /// A variable that names one path (the first, where it is a list with colons).
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        let first = self.value(name)?.split(':').next()?;
        Path::new(first).is_absolute().then(|| PathBuf::from(first))
    }

    /// Those of the variables that are named.
    pub fn only(&self, names: &[&str]) -> BTreeMap<String, String> {
        let named = self.values.iter().filter(|(name, _)| names.contains(&name.as_str()));
        named.map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

fn assignment_of(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
    let name = name.trim();
    let legal = |character: char| character.is_ascii_alphanumeric() || character == '_';
    if name.is_empty() || !name.chars().all(legal) {
        return None;
    }
    let value = value.trim();
    let unquoted = ['"', '\'']
        .iter()
        .find_map(|&quote| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)));
    Some((name, unquoted.unwrap_or(value)))
}

/// The environment file cannot be used.
#[derive(Debug)]
pub enum EnvironmentError {
    /// It cannot be read, or others than its reader could have written it.
    Unreadable(StateError),
    /// The line with this number (from 1) is no `NAME=value`.
    Line(PathBuf, usize),
}

impl From<StateError> for EnvironmentError {
    fn from(error: StateError) -> Self {
        Self::Unreadable(error)
    }
}

impl fmt::Display for EnvironmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => error.fmt(f),
            Self::Line(path, number) => {
                write!(f, "{}: line {number} is not of the form NAME=value", path.display())
            }
        }
    }
}

impl std::error::Error for EnvironmentError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable(error) => io_source(error),
            Self::Line(..) => None,
        }
    }
}

fn io_source(error: &StateError) -> Option<&(dyn std::error::Error + 'static)> {
    std::error::Error::source(error).filter(|source| source.is::<io::Error>())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests write their input files")]

    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn file(text: impl AsRef<[u8]>, mode: u32) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("environment");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        (folder, path)
    }

    #[test]
    fn the_file_is_read_like_systemds() {
        let text = "# a comment\n; another\n\nHTTPS_PROXY=\"http://proxy:3128\"\n export NO_PROXY = 'a, b' \n";
        let (_folder, path) = file(text, 0o600);
        let environment = Environment::from_file(&path).unwrap();
        assert_eq!(environment.first(&name::HTTPS_PROXY), Some("http://proxy:3128"));
        assert_eq!(environment.first(&name::NO_PROXY), Some("a, b"));
    }

    #[test]
    fn the_process_wins_over_the_file() {
        let process =
            Environment::from_lookup(|name| (name == "SSL_CERT_FILE").then(|| "/p".into()));
        let (_folder, path) = file("SSL_CERT_FILE=/f\nSSL_CERT_DIR=/d\n", 0o600);
        let both = process.over(Environment::from_file(&path).unwrap());
        assert_eq!(both.value("SSL_CERT_FILE"), Some("/p"));
        assert_eq!(both.value("SSL_CERT_DIR"), Some("/d"));
    }

    #[test]
    fn the_process_wins_over_the_file_also_where_the_cases_of_their_names_differ() {
        let of = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let process = || Environment::of([of("https_proxy", "http://p"), of("NO_PROXY", "p")]);
        let file = || Environment::of([of("HTTPS_PROXY", "http://f"), of("no_proxy", "f")]);
        assert_eq!(process().over(file()), process());
        assert_eq!(Environment::default().over(file()), file());
    }

    #[test]
    fn ancestors_are_granted_in_any_word_that_says_so() {
        for (value, granted) in
            [("yes", true), ("True", true), (" 1 ", true), ("no", false), ("0", false), ("", false)]
        {
            let pair = (name::GRANT_ANCESTORS.to_owned(), value.to_owned());
            assert_eq!(Environment::of([pair]).grants_ancestors(), granted, "{value:?}");
        }
    }

    #[test]
    fn a_file_that_others_can_write_is_refused() {
        let (_folder, path) = file("SSL_CERT_FILE=/f\n", 0o622);
        let error = Environment::from_file(&path).unwrap_err().to_string();
        assert!(error.contains("must belong to root and be writable by nobody else"), "{error}");
    }

    #[test]
    fn a_line_that_is_no_assignment_is_named_by_its_number_only() {
        let (_folder, path) = file("A=b\nhttp://user:secret@proxy\n", 0o600);
        let error = Environment::from_file(&path).unwrap_err().to_string();
        assert!(error.contains("line 2") && !error.contains("secret"), "{error}");
    }

    #[test]
    fn a_file_from_windows_is_read_and_bytes_that_are_no_text_are_found() {
        let (_folder, path) = file("\u{feff}SSL_CERT_DIR=/d\r\nSSL_CERT_FILE=/f\r\n", 0o600);
        let environment = Environment::from_file(&path).unwrap();
        assert_eq!(environment.value("SSL_CERT_DIR"), Some("/d"));
        assert_eq!(environment.value("SSL_CERT_FILE"), Some("/f"));
        let (_folder, path) = file(b"SSL_CERT_DIR=/d\n\n# B\xfcro\n", 0o600);
        let error = Environment::from_file(&path).unwrap_err().to_string();
        assert!(error.contains("line 3"), "{error}");
    }

    #[test]
    fn no_file_sets_nothing_and_an_empty_value_is_none() {
        let none = Environment::from_file(Path::new("/nonexistent/environment")).unwrap();
        assert_eq!(none, Environment::default());
        let empty = Environment::from_lookup(|_| Some(" ".into()));
        assert_eq!(empty, Environment::default());
    }

    #[test]
    fn debug_output_has_no_values() {
        let pair = ("HTTPS_PROXY".to_owned(), "http://u:secret@p".to_owned());
        let debug = format!("{:?}", Environment::of([pair]));
        assert!(!debug.contains("secret") && debug.contains("HTTPS_PROXY"));
    }
}
