//! The seam between the sync worker and whatever keeps certificates on a machine.

use std::fmt;
use std::path::PathBuf;
use std::time::SystemTime;

use certified_key::{CertifiedKey, Content};

use crate::error::StoreError;
use crate::ledger::{Generation, Ledger};
use crate::names::Layout;
use crate::read_before::ReadBefore;
use crate::target::{StoreLocation, Target};

/// A place that keeps certificates: a directory here, a certificate store on other systems.
///
/// An installation has two halves. [`prepare`](Self::prepare) puts the new files beside the old
/// ones; nothing that an application opens has changed then, and the caller may still
/// [`discard`](Self::discard) it. [`switch`](Self::switch) moves the links. To go back, install
/// what [`recall`](Self::recall) returns for the ledger's previous generation.
pub trait CertificateStore: Send + Sync {
    /// What stands between the two halves of an installation.
    type Prepared;

    /// Compares what stands there with what the ledger says. Reads only, and only what was touched
    /// since it was `read_before`; `now` is not later than the call.
    ///
    /// # Errors
    /// When the store cannot be read, or something foreign stands in the way.
    fn standing(
        &self,
        target: &Target,
        ledger: &Ledger,
        read_before: &ReadBefore,
        now: SystemTime,
    ) -> Result<Standing, StoreError>;

    /// What is wrong with the access that was asked for, in sentences for a warning: unknown
    /// users, directories they cannot pass. Reads only; empty means that every grant is usable.
    fn grant_warnings(&self, target: &Target, ledger: &Ledger) -> Vec<String>;

    /// The layouts whose links already stand there under this name. Reads only.
    ///
    /// # Errors
    /// When the store cannot be read. A store that does not exist has none.
    fn layouts_found(
        &self,
        location: &StoreLocation,
        link_name: &str,
    ) -> Result<Vec<Layout>, StoreError>;

    /// Reads a generation back from the store; `None` if it is not there unchanged.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn recall(
        &self,
        target: &Target,
        generation: &Generation,
        ledger: &Ledger,
    ) -> Result<Option<Content>, StoreError>;

    /// What applications find under the target's links although no ledger knows of it: the version
    /// that the files' names say, and what they hold. `None` where that is no certificate with its
    /// key. Reads only.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn found(&self, target: &Target) -> Result<Option<(String, CertifiedKey)>, StoreError>;

    /// Puts new files beside the old ones. Before one is made that the ledger does not have,
    /// `announce` is told the ledger that has it: kept durably, it lets the files of a pass that
    /// was killed be removed once nobody wants them.
    ///
    /// # Errors
    /// When that is impossible; what is installed is untouched then.
    fn prepare(
        &self,
        target: &Target,
        wanted: Wanted<'_>,
        ledger: &Ledger,
        announce: Announce<'_>,
        now: SystemTime,
    ) -> Result<Self::Prepared, StoreError>;

    /// What [`switch`](Self::switch) will report: the ledger in it can be kept before the switch,
    /// so that a crash in between is finished by the next pass, never undone.
    fn outcome<'p>(&self, prepared: &'p Self::Prepared) -> &'p Installed;

    /// Makes what was prepared visible.
    ///
    /// # Errors
    /// When the disk refuses: each link is old or new then, and the next pass finishes it.
    fn switch(&self, prepared: Self::Prepared) -> Result<Installed, StoreError>;

    /// Removes what was prepared.
    ///
    /// # Errors
    /// When a file cannot be removed.
    fn discard(&self, prepared: Self::Prepared) -> Result<(), StoreError>;

    /// Removes versions that nobody needs any more, and takes them off the ledgers. Called once a
    /// pass with *every* target: what one of them needs is kept for all.
    fn retire(&self, targets: &mut [(&Target, &mut Ledger)], now: SystemTime) -> Retirement;

    /// Removes the temporary files of a killed predecessor; returns how many. Only for the one
    /// process that may write to the store.
    ///
    /// # Errors
    /// When the store cannot be read or a file cannot be removed.
    fn sweep(&self, location: &StoreLocation) -> Result<usize, StoreError>;
}

/// Is told what is about to stand in the store, before anything does.
pub type Announce<'a> = &'a mut dyn FnMut(&Announcement<'_>);

/// What is about to stand in the store. Whoever keeps one of the ledgers can tell after a crash
/// what was left behind.
#[derive(Clone, Copy, Debug)]
pub struct Announcement<'a> {
    /// The ledger with the files that are about to be made, which nothing leads to yet.
    pub ahead: &'a Ledger,
    /// The ledger once everything is switched. Kept instead, it makes the next installation finish
    /// this one.
    pub after: &'a Ledger,
    /// What changes with the switch.
    pub change: Change,
}

/// One version of a target's content.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The vault's version.
    pub version: &'a str,
    /// What it holds.
    pub content: &'a Content,
}

/// How a target stands, compared with its ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The ledger knows of no installation of this certificate.
    Absent,
    /// As the ledger says.
    Intact,
    /// Otherwise, in these points.
    Drifted(Vec<Drift>),
}

/// One difference between the store and the ledger. `Display` is a sentence for the log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Drift {
    /// The store itself is gone.
    StoreMissing(PathBuf),
    /// A file is gone, or something that is no file stands in its place.
    FileMissing(PathBuf),
    /// A file's content is not what was installed.
    FileChanged(PathBuf),
    /// Owner, mode or access-control list of a file differ.
    FileAccess(PathBuf),
    /// Mode or access-control list of a directory of the extension's own differ.
    DirectoryAccess(PathBuf),
    /// A link is gone.
    LinkMissing(PathBuf),
    /// A link leads elsewhere.
    LinkMoved {
        /// The link.
        link: PathBuf,
        /// Where it leads.
        to: PathBuf,
    },
    /// A layout that is asked for was never written.
    LayoutMissing(Layout),
    /// An output that is asked for was never written.
    OutputUnwritten(PathBuf),
    /// An output holds another form than is asked for.
    OutputForm(PathBuf),
    /// An output does not open with the password that it is to have.
    OutputPassword(PathBuf),
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StoreMissing(path) => write!(f, "the store {path:?} is gone"),
            Self::FileMissing(path) => write!(f, "the file {path:?} is gone"),
            Self::FileChanged(path) => write!(f, "the content of {path:?} was changed"),
            Self::FileAccess(path) => {
                write!(f, "owner, mode or access-control list of {path:?} are not as asked for")
            }
            Self::DirectoryAccess(path) => {
                write!(f, "mode or access-control list of {path:?} are not as asked for")
            }
            Self::LinkMissing(path) => write!(f, "the link {path:?} is gone"),
            Self::LinkMoved { link, to } => write!(f, "the link {link:?} leads to {to:?}"),
            Self::LayoutMissing(Layout::Combined) => f.write_str("the combined file is missing"),
            Self::LayoutMissing(Layout::Split) => f.write_str("the split files are missing"),
            Self::OutputUnwritten(path) => write!(f, "the output {path:?} was not written yet"),
            Self::OutputForm(path) => write!(f, "the output {path:?} is to have another form"),
            Self::OutputPassword(path) => write!(f, "the password of {path:?} has changed"),
        }
    }
}

/// What an installation changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The first version of this target.
    New,
    /// Another version.
    Rotated,
    /// The same version, put right.
    Repaired,
    /// The first version, found in place and taken over.
    Adopted,
    /// Nothing, not a single write.
    Same,
}

/// A finished installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// What changed.
    pub change: Change,
    /// The ledger from now on; to be kept durably.
    pub ledger: Ledger,
    /// The links, and the metadata file where there is one.
    pub paths: Vec<PathBuf>,
    /// The file that the first link leads to.
    pub file: PathBuf,
    /// Grants that are not in force.
    pub warnings: Vec<String>,
}

/// What [`CertificateStore::retire`] did.
#[derive(Debug, Default)]
pub struct Retirement {
    /// The files that were removed.
    pub removed: Vec<PathBuf>,
    /// Stores that could not be read and files that could not be removed; tried again next time.
    pub problems: Vec<StoreError>,
}
