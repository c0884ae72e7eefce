//! What is known of a certificate that was written.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::delivery_record::{DeliveryRecord, EventRecord};
use crate::grantee_record::GranteeRecord;

/// What the worker knows of one certificate in one place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateRecord {
    /// The store that the link lies in.
    pub store: PathBuf,
    /// The link's name; with the store, it names the record.
    pub link: String,
    /// The URL that was observed when this was written.
    pub url: String,
    /// What consumers are meant to see; drift is measured against it.
    pub active: Option<GenerationRecord>,
    /// What they saw before, kept for a way back.
    pub previous: Option<GenerationRecord>,
    /// Every file that stands for this certificate.
    pub files: Vec<FileRecord>,
    /// The directories that the extension made on the way to the store.
    #[serde(default)]
    pub directories: Vec<PathBuf>,
    /// Who was given access when it was last installed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grantees: Vec<GranteeRecord>,
    /// The leaf of the active generation.
    pub certificate: Option<InstalledCertificate>,
    /// How its delivery to consumers stands.
    #[serde(default, skip_serializing_if = "DeliveryRecord::is_empty")]
    pub delivery: DeliveryRecord,
    /// What happened to it, the latest last; the oldest are forgotten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<EventRecord>,
}

/// One version of a certificate, as it is installed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GenerationRecord {
    /// The vault's version.
    pub version: String,
    /// SHA-256 of the combined PEM, hexadecimal.
    pub digest: String,
}

/// A file that stands for a certificate. What the extension wrote, it may remove again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileRecord {
    /// Its name in the store.
    pub name: String,
    /// The vault's version that it holds.
    pub version: String,
    /// SHA-256 of its content, hexadecimal.
    pub digest: String,
    /// Since when it does not belong to the active generation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded_at: Option<Timestamp>,
    /// Whether it was found and taken over, not written: such a file is never removed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub adopted: bool,
    /// Whether it was taken over although it holds other certificates around the same key than the
    /// vault hands out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub differs: bool,
    /// Whether it was written for a switch that did not come.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub prepared: bool,
}

/// What a person wants to know of an installed certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstalledCertificate {
    /// The subject, as RFC 4514 prints it.
    pub subject: String,
    /// The issuer, likewise.
    pub issuer: String,
    /// The serial number, hexadecimal.
    pub serial: String,
    /// The first moment of its validity.
    pub not_before: Timestamp,
    /// The last moment of its validity.
    pub not_after: Timestamp,
    /// When it was installed.
    pub installed_at: Timestamp,
}

/// So many events are remembered for each certificate.
const MOST_EVENTS: usize = 50;

impl CertificateRecord {
    /// Remembers what happened, and forgets what happened long before. Of a failure that comes
    /// again and again, the first and the last are remembered: they must not push out all else.
    pub fn tell(&mut self, event: EventRecord) {
        let is_again = |one: &EventRecord| one.what == event.what && one.version == event.version;
        if event.what.ends_with("Failed")
            && matches!(self.history.as_slice(), [.., a, b] if is_again(a) && is_again(b))
        {
            self.history.pop();
        }
        self.history.push(event);
        let surplus = self.history.len().saturating_sub(MOST_EVENTS);
        self.history.drain(..surplus);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn record(link: &str) -> CertificateRecord {
        CertificateRecord {
            store: "/store".into(),
            link: link.into(),
            url: "https://contoso.vault.azure.net/secrets/web".into(),
            active: Some(GenerationRecord { version: "2".into(), digest: "d".into() }),
            previous: None,
            files: vec![FileRecord {
                name: format!("{link}.1"),
                version: "1".into(),
                digest: "d".into(),
                superseded_at: Some(std::time::SystemTime::UNIX_EPOCH.into()),
                adopted: false,
                differs: false,
                prepared: false,
            }],
            directories: vec!["/store".into()],
            grantees: Vec::new(),
            certificate: None,
            delivery: DeliveryRecord::default(),
            history: Vec::new(),
        }
    }

    #[test]
    fn of_a_long_history_the_end_is_remembered() {
        let mut record = record("a");
        for number in 0..200 {
            record.tell(EventRecord {
                at: std::time::SystemTime::UNIX_EPOCH.into(),
                what: "rotated".into(),
                version: number.to_string(),
                detail: None,
            });
        }
        assert_eq!(record.history.len(), MOST_EVENTS);
        assert_eq!(record.history.last().unwrap().version, "199");
    }

    #[test]
    fn of_a_failure_that_comes_again_the_first_and_the_last_are_remembered() {
        let mut record = record("a");
        let mut tell = |what: &str, detail: &str| {
            record.tell(EventRecord {
                at: std::time::SystemTime::UNIX_EPOCH.into(),
                what: what.into(),
                version: "2".into(),
                detail: Some(detail.into()),
            });
        };
        tell("rotated", "");
        (0..100).for_each(|number| tell("reactionFailed", &number.to_string()));
        tell("reacted", "");
        let history: Vec<String> = record
            .history
            .iter()
            .map(|event| format!("{} {}", event.what, event.detail.as_deref().unwrap_or_default()))
            .collect();
        assert_eq!(history, ["rotated ", "reactionFailed 0", "reactionFailed 99", "reacted "]);
    }
}
