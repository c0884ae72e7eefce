//! Between what the store knows ([`Ledger`]) and what is kept on disk ([`CertificateRecord`]).

use std::time::SystemTime;

use cert_store::{Generation, Ledger, LedgerFile};
use certified_key::Certificate;
use worker_state::{CertificateRecord, FileRecord, GenerationRecord, InstalledCertificate};

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
    }
}

fn ledger_file(kept: &FileRecord) -> LedgerFile {
    LedgerFile {
        name: kept.name.clone(),
        version: kept.version.clone(),
        digest: kept.digest.clone(),
        superseded: kept.superseded_at.map(|at| at.moment()),
        adopted: kept.adopted,
    }
}

/// What is kept of a certificate: what the store says, and whom the certificate names.
pub(crate) fn record(
    target: &Target,
    ledger: &Ledger,
    certificate: Option<InstalledCertificate>,
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
    };
    CertificateRecord {
        store: target.store(),
        link: target.name().to_owned(),
        url: target.id.to_string(),
        active: ledger.active.as_ref().map(generation),
        previous: ledger.previous.as_ref().map(generation),
        files: ledger.files.iter().map(file).collect(),
        directories: ledger.directories.clone(),
        certificate,
    }
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
