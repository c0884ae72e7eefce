//! The known keys: at which level each belongs, and what is nearest to an unknown one.

/// The keys of `secretsManagementSettings`.
const SECRETS: &[&str] = &[
    "observedCertificates",
    "pollingIntervalInS",
    "requireInitialSync",
    "certificateStoreLocation",
    "certificateFileLayout",
    "retainVersions",
    "aclEnabled",
    "onRenewal",
    "expiryWarningInPercent",
    "expiryErrorInPercent",
    "certificateStoreName",
    "linkOnRenewal",
];

/// The keys of one of `observedCertificates`.
const ENTRY: &[&str] = &[
    "url",
    "certificateStoreLocation",
    "customSymbolicLinkName",
    "acls",
    "certificateFileLayout",
    "authenticationOverride",
    "outputs",
    "check",
    "onRenewal",
    "verify",
    "guards",
    "rollback",
    "certificateStoreName",
    "accounts",
    "keyExportable",
];

/// The keys of one of an entry's `outputs`.
const OUTPUT: &[&str] = &[
    "path",
    "form",
    "directory",
    "files",
    "owner",
    "group",
    "mode",
    "acls",
    "passwordFile",
    "encryption",
];

/// The keys that mean something on Windows only. Nothing is done with them wherever they stand, so
/// a wrong place is no reason to refuse them, and no two of them can contradict each other.
pub(crate) const OF_WINDOWS: [&str; 4] =
    ["certificateStoreName", "linkOnRenewal", "accounts", "keyExportable"];

/// What is said of them at a place where no generation has them.
pub(crate) const OF_WINDOWS_ONLY: &str = "means something on Windows only, ignored";

/// A kind of object in the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Level {
    /// The document itself.
    Root,
    /// `secretsManagementSettings`.
    Secrets,
    /// `authenticationSettings`.
    Identity,
    /// `loggingSettings`.
    Logging,
    /// `metricsSettings`.
    Metrics,
    /// One of `observedCertificates`.
    Entry,
    /// `authenticationOverride` in an entry: the keys of [`Level::Identity`].
    Override,
    /// One of an entry's `acls`.
    Acl,
    /// One of an entry's `outputs`.
    Output,
    /// One of the `files` of an output that is a directory.
    SetFile,
    /// An entry's `check`.
    Check,
    /// One of `onRenewal`.
    Action,
    /// One of an entry's `verify`.
    Verify,
    /// An entry's `guards`.
    Guards,
}

impl Level {
    /// The keys that belong here.
    pub(crate) fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Root => &[
                "secretsManagementSettings",
                "authenticationSettings",
                "loggingSettings",
                "metricsSettings",
            ],
            Self::Secrets => SECRETS,
            Self::Identity | Self::Override => &["msiClientId", "msiEndpoint"],
            Self::Logging => &["logger", "endpoint", "format", "servicename"],
            Self::Metrics => &["textfile", "listen"],
            Self::Entry => ENTRY,
            Self::Acl => &["user", "group"],
            Self::Output => OUTPUT,
            Self::SetFile => {
                &["name", "form", "owner", "group", "mode", "acls", "passwordFile", "encryption"]
            }
            Self::Check => &["command", "timeoutInS"],
            Self::Action => {
                &["unit", "action", "signal", "pidFile", "command", "timeoutInS", "user"]
            }
            Self::Verify => &["address", "serverName", "alpn", "startTls", "timeoutInS"],
            Self::Guards => &["names", "validity", "issuer"],
        }
    }

    /// Which level an object of this name opens, outside the entries.
    pub(crate) fn of_section(key: &str) -> Option<Self> {
        match key {
            "secretsManagementSettings" => Some(Self::Secrets),
            "authenticationSettings" => Some(Self::Identity),
            "loggingSettings" => Some(Self::Logging),
            "metricsSettings" => Some(Self::Metrics),
            "authenticationOverride" => Some(Self::Override),
            _ => None,
        }
    }

    /// Where the section that opens this level belongs, if it stands outside the entries.
    pub(crate) fn section_place(self) -> &'static str {
        match self {
            Self::Override => Self::Identity.described(),
            _ => Self::Root.described(),
        }
    }

    /// How a person finds the place.
    pub(crate) fn described(self) -> &'static str {
        match self {
            Self::Root => "at the top level of the settings",
            Self::Secrets => "in secretsManagementSettings",
            Self::Identity => "in authenticationSettings, beside secretsManagementSettings",
            Self::Logging => "in loggingSettings, beside secretsManagementSettings",
            Self::Metrics => "in metricsSettings, beside secretsManagementSettings",
            Self::Entry => "in an entry of observedCertificates",
            Self::Override => "in an entry's authenticationOverride",
            Self::Acl => "in an entry's acls",
            Self::Output => "in one of an entry's outputs",
            Self::SetFile => "in one of an output's files",
            Self::Check => "in an entry's check",
            Self::Action => "in one of onRenewal",
            Self::Verify => "in one of an entry's verify",
            Self::Guards => "in an entry's guards",
        }
    }

    /// The levels whose keys are looked for at other levels too.
    const ALL: [Self; 7] = [
        Self::Root,
        Self::Secrets,
        Self::Identity,
        Self::Logging,
        Self::Metrics,
        Self::Entry,
        Self::Acl,
    ];

    /// The levels whose keys are ordinary words: elsewhere they are unknown, and only pointed at.
    const NESTED: [Self; 6] =
        [Self::Output, Self::SetFile, Self::Check, Self::Action, Self::Verify, Self::Guards];
}

/// The name of `key` if it belongs at `level`.
pub(crate) fn known_at(level: Level, key: &str) -> Option<&'static str> {
    level.keys().iter().copied().find(|known| *known == key)
}

/// The level at which `key` belongs, the outermost if there are several.
pub(crate) fn home(key: &str) -> Option<(Level, &'static str)> {
    if key == "authenticationOverride" {
        return Some((Level::Entry, "authenticationOverride"));
    }
    Level::ALL.into_iter().find_map(|level| Some((level, known_at(level, key)?)))
}

/// The known key that `key` is but for its case, if it means something at `level`.
pub(crate) fn spelling(level: Level, key: &str) -> Option<&'static str> {
    if known_at(level, key).is_some() {
        return None;
    }
    let others: &[Level] = if Level::NESTED.contains(&level) { &[] } else { &Level::ALL };
    let levels = std::iter::once(&level).chain(others);
    let mut known = levels.flat_map(|level| level.keys()).copied();
    known.find(|known| *known != key && known.eq_ignore_ascii_case(key))
}

/// What to say about a key that is not known at `level`.
pub(crate) fn advice(level: Level, key: &str) -> String {
    if let Some(known) = nearest(level, key) {
        return format!("unknown key, ignored: did you mean {known}?");
    }
    match Level::NESTED.into_iter().find(|nested| known_at(*nested, key).is_some()) {
        Some(nested) => format!("unknown key, ignored: it means something {}", nested.described()),
        None => "unknown key, ignored".to_owned(),
    }
}

/// The known key that was probably meant: of those at `level` first, then of all.
pub(crate) fn nearest(level: Level, key: &str) -> Option<&'static str> {
    closest(key, level.keys().iter().copied()).or_else(|| {
        let of_all = Level::ALL.iter().flat_map(|level| level.keys()).copied();
        if Level::NESTED.contains(&level) { None } else { closest(key, of_all) }
    })
}

/// The word that was probably meant, case ignored.
pub(crate) fn closest(
    written: &str,
    words: impl Iterator<Item = &'static str>,
) -> Option<&'static str> {
    /// Longer words are nothing that someone mistyped.
    const LONGEST: usize = 64;
    if written.len() > LONGEST {
        return None;
    }
    words
        .map(|known| (distance(written, known), known))
        .filter(|(distance, known)| *distance <= known.len().div_ceil(3))
        .min()
        .map(|(_, known)| known)
}

/// How many letters have to be inserted, removed or exchanged to make one key of the other, case
/// ignored (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().map(|c| c.to_ascii_lowercase()).collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, letter) in one.chars().map(|c| c.to_ascii_lowercase()).enumerate() {
        let mut diagonal = above;
        row[0] = above + 1;
        for (left, candidate) in other.iter().enumerate() {
            let exchanged = diagonal + usize::from(letter != *candidate);
            diagonal = row[left + 1];
            row[left + 1] = exchanged.min(row[left] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_letters() {
        assert_eq!(distance("url", "URL"), 0);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn slips_are_traced_to_the_known_key() {
        for (level, slip, meant) in [
            (Level::Secrets, "observedCertificate", "observedCertificates"),
            (Level::Secrets, "PollingIntervalInSeconds", "pollingIntervalInS"),
            (Level::Secrets, "requireinitialsync", "requireInitialSync"),
            (Level::Entry, "certStoreLocation", "certificateStoreLocation"),
            (Level::Entry, "customSymbolicName", "customSymbolicLinkName"),
            (Level::Entry, "URL", "url"),
            (Level::Acl, "users", "user"),
            (Level::Identity, "msiClientID", "msiClientId"),
            (Level::Root, "autenticationSettings", "authenticationSettings"),
        ] {
            assert_eq!(nearest(level, slip), Some(meant), "{slip}");
        }
        assert_eq!(nearest(Level::Root, "owner"), None);
        assert_eq!(nearest(Level::Root, &"x".repeat(10_000)), None);
    }

    #[test]
    fn no_two_keys_differ_in_their_case_alone() {
        let all = Level::ALL.iter().chain(&Level::NESTED).flat_map(|level| level.keys());
        for key in all {
            for level in Level::ALL.iter().chain(&Level::NESTED) {
                assert_eq!(spelling(*level, key), None);
            }
        }
        assert_eq!(spelling(Level::Root, "MSICLIENTID"), Some("msiClientId"));
        assert_eq!(spelling(Level::Root, "Command"), None, "it means nothing there");
        assert_eq!(spelling(Level::Check, "Command"), Some("command"));
    }

    #[test]
    fn every_key_has_a_home_that_knows_it() {
        for level in Level::ALL {
            for key in level.keys() {
                let (home, name) = home(key).unwrap();
                assert_eq!(known_at(home, key), Some(name));
            }
        }
    }
}
