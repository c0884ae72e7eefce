//! Between what the store knows ([`Ledger`]) and what is kept on disk ([`CertificateRecord`]).

use std::time::SystemTime;

use cert_store::{Change, Generation, Grantee, GranteeKind, Ledger, LedgerFile};
use certified_key::Certificate;
use worker_state::{
    CertificateRecord, EventRecord, FileRecord, GenerationRecord, GranteeRecord,
    InstalledCertificate, fingerprint,
};

use crate::guard::Validity;
use crate::target::Target;

/// What the store is told about a certificate's past; nothing where it has none.
pub(crate) fn ledger(record: Option<&CertificateRecord>) -> Ledger {
    let Some(record) = record else { return Ledger::default() };
    let generation = |kept: &GenerationRecord| Generation {
        version: kept.version.clone(),
        digest: kept.digest.clone(),
    };
    Ledger {
        active: record.active.as_ref().map(generation),
        previous: record.previous.as_ref().map(generation),
        files: record.files.iter().map(ledger_file).collect(),
        directories: record.directories.clone(),
        grantees: record.grantees.iter().filter_map(grantee).collect(),
    }
}

/// Whom a name meant, as the store knows it.
pub(crate) fn grantee(kept: &GranteeRecord) -> Option<Grantee> {
    let (kind, name) = match (&kept.user, &kept.group) {
        (Some(user), _) => (GranteeKind::User, user),
        (None, Some(group)) => (GranteeKind::Group, group),
        (None, None) => return None,
    };
    Some(Grantee { kind, name: name.clone(), id: kept.id, withdrawn: kept.withdrawn })
}

/// The same, as it is kept.
pub(crate) fn grantee_record(known: &Grantee) -> GranteeRecord {
    let named = |kind| (known.kind == kind).then(|| known.name.clone());
    GranteeRecord {
        user: named(GranteeKind::User),
        group: named(GranteeKind::Group),
        id: known.id,
        withdrawn: known.withdrawn,
    }
}

fn ledger_file(kept: &FileRecord) -> LedgerFile {
    LedgerFile {
        name: kept.name.clone(),
        version: kept.version.clone(),
        digest: kept.digest.clone(),
        superseded: kept.superseded_at.map(|at| at.moment()),
        adopted: kept.adopted,
        differs: kept.differs,
        prepared: kept.prepared,
    }
}

/// What is kept of a certificate: what the store says, whom the certificate names, and what was
/// kept of its delivery and its history `before`.
pub(crate) fn record(
    target: &Target,
    ledger: &Ledger,
    certificate: Option<InstalledCertificate>,
    before: Option<&CertificateRecord>,
) -> CertificateRecord {
    let generation = |known: &Generation| GenerationRecord {
        version: known.version.clone(),
        digest: known.digest.clone(),
    };
    let file = |known: &LedgerFile| FileRecord {
        name: known.name.clone(),
        version: known.version.clone(),
        digest: known.digest.clone(),
        superseded_at: known.superseded.map(Into::into),
        adopted: known.adopted,
        differs: known.differs,
        prepared: known.prepared,
    };
    CertificateRecord {
        store: target.store(),
        link: target.name().to_owned(),
        url: target.id.to_string(),
        active: ledger.active.as_ref().map(generation),
        previous: ledger.previous.as_ref().map(generation),
        files: ledger.files.iter().map(file).collect(),
        directories: ledger.directories.clone(),
        grantees: ledger.grantees.iter().map(grantee_record).collect(),
        certificate,
        delivery: before.map(|record| record.delivery.clone()).unwrap_or_default(),
        history: before.map(|record| record.history.clone()).unwrap_or_default(),
    }
}

/// The word for a change in a certificate's history.
pub(crate) fn event(change: Change) -> Option<&'static str> {
    match change {
        Change::New => Some("installed"),
        Change::Rotated => Some("rotated"),
        Change::Repaired => Some("repaired"),
        Change::Adopted => Some("adopted"),
        Change::Same => None,
    }
}

/// A line of a certificate's history.
pub(crate) fn told(what: &str, version: &str, now: SystemTime) -> EventRecord {
    EventRecord { at: now.into(), what: what.into(), version: version.into(), detail: None }
}

/// The installed version; empty where there is none.
pub(crate) fn active_version(record: &CertificateRecord) -> &str {
    record.active.as_ref().map_or("", |active| &active.version)
}

/// Whether `version` is the installed one.
pub(crate) fn is_active(record: Option<&CertificateRecord>, version: &str) -> bool {
    let active = record.and_then(|record| record.active.as_ref());
    active.is_some_and(|active| active.version.eq_ignore_ascii_case(version))
}

/// A name for a directory of a target's own: no two targets share one.
pub(crate) fn file_name(target: &Target) -> String {
    fingerprint(&[target.link().as_os_str().as_encoded_bytes()])
}

/// Whether a record is of the certificate that is observed now. A link keeps its record when the
/// settings give its name to another certificate.
pub(crate) fn is_of(record: &CertificateRecord, target: &Target) -> bool {
    let object = target.id.unversioned().to_string().to_ascii_lowercase();
    let recorded = record.url.to_ascii_lowercase();
    recorded == object || recorded.strip_prefix(&object).is_some_and(|rest| rest.starts_with('/'))
}

/// Whether what a record knows to be installed is what is observed now: the same certificate, and
/// the same version where the settings pin one.
pub(crate) fn is_wanted(record: &CertificateRecord, target: &Target) -> bool {
    let active = record.active.as_ref().map(|active| active.version.as_str());
    let pinned = target.id.version();
    let is_pinned = pinned
        .is_none_or(|pinned| active.is_some_and(|active| active.eq_ignore_ascii_case(pinned)));
    active.is_some() && is_pinned && is_of(record, target)
}

/// What people want to know of a certificate that has just been installed.
pub(crate) fn installed(leaf: &Certificate, now: SystemTime) -> InstalledCertificate {
    InstalledCertificate {
        subject: leaf.subject().to_owned(),
        issuer: leaf.issuer().to_owned(),
        serial: leaf.serial().to_owned(),
        not_before: leaf.not_before().into(),
        not_after: leaf.not_after().into(),
        installed_at: now.into(),
    }
}

/// The span in which an installed certificate may be used.
pub(crate) fn validity(installed: &InstalledCertificate) -> Validity {
    Validity {
        begins: Some(installed.not_before.moment()),
        ends: Some(installed.not_after.moment()),
    }
}
