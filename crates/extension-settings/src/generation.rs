//! What each generation of Microsoft's extension makes of settings, where this one would do
//! otherwise.
//!
//! Sources: the pages of the Key Vault VM extension for Linux, [newest][page] and before. Its
//! program is not open to read.
//!
//! [page]: https://learn.microsoft.com/azure/virtual-machines/extensions/key-vault-linux

mod objections;

use std::collections::BTreeSet;
use std::fmt;
use std::mem;
use std::time::Duration;

use crate::check;
use crate::key::OF_WINDOWS_ONLY;
use crate::remark::Remark;
use crate::settings::{ObservedCertificate, Retain, Settings};
use crate::store::{FileLayout, StoreLocation};

/// The pages of 1.x and 2.x name this directory as the default store in one place and
/// [`DEFAULT_STORE`](crate::DEFAULT_STORE) in another.
pub const OTHER_DEFAULT_STORE: &str = "/var/lib/waagent/Microsoft.Azure.KeyVault";

/// The interval that 4.x keeps to, whatever the settings say, in seconds.
const CLAMP_OF_4: (u64, u64) = (300, 3600);

/// A major version of Microsoft's Key Vault VM extension for Linux. `Display` prints `3.x`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Generation {
    /// Lists of URLs; files without issuers.
    One,
    /// Lists of URLs; absolute links to files whose names end in `.PEM`.
    Two,
    /// Objects; one file for each version, relative links with free names.
    Three,
    /// Objects; chain and key in files of their own.
    Four,
}

impl Generation {
    /// All of them, the oldest first.
    pub const ALL: [Self; 4] = [Self::One, Self::Two, Self::Three, Self::Four];

    /// Reads a version: `3`, `3.x` or the whole of `3.5.3041.185`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let major = text.split('.').next()?;
        Self::ALL.into_iter().find(|generation| generation.major() == major)
    }

    /// The major version.
    #[must_use]
    pub fn major(self) -> &'static str {
        match self {
            Self::One => "1",
            Self::Two => "2",
            Self::Three => "3",
            Self::Four => "4",
        }
    }

    /// The files that it writes.
    #[must_use]
    pub fn layout(self) -> FileLayout {
        match self {
            Self::One | Self::Two | Self::Three => FileLayout::Combined,
            Self::Four => FileLayout::Split,
        }
    }

    /// Whether a warning of [`parse`](crate::parse) holds no longer of what
    /// [`explicit`](Self::explicit) makes of the settings, or [`objections`](Self::objections) say
    /// it better.
    #[must_use]
    pub fn settles(self, warning: &Remark) -> bool {
        let is_settled = self == Self::Four && check::is_of_interval_or_acls(warning);
        is_settled || warning.text == OF_WINDOWS_ONLY
    }

    /// Settings that make this extension do what this generation does with `settings`, and what
    /// is said in them that was left to it before. Paths in the remarks are those of
    /// [`Settings::to_document`].
    #[must_use]
    pub fn explicit(self, settings: &Settings) -> (Settings, Vec<Remark>) {
        let mut changing = Changing { settings: settings.clone(), changes: Vec::new() };
        changing.layouts(self);
        changing.versions_kept(self);
        if self == Self::Four {
            changing.always_on();
            changing.interval();
            changing.link_names();
        }
        (changing.settings, changing.changes)
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.x", self.major())
    }
}

struct Changing {
    settings: Settings,
    changes: Vec<Remark>,
}

impl Changing {
    fn note(&mut self, key: &str, text: String) {
        self.changes.push(Remark { path: format!("secretsManagementSettings.{key}"), text });
    }

    fn layouts(&mut self, generation: Generation) {
        let layout = generation.layout();
        let mut was_open = false;
        for one in &mut self.settings.certificates {
            if one.layout == FileLayout::Unstated {
                one.layout = layout;
                was_open = true;
            }
        }
        if was_open {
            let text = match layout {
                FileLayout::Split => "\"split\", the .pem, .keyid and .luma that 4.x writes",
                _ => "\"combined\", one file with certificate, issuers and key, as before",
            };
            self.note("certificateFileLayout", text.into());
        }
    }

    fn versions_kept(&mut self, generation: Generation) {
        if generation < Generation::Four && self.settings.retain_versions == Retain::Versions(2) {
            self.settings.retain_versions = Retain::All;
            let text = format!(
                "0, for {generation} keeps every version; 2, the current and the previous one, is \
                 enough where programs open the links only"
            );
            self.note("retainVersions", text);
        }
    }

    fn always_on(&mut self) {
        let first_sync = mem::replace(&mut self.settings.require_initial_sync, true);
        let acls = mem::replace(&mut self.settings.acl_enabled, true);
        for (key, was_on) in [("requireInitialSync", first_sync), ("aclEnabled", acls)] {
            if !was_on {
                self.note(key, "true, as always with 4.x".into());
            }
        }
    }

    fn interval(&mut self) {
        let (least, most) = CLAMP_OF_4;
        let seconds = self.settings.polling_interval.as_secs();
        let kept = seconds.clamp(least, most);
        if kept != seconds {
            self.settings.polling_interval = Duration::from_secs(kept);
            let text = format!(
                "{kept}, which 4.x makes of {seconds}; here {seconds} would be taken as it is"
            );
            self.note("pollingIntervalInS", text);
        }
    }

    /// 4.x has no names of one's own, so what programs open there is `VAULT.NAME.pem`.
    fn link_names(&mut self) {
        let mut taken: BTreeSet<(StoreLocation, String)> =
            self.settings.certificates.iter().map(place).collect();
        let mut renamed = Vec::new();
        for (index, one) in self.settings.certificates.iter_mut().enumerate() {
            let usual = ObservedCertificate::default_link_name(&one.id);
            if one.link_name != usual && taken.insert((one.store.clone(), usual.clone())) {
                let text = format!("left out, for 4.x calls the links {usual}.pem and .keyid");
                renamed
                    .push((format!("observedCertificates[{index}].customSymbolicLinkName"), text));
                one.link_name = usual;
            }
        }
        for (key, text) in renamed {
            self.note(&key, text);
        }
    }
}

fn place(one: &ObservedCertificate) -> (StoreLocation, String) {
    (one.store.clone(), one.link_name.clone())
}

#[cfg(test)]
mod tests {
    use object_id::VaultSuffixes;
    use serde_json::{Value, json};

    use super::*;

    fn settings(document: &Value) -> Settings {
        crate::parse(document, &VaultSuffixes::known()).unwrap().settings
    }

    fn examples() -> Vec<(String, Settings)> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
        let read = |entry: std::io::Result<std::fs::DirEntry>| {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, settings(&serde_json::from_str(&text).unwrap()))
        };
        std::fs::read_dir(folder).unwrap().map(read).collect()
    }

    #[test]
    fn a_version_is_known_by_its_first_number() {
        for text in ["3", "3.x", "3.0", "3.5.3041.185"] {
            assert_eq!(Generation::parse(text), Some(Generation::Three), "{text}");
        }
        for text in ["", "x", "0", "5", "v3", "33", " 3"] {
            assert_eq!(Generation::parse(text), None, "{text}");
        }
    }

    /// Vaults, objects, stores, links, identities and access: what must not move. Of 4.x that is
    /// the name that it gives.
    #[test]
    fn nothing_that_is_named_moves_in_any_example_of_any_generation() {
        let mut seen = 0;
        for (name, original) in examples() {
            for generation in Generation::ALL {
                let (explicit, changes) = generation.explicit(&original);
                let document = explicit.to_document();
                assert_eq!(settings(&document), explicit, "{name}: {document}");
                let back = restored(&explicit, &original);
                if generation != Generation::Four {
                    assert_eq!(back, original, "{name} of {generation}");
                }
                let of_place = |one: &ObservedCertificate| {
                    (one.id.clone(), one.store.clone(), one.identity.clone(), one.acls.clone())
                };
                let places =
                    |all: &Settings| all.certificates.iter().map(of_place).collect::<Vec<_>>();
                assert_eq!(places(&explicit), places(&original), "{name} of {generation}");
                assert_eq!(generation.explicit(&explicit), (explicit, Vec::new()), "{changes:?}");
                seen += 1;
            }
        }
        assert!(seen > 40);
    }

    /// `explicit` with what `original` left to a default.
    fn restored(explicit: &Settings, original: &Settings) -> Settings {
        let mut back = Settings { retain_versions: original.retain_versions, ..explicit.clone() };
        for (one, before) in back.certificates.iter_mut().zip(&original.certificates) {
            if before.layout == FileLayout::Unstated {
                one.layout = FileLayout::Unstated;
            }
        }
        back
    }

    #[test]
    fn what_4x_does_always_is_said() {
        let entry = json!({
            "url": "https://contoso.vault.azure.net/secrets/web", "customSymbolicLinkName": "site",
        });
        let (explicit, changes) = Generation::Four.explicit(&settings(&json!({
            "secretsManagementSettings": {
                "pollingIntervalInS": "60", "requireInitialSync": false, "aclEnabled": "false",
                "observedCertificates": [entry],
            },
        })));
        assert_eq!(explicit.polling_interval, Duration::from_secs(300));
        assert!(explicit.require_initial_sync && explicit.acl_enabled);
        assert_eq!(explicit.retain_versions, Retain::Versions(2));
        let one = &explicit.certificates[0];
        assert_eq!((one.layout, one.link_name.as_str()), (FileLayout::Split, "contoso.web"));
        let keys: Vec<_> = changes.iter().map(|change| change.path.as_str()).collect();
        let expected = [
            "certificateFileLayout",
            "requireInitialSync",
            "aclEnabled",
            "pollingIntervalInS",
            "observedCertificates[0].customSymbolicLinkName",
        ];
        assert_eq!(keys, expected.map(|key| format!("secretsManagementSettings.{key}")));
    }

    #[test]
    fn a_name_that_4x_would_give_twice_stays_free() {
        let url = "https://contoso.vault.azure.net/secrets/web";
        let entries = json!([{"url": url}, {"url": url, "customSymbolicLinkName": "site"}]);
        let document = json!({"secretsManagementSettings": {"observedCertificates": entries}});
        let (explicit, _) = Generation::Four.explicit(&settings(&document));
        assert_eq!(explicit.certificates[1].link_name, "site");
    }

    #[test]
    fn versions_stay_that_a_generation_keeps() {
        let urls = ["https://contoso.vault.azure.net/secrets/web"];
        let document = json!({"secretsManagementSettings": {"observedCertificates": urls}});
        for generation in Generation::ALL {
            let (explicit, _) = generation.explicit(&settings(&document));
            let all = generation < Generation::Four;
            assert_eq!(explicit.retain_versions == Retain::All, all, "{generation}");
        }
    }
}
