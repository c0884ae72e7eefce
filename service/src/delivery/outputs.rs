//! Between what the outputs' store knows ([`OutputLedger`]) and what is kept on disk
//! ([`DeliveryRecord`]).

use cert_store::{
    OutputDirectoryRecord as Directory, OutputFileRecord, OutputLedger, ReplacedFile,
};
use worker_state::{
    CertificateRecord, DeliveryRecord, OutputDirectoryRecord, OutputRecord, ReplacedRecord,
};

use crate::record;

/// What is known of a certificate's outputs; nothing where it has none.
pub(crate) fn ledger(record: Option<&CertificateRecord>) -> OutputLedger {
    let Some(record) = record else { return OutputLedger::default() };
    let file = |kept: &OutputRecord| OutputFileRecord {
        path: kept.path.clone(),
        version: kept.version.clone(),
        spec: kept.spec.clone(),
        digest: kept.digest.clone(),
    };
    let foreign = |kept: &ReplacedRecord| ReplacedFile {
        path: kept.path.clone(),
        digest: kept.digest.clone(),
    };
    let directory = |kept: &OutputDirectoryRecord| Directory {
        link: kept.link.clone(),
        current: kept.current.clone(),
        previous: kept.previous.clone(),
    };
    let delivery = &record.delivery;
    OutputLedger {
        files: delivery.outputs.iter().map(file).collect(),
        previous: delivery.previous_outputs.iter().map(file).collect(),
        replaced: delivery.replaced.iter().map(foreign).collect(),
        directories: delivery.output_directories.iter().map(directory).collect(),
        accounts: delivery.accounts.iter().filter_map(record::grantee).collect(),
    }
}

/// Keeps it.
pub(crate) fn keep(delivery: &mut DeliveryRecord, ledger: &OutputLedger) {
    let file = |known: &OutputFileRecord| OutputRecord {
        path: known.path.clone(),
        version: known.version.clone(),
        spec: known.spec.clone(),
        digest: known.digest.clone(),
    };
    let foreign = |known: &ReplacedFile| ReplacedRecord {
        path: known.path.clone(),
        digest: known.digest.clone(),
    };
    let directory = |known: &Directory| OutputDirectoryRecord {
        link: known.link.clone(),
        current: known.current.clone(),
        previous: known.previous.clone(),
    };
    delivery.outputs = ledger.files.iter().map(file).collect();
    delivery.previous_outputs = ledger.previous.iter().map(file).collect();
    delivery.replaced = ledger.replaced.iter().map(foreign).collect();
    delivery.accounts = ledger.accounts.iter().map(record::grantee_record).collect();
    delivery.output_directories = ledger.directories.iter().map(directory).collect();
}
