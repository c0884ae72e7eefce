//! What is kept of a certificate's last mile: the files that consumers open beside the store, what
//! the consumers have yet to be told, and which versions did not work for them.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::grantee_record::GranteeRecord;

/// How the delivery of one certificate to its consumers stands. Empty for a certificate whose
/// settings ask for nothing beside the store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeliveryRecord {
    /// The output files of the active generation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<OutputRecord>,
    /// Those of the generation before it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub previous_outputs: Vec<OutputRecord>,
    /// The directories behind links that outputs are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub output_directories: Vec<OutputDirectoryRecord>,
    /// Whom the names of their owners, groups and readers meant.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<GranteeRecord>,
    /// Files of others that outputs took the place of; their bytes are kept.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replaced: Vec<ReplacedRecord>,
    /// Whether links and outputs were being moved to the active generation when this was written:
    /// a worker that begins and finds it finishes that first.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub switching: bool,
    /// What the consumers have yet to be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reaction: Option<ReactionRecord>,
    /// Versions that stay outside, although the vault offers them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<HeldRecord>,
}

/// One output file, as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OutputRecord {
    /// Its path.
    pub path: PathBuf,
    /// The vault's version that it was made of.
    pub version: String,
    /// A fingerprint of its form and options.
    pub spec: String,
    /// SHA-256 of its content, hexadecimal.
    pub digest: String,
}

/// The directories behind one link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OutputDirectoryRecord {
    /// The link's path.
    pub link: PathBuf,
    /// The name of the directory that it leads to, beside it.
    pub current: String,
    /// The one that it led to before.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub previous: Option<String>,
}

/// A file of somebody else's that an output took the place of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplacedRecord {
    /// Where it stood.
    pub path: PathBuf,
    /// SHA-256 of its content, hexadecimal.
    pub digest: String,
}

/// A reaction that is due: it is tried until it works, across restarts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReactionRecord {
    /// Why the consumers are told: `installed`, `rotated`, `repaired` or `rolledBack`.
    pub reason: String,
    /// Since when it is due.
    pub since: Timestamp,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next.
    pub next_attempt_at: Timestamp,
    /// Why the last try failed, in words for a person.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub problem: Option<String>,
}

/// A version that stays outside, because consumers refused it or an operator went back from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeldRecord {
    /// The vault's version.
    pub version: String,
    /// Why, in words for a person.
    pub because: String,
    /// Since when.
    pub since: Timestamp,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried again; `null` where only an operator's word or a newer version ends it.
    pub retry_at: Option<Timestamp>,
}

/// Something that happened to a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventRecord {
    /// When.
    pub at: Timestamp,
    /// What: `installed`, `rotated`, `repaired`, `adopted`, `checkFailed`, `reacted`,
    /// `reactionFailed`, `rolledBack` or `released`.
    pub what: String,
    /// The vault's version that it is about.
    pub version: String,
    /// The rest of the story, in words for a person.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detail: Option<String>,
}

impl DeliveryRecord {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What is known of `version` being held.
    pub fn held(&self, version: &str) -> Option<&HeldRecord> {
        self.held.iter().find(|held| held.version.eq_ignore_ascii_case(version))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_delivery_takes_no_room_and_a_full_one_reads_back() {
        assert_eq!(serde_json::to_string(&DeliveryRecord::default()).unwrap(), "{}");
        let at: Timestamp = std::time::SystemTime::UNIX_EPOCH.into();
        let full = DeliveryRecord {
            outputs: vec![OutputRecord {
                path: "/etc/web.pem".into(),
                version: "v2".into(),
                spec: "combined".into(),
                digest: "d".into(),
            }],
            previous_outputs: Vec::new(),
            accounts: Vec::new(),
            output_directories: vec![OutputDirectoryRecord {
                link: "/etc/web".into(),
                current: ".web.2".into(),
                previous: Some(".web.1".into()),
            }],
            replaced: vec![ReplacedRecord { path: "/etc/web.pem".into(), digest: "e".into() }],
            switching: true,
            reaction: Some(ReactionRecord {
                reason: "rotated".into(),
                since: at,
                attempts: 1,
                next_attempt_at: at,
                problem: None,
            }),
            held: vec![HeldRecord {
                version: "ABC".into(),
                because: "the check failed".into(),
                since: at,
                attempts: 1,
                retry_at: None,
            }],
        };
        let text = serde_json::to_string(&full).unwrap();
        assert_eq!(serde_json::from_str::<DeliveryRecord>(&text).unwrap(), full);
        assert!(full.held("abc").is_some() && full.held("x").is_none());
    }
}
