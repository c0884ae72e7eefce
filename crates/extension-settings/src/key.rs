//! The known keys: at which level each belongs, and what is nearest to an unknown one.

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
    /// One of `observedCertificates`.
    Entry,
    /// `authenticationOverride` in an entry: the keys of [`Level::Identity`].
    Override,
    /// One of an entry's `acls`.
    Acl,
}

impl Level {
    /// The keys that belong here.
    pub(crate) fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Root => {
                &["secretsManagementSettings", "authenticationSettings", "loggingSettings"]
            }
            Self::Secrets => &[
                "observedCertificates",
                "pollingIntervalInS",
                "requireInitialSync",
                "certificateStoreLocation",
                "certificateFileLayout",
                "retainVersions",
                "aclEnabled",
                "certificateStoreName",
                "linkOnRenewal",
            ],
            Self::Identity | Self::Override => &["msiClientId", "msiEndpoint"],
            Self::Logging => &["logger", "endpoint", "format", "servicename"],
            Self::Entry => &[
                "url",
                "certificateStoreLocation",
                "customSymbolicLinkName",
                "acls",
                "certificateFileLayout",
                "authenticationOverride",
                "certificateStoreName",
                "accounts",
                "keyExportable",
            ],
            Self::Acl => &["user", "group"],
        }
    }

    /// Which level an object of this name opens, outside the entries.
    pub(crate) fn of_section(key: &str) -> Option<Self> {
        match key {
            "secretsManagementSettings" => Some(Self::Secrets),
            "authenticationSettings" => Some(Self::Identity),
            "loggingSettings" => Some(Self::Logging),
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
            Self::Entry => "in an entry of observedCertificates",
            Self::Override => "in an entry's authenticationOverride",
            Self::Acl => "in an entry's acls",
        }
    }

    const ALL: [Self; 6] =
        [Self::Root, Self::Secrets, Self::Identity, Self::Logging, Self::Entry, Self::Acl];
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

/// The known key that was probably meant: of those at `level` first, then of all.
pub(crate) fn nearest(level: Level, key: &str) -> Option<&'static str> {
    /// Longer keys are nothing that someone mistyped.
    const LONGEST: usize = 64;
    if key.len() > LONGEST {
        return None;
    }
    let closest = |keys: &mut dyn Iterator<Item = &'static str>| {
        keys.map(|known| (distance(key, known), known))
            .filter(|(distance, known)| *distance <= known.len().div_ceil(3))
            .min()
            .map(|(_, known)| known)
    };
    closest(&mut level.keys().iter().copied())
        .or_else(|| closest(&mut Level::ALL.iter().flat_map(|level| level.keys()).copied()))
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
    fn every_key_has_a_home_that_knows_it() {
        for level in Level::ALL {
            for key in level.keys() {
                let (home, name) = home(key).unwrap();
                assert_eq!(known_at(home, key), Some(name));
            }
        }
    }
}
