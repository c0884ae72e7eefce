//! Names of files and links in a store directory.
//!
//! The combined layout is that of the Key Vault VM extension 3.x for Linux, the split layout that
//! of 4.x (<https://learn.microsoft.com/azure/virtual-machines/extensions/key-vault-linux>).

use std::time::{SystemTime, UNIX_EPOCH};

use object_id::ObjectId;

/// One way to lay a certificate out in files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Layout {
    /// One file: leaf, issuers, private key; and a link to it.
    Combined,
    /// A file with the chain, a file with the key, a link to each, and a metadata file that is
    /// replaced last.
    Split,
}

/// One file of a layout, with a link to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// Leaf, issuers, private key.
    Combined,
    /// Leaf and issuers.
    Chain,
    /// The private key.
    Key,
}

impl Part {
    /// The parts of a layout in the order in which their links move.
    pub(crate) fn of(layout: Layout) -> &'static [Part] {
        match layout {
            Layout::Combined => &[Part::Combined],
            Layout::Split => &[Part::Chain, Part::Key],
        }
    }

    fn ending(self) -> &'static str {
        match self {
            Part::Combined => "",
            Part::Chain => ".pem",
            Part::Key => ".keyid",
        }
    }

    /// The name of the link that applications open.
    pub(crate) fn link(self, link_name: &str) -> String {
        format!("{link_name}{}", self.ending())
    }

    /// The name of a new file. The split layout's carries the second it was written in, so a
    /// version that is written twice never changes under a reader.
    pub(crate) fn file(self, id: &ObjectId, version: &str, now: SystemTime) -> String {
        let stem = self.stem(id, version);
        match self {
            Part::Combined => stem,
            Part::Chain | Part::Key => format!("{stem}{}", seconds(now)),
        }
    }

    /// Whether `name` is a file of this part and version, whoever wrote it.
    pub(crate) fn is_file(self, name: &str, id: &ObjectId, version: &str) -> bool {
        let rest = name.strip_prefix(self.stem(id, version).as_str());
        match self {
            Part::Combined => rest == Some(""),
            // However it is spelled, a timestamp begins with a digit; `.bak` does not.
            Part::Chain | Part::Key => {
                rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
            }
        }
    }

    /// What the name of every file of this part and version begins with; where the part has only
    /// one, its whole name.
    pub(crate) fn stem(self, id: &ObjectId, version: &str) -> String {
        let name = format!("{}.{}.{version}{}", id.vault().name(), id.name(), self.ending());
        match self {
            Part::Combined => name,
            Part::Chain | Part::Key => name + ".",
        }
    }
}

/// The metadata file of the split layout.
pub(crate) fn metadata(link_name: &str) -> String {
    format!("{link_name}{METADATA}")
}

/// Whether a file in the ledger is a metadata file: all others end in a version or a timestamp.
pub(crate) fn is_metadata(name: &str) -> bool {
    name.ends_with(METADATA)
}

const METADATA: &str = ".luma";

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use object_id::VaultSuffixes;

    use super::*;

    const VERSION: &str = "0123456789abcdef0123456789abcdef";

    fn id() -> ObjectId {
        let url = "https://exampleVault.vault.azure.net/secrets/myCertificate";
        ObjectId::parse(url, &VaultSuffixes::known()).unwrap()
    }

    #[test]
    fn the_names_are_the_official_extensions() {
        let at = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let names = [
            (Part::Combined, "web", "".to_owned()),
            (Part::Chain, "web.pem", ".pem.1700000000".to_owned()),
            (Part::Key, "web.keyid", ".keyid.1700000000".to_owned()),
        ];
        for (part, link, ending) in names {
            assert_eq!(part.link("web"), link);
            let file = part.file(&id(), VERSION, at);
            assert_eq!(file, format!("exampleVault.myCertificate.{VERSION}{ending}"));
            assert!(part.is_file(&file, &id(), VERSION));
        }
        assert_eq!(metadata("web"), "web.luma");
    }

    #[test]
    fn a_file_of_one_part_is_none_of_another() {
        let at = UNIX_EPOCH;
        let parts = [Part::Combined, Part::Chain, Part::Key];
        for one in parts {
            for two in parts {
                let file = one.file(&id(), VERSION, at);
                assert_eq!(two.is_file(&file, &id(), VERSION), one == two);
            }
        }
        assert!(!Part::Chain.is_file(
            &format!("exampleVault.myCertificate.{VERSION}.pem."),
            &id(),
            VERSION
        ));
    }
}
