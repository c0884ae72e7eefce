//! Everything that outlives a process, and nothing else.
//!
//! The handler and the worker never talk to each other; they meet in the files that this crate
//! defines. Each file has one writer, is replaced atomically, and may be read at any time:
//!
//! | file                        | writer          | says                                          |
//! | --------------------------- | --------------- | --------------------------------------------- |
//! | `STATE/lease` (locked)      | the worker      | a worker lives                                |
//! | `RUNTIME/worker.json`       | the worker      | which process it is and what it serves        |
//! | `STATE/handler.lock`        | the handler     | a handler command is at work                  |
//! | `STATE/assignment.json`     | the handler     | what the worker is to serve                   |
//! | `STATE/update.json`         | the handler     | an update is under way                        |
//! | `STATE/initial-sync.json`   | the worker      | how far the first sync has come               |
//! | `STATE/records/*.json`      | the worker      | what was written for each certificate         |
//! | `STATE/made-directories.json` | `confine`     | which directories are the extension's own     |
//! | `STATE/outputs/*`          | the worker      | bytes of output files, for the way back       |
//! | `RUNTIME/requests/*`        | commands, worker| what operators ask, and the answers           |
//! | `STATE/report.json`         | the worker      | how the certificates stand, for people        |
//!
//! **Invariant:** holding a [`Lease`] *is* the right to write what the worker writes. The lock dies
//! with its process, so there is no stale state to clean up after a kill.

mod assignment;
mod certificate_record;
mod delivery_record;
mod directories;
mod document;
mod environment;
mod fingerprint;
mod grantee_record;
mod holder;
mod initial_sync;
mod lease;
mod made_directories;
mod operator_request;
mod presence;
mod records;
mod report;
mod timestamp;
mod trusted;
pub mod unit;
mod update_marker;
pub mod version;

pub use assignment::{AgentPaths, Assignment, Refusal};
pub use certificate_record::{
    CertificateRecord, FileRecord, GenerationRecord, InstalledCertificate,
};
pub use delivery_record::{
    DeliveryRecord, EventRecord, HeldRecord, OutputDirectoryRecord, OutputRecord, ReactionRecord,
    ReplacedRecord,
};
pub use directories::{Account, Directories};
pub use document::StateError;
pub use environment::{Environment, EnvironmentError, name as environment_name};
pub use fingerprint::fingerprint;
pub use grantee_record::GranteeRecord;
pub use initial_sync::{InitialSyncPhase, InitialSyncRecord};
pub use lease::{HandlerLock, Lease, LeaseError, LeaseStanding};
pub use made_directories::MadeDirectories;
pub use operator_request::{OperatorAnswer, OperatorRequest, Wish};
pub use presence::{Presence, ProcessIdentity, WorkerSight};
pub use records::{Records, RecordsFolder};
pub use report::{CertificateReport, CertificateState, Report, WorkerReport};
pub use timestamp::Timestamp;
pub use trusted::{read_bounded, read_trusted};
pub use update_marker::UpdateMarker;
