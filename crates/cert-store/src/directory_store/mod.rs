//! A directory of files and links as a certificate store.

mod apply;
mod inherited;
pub(crate) mod reach;
mod retire;
mod seen;
mod survey;
mod switch;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use atomic_file::{Directory, FileError, Gate, KeptOpen, Opening};
use certified_key::{CertifiedKey, Content};

use crate::access::{Access, DIRECTORY, Granted};
use crate::accounts::{Accounts, NameService};
use crate::error::StoreError;
use crate::ledger::{Generation, Ledger};
use crate::names::{Layout, Part};
use crate::read_before::ReadBefore;
use crate::store::{Announce, CertificateStore, Installed, Retirement, Standing, Wanted};
use crate::target::{StoreLocation, Target};

pub use apply::Prepared;
pub use inherited::{Fate, Inheritance, Inherited};
use seen::SeenNames;

/// Certificates in directories, as files and relative links to them.
pub struct DirectoryStore {
    opening: Opening,
    accounts: Box<dyn Accounts>,
    grant_ancestors: bool,
    owner: (u32, u32),
    closed: BTreeMap<PathBuf, Closed>,
    /// Directories that were made since this store was, for ledgers that are written later.
    made: Mutex<BTreeSet<PathBuf>>,
    seen: SeenNames,
    opened: KeptOpen,
}

impl Default for DirectoryStore {
    fn default() -> Self {
        DirectoryStore {
            opening: Opening::default(),
            accounts: Box::new(NameService),
            grant_ancestors: false,
            owner: (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw()),
            closed: BTreeMap::new(),
            made: Mutex::default(),
            seen: SeenNames::default(),
            opened: KeptOpen::default(),
        }
    }
}

/// Why a store cannot be used by this process, whatever the disk says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// What closes it and what to do; stands behind the store's path in a sentence.
    pub why: String,
    /// Whether what is seen there is not what others see there.
    pub hidden: bool,
}

impl DirectoryStore {
    /// Files belong to the calling user; users and groups are looked up in the name service.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether grantees get search permission on directories above the store that the extension
    /// did not make. The administrator's choice, never the settings'.
    #[must_use]
    pub fn granting_ancestors(self, grant_ancestors: bool) -> Self {
        DirectoryStore { grant_ancestors, ..self }
    }

    /// Looks users and groups up elsewhere.
    #[must_use]
    pub fn with_accounts(self, accounts: impl Accounts + 'static) -> Self {
        DirectoryStore { accounts: Box::new(accounts), ..self }
    }

    /// Stores that cannot be used, so that this is said instead of what the disk would say.
    #[must_use]
    pub fn closed(self, closed: BTreeMap<PathBuf, Closed>) -> Self {
        DirectoryStore { closed, ..self }
    }

    /// Directories of the extension's own that were made before this process began.
    #[must_use]
    pub fn having_made(self, made: BTreeSet<PathBuf>) -> Self {
        DirectoryStore { made: Mutex::new(made), ..self }
    }

    /// Takes note of directories of the extension's own. Which of them were made for one certificate
    /// is in its ledger, and in nobody else's.
    pub fn remember<'p>(&self, made: impl IntoIterator<Item = &'p PathBuf>) {
        let mut known = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        for path in made {
            if !known.contains(path) {
                known.insert(path.clone());
            }
        }
    }

    /// Makes the directory of a store where it is missing, as an installation does; says what was
    /// made, outermost first.
    ///
    /// # Errors
    /// Where a directory cannot be made, or the path is not to be trusted.
    pub fn make(&self, path: &Path) -> Result<Vec<PathBuf>, StoreError> {
        Ok(reach::as_named(path, self.opening.create(path, DIRECTORY)?.made))
    }

    /// Every file-system call passes `gate`: for tests that try each of them.
    #[must_use]
    pub fn through(self, gate: Arc<dyn Gate>) -> Self {
        DirectoryStore { opening: Opening::through(gate), ..self }
    }

    /// Closes the stores, and forgets which names were seen in them: between passes, nobody is to
    /// be kept from unmounting them, and large ones have many names.
    pub fn rest(&self) {
        self.seen.forget();
        self.opened.forget();
    }

    /// Whether a first installation would find the store and the target's names free. Reads only.
    ///
    /// # Errors
    /// When the store cannot be read, or something foreign stands in the way.
    pub fn way_in(&self, target: &Target) -> Result<(), StoreError> {
        survey::way_in(self, target)
    }

    fn granted(&self, target: &Target, ledger: &Ledger) -> Granted {
        Granted::resolve(&target.grants, &ledger.grantees, self.accounts.as_ref())
    }

    /// Opens a store that may be missing.
    fn open(&self, location: &StoreLocation) -> Result<Option<Directory>, StoreError> {
        let StoreLocation::Directory { path, .. } = location;
        match self.opened.or_open(path, || self.opening.open(path)) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            other => Ok(Some(other?)),
        }
    }

    /// Opens a store, and makes it where it is missing.
    fn open_or_make(&self, location: &StoreLocation) -> Result<Directory, StoreError> {
        let StoreLocation::Directory { path, .. } = location;
        self.opened.or_open(path, || {
            let created = self.opening.create(path, DIRECTORY)?;
            self.remember(&reach::as_named(path, created.made));
            Ok(created.directory)
        })
    }

    /// The access that the target's private files are to have in this store.
    fn private(&self, directory: &Directory, granted: &Granted) -> Result<Access, FileError> {
        let access = Access::private(self.owner, granted);
        let listless = access.has_list() && !directory.keeps_acls()?;
        Ok(if listless { access.without_list() } else { access })
    }

    /// The directories on the way to the store that are the extension's own.
    fn own_directories(&self, location: &StoreLocation, ledger: &Ledger) -> BTreeSet<PathBuf> {
        let StoreLocation::Directory { path, is_default } = location;
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let known =
            |path: &&Path| made.contains(*path) || ledger.directories.iter().any(|d| d == path);
        let default = is_default.then(|| path.clone());
        path.ancestors().filter(known).map(PathBuf::from).chain(default).collect()
    }

    fn refuse(
        &self,
        location: &StoreLocation,
        matters: fn(&Closed) -> bool,
    ) -> Result<(), StoreError> {
        let StoreLocation::Directory { path, .. } = location;
        match self.closed.get(path).filter(|closed| matters(closed)) {
            Some(Closed { why, .. }) => {
                Err(StoreError::Closed { path: path.clone(), why: why.clone() })
            }
            None => Ok(()),
        }
    }
}

impl fmt::Debug for DirectoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirectoryStore")
            .field("grant_ancestors", &self.grant_ancestors)
            .finish_non_exhaustive()
    }
}

impl CertificateStore for DirectoryStore {
    type Prepared = Prepared;

    fn standing(
        &self,
        target: &Target,
        ledger: &Ledger,
        read_before: &ReadBefore,
        now: SystemTime,
    ) -> Result<Standing, StoreError> {
        self.refuse(&target.location, |closed| closed.hidden)?;
        survey::standing(self, target, ledger, (read_before, now))
    }

    fn grant_warnings(&self, target: &Target, ledger: &Ledger) -> Vec<String> {
        reach::warnings(self, target, &self.granted(target, ledger))
    }

    fn layouts_found(
        &self,
        location: &StoreLocation,
        link_name: &str,
    ) -> Result<Vec<Layout>, StoreError> {
        let Some(directory) = self.open(location)? else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for (layout, part) in [(Layout::Combined, Part::Combined), (Layout::Split, Part::Key)] {
            if directory.look(part.link(link_name))?.is_some() {
                found.push(layout);
            }
        }
        Ok(found)
    }

    fn recall(
        &self,
        target: &Target,
        generation: &Generation,
        ledger: &Ledger,
    ) -> Result<Option<Content>, StoreError> {
        survey::recall(self, target, generation, ledger)
    }

    fn found(&self, target: &Target) -> Result<Option<(String, CertifiedKey)>, StoreError> {
        inherited::found(self, target)
    }

    fn prepare(
        &self,
        target: &Target,
        wanted: Wanted<'_>,
        ledger: &Ledger,
        announce: Announce<'_>,
        now: SystemTime,
    ) -> Result<Prepared, StoreError> {
        self.refuse(&target.location, |_| true)?;
        let directory = self.open_or_make(&target.location)?;
        let context = apply::Context { store: self, target, wanted, ledger, now };
        apply::prepare(&context, directory, announce)
    }

    fn outcome<'p>(&self, prepared: &'p Prepared) -> &'p Installed {
        prepared.outcome()
    }

    fn switch(&self, prepared: Prepared) -> Result<Installed, StoreError> {
        prepared.switch()
    }

    fn discard(&self, prepared: Prepared) -> Result<(), StoreError> {
        prepared.discard()
    }

    fn retire(&self, targets: &mut [(&Target, &mut Ledger)], now: SystemTime) -> Retirement {
        retire::retire(self, targets, now)
    }

    fn sweep(&self, location: &StoreLocation) -> Result<usize, StoreError> {
        match self.open(location)? {
            Some(directory) => Ok(directory.sweep()?),
            None => Ok(0),
        }
    }
}
