//! Certificates on this machine: which files and links stand where, who may read them, and how
//! they change.
//!
//! [`CertificateStore`] is the seam; [`DirectoryStore`] is the store that Linux has. Links are
//! what applications open. At every moment each leads to a complete file, and nothing is written
//! when nothing changes.
//!
//! In the split layout a reader that opens the links to chain and key one after the other can
//! straddle a switch, as with any two paths: in a test with 1,000 rotations and readers in a tight
//! loop about 1 of 300 pairs did. A reader that finds the metadata file (`LINK.luma`) there and
//! the same before and after never does, because that file is away while the links move.

mod access;
mod accounts;
mod digest;
mod directory_store;
mod error;
mod ledger;
mod luma;
mod names;
mod output_error;
mod outputs;
mod pieces;
mod plan;
mod posix_acl;
mod private_file;
mod read_before;
mod store;
mod target;

pub use accounts::{Accounts, NameService};
pub use directory_store::{Closed, DirectoryStore, Fate, Inheritance, Inherited, Prepared};
pub use error::StoreError;
pub use ledger::{Generation, Grantee, GranteeKind, Ledger, LedgerFile};
pub use names::Layout;
pub use output_error::OutputError;
pub use outputs::{
    FileAccess, Form, Material, Output, OutputDirectoryRecord, OutputFileRecord, OutputLedger,
    OutputStore, PreparedOutputs, ReplacedFile, SetFile,
};
pub use read_before::ReadBefore;
pub use store::{
    Announce, Announcement, CertificateStore, Change, Drift, Installed, Retirement, Standing,
    Wanted,
};
pub use target::{Grant, Retain, StoreLocation, Target, unite_grants};
