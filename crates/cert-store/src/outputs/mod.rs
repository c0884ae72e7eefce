//! Outputs: a certificate in the place and form that its consumer wants, besides its store.
//!
//! All outputs of a certificate are prepared together and then switched in one short sequence of
//! renames, in the order in which they are written down. The bytes of what stands there, of what
//! stood there before, and of other people's files that were in the way, are kept under their
//! SHA-256 in a directory of the caller's; with them a version is put back byte for byte, also
//! where its form has random salts in it.

mod keep;
mod ledger;
mod prepare;
mod prepared;
mod reach;
mod render;
mod survey;
mod sweep;
mod wanted;

use std::ffi::OsStr;
use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use atomic_file::{Directory, Gate, Opening};

use crate::access::{Access, Granted};
use crate::accounts::{Accounts, NameService, id};
use crate::error::StoreError;
use crate::ledger::{Grantee, GranteeKind};
use crate::output_error::OutputError;
use crate::store::{Drift, Retirement};
use keep::Keep;

pub use ledger::{OutputDirectoryRecord, OutputFileRecord, OutputLedger, ReplacedFile};
pub use prepared::PreparedOutputs;
pub use wanted::{FileAccess, Form, Material, Output, SetFile};

/// Writes outputs.
pub struct OutputStore {
    keep: Keep,
    opening: Opening,
    accounts: Box<dyn Accounts>,
    owner: (u32, u32),
}

impl OutputStore {
    /// Bytes are kept in the directory `keep`, which is made 0700 when it is needed. Files belong
    /// to the calling user unless an output says otherwise.
    #[must_use]
    pub fn new(keep: PathBuf) -> Self {
        OutputStore {
            keep: Keep::new(keep),
            opening: Opening::default(),
            accounts: Box::new(NameService),
            owner: (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw()),
        }
    }

    /// Looks users and groups up elsewhere.
    #[must_use]
    pub fn with_accounts(self, accounts: impl Accounts + 'static) -> Self {
        OutputStore { accounts: Box::new(accounts), ..self }
    }

    /// Every file-system call passes `gate`: for tests that try each of them.
    #[must_use]
    pub fn through(self, gate: Arc<dyn Gate>) -> Self {
        OutputStore { opening: Opening::through(gate), ..self }
    }

    /// Compares what stands there with what is wanted and with the ledger. Reads only; nothing
    /// returned means that all is as it should be.
    ///
    /// # Errors
    /// When something cannot be read, or stands where it cannot be replaced.
    pub fn standing(
        &self,
        wanted: &[Output],
        ledger: &OutputLedger,
    ) -> Result<Vec<Drift>, StoreError> {
        survey::standing(self, wanted, ledger)
    }

    /// What is wrong with the access that was asked for, in sentences for a warning: unknown readers,
    /// directories they cannot pass. Reads only; empty means that everyone can read what they may.
    #[must_use]
    pub fn warnings(&self, wanted: &[Output], ledger: &OutputLedger) -> Vec<String> {
        reach::warnings(self, wanted, ledger)
    }

    /// Puts everything that differs beside what stands there. Nothing that a consumer opens has
    /// changed then. The caller keeps [`PreparedOutputs::ledger`] durably, and switches: so a crash
    /// in between is finished by the next preparation of the same version.
    ///
    /// # Errors
    /// When one output cannot be written: then none is, and all is as it was.
    pub fn prepare(
        &self,
        wanted: &[Output],
        material: Material<'_>,
        ledger: &OutputLedger,
    ) -> Result<PreparedOutputs, StoreError> {
        prepare::prepare(self, wanted, material, ledger)
    }

    /// Removes what nobody needs: temporary files where the outputs stand, directories that a link
    /// led to before the last two, and kept bytes that no ledger names. Called with the outputs and
    /// ledgers of *all* certificates, by the one process that writes, while nothing is prepared. A
    /// link whose ledger is lost keeps all its directories.
    pub fn sweep<'a>(
        &self,
        outputs: impl IntoIterator<Item = &'a Output>,
        ledgers: &[&OutputLedger],
    ) -> Retirement {
        sweep::sweep(self, outputs.into_iter(), ledgers)
    }

    /// Where somebody else's file is kept, for people who want it back.
    #[must_use]
    pub fn kept(&self, replaced: &ReplacedFile) -> PathBuf {
        self.keep.foreign(&replaced.digest)
    }

    /// The directory that an output stands in, and the output's name there; `None` where there is
    /// no such directory.
    fn find<'p>(&self, path: &'p Path) -> Result<Option<(Directory, &'p str)>, StoreError> {
        let name = path.file_name().and_then(OsStr::to_str);
        let (Some(parent), Some(name)) = (path.parent(), name) else {
            let by = "no path of a file";
            return Err(StoreError::Output(OutputError::Taken { path: path.into(), by }));
        };
        match self.opening.open(parent) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            other => Ok(Some((other?, name))),
        }
    }

    /// The access that a file is to have, and whom its names mean.
    fn access(
        &self,
        path: &Path,
        wanted: &FileAccess,
        ledger: &OutputLedger,
    ) -> Result<(Access, Granted), OutputError> {
        let mut granted =
            Granted::resolve(&wanted.grants, &ledger.accounts, self.accounts.as_ref());
        let mut accounts = Vec::new();
        let mut known = |kind, name: &Option<String>, otherwise: u32| {
            let Some(name) = name else { return Ok(otherwise) };
            let (noun, found) = match kind {
                GranteeKind::User => ("user", id(name, |name| self.accounts.user(name))),
                GranteeKind::Group => ("group", id(name, |name| self.accounts.group(name))),
            };
            let account = format!("{noun} {name:?}");
            let id = found.or_else(|| ledger.account(kind, name));
            let id = id.ok_or(OutputError::UnknownAccount { path: path.into(), account })?;
            accounts.push(Grantee { kind, name: name.clone(), id, withdrawn: false });
            Ok(id)
        };
        let owner = (
            known(GranteeKind::User, &wanted.owner, self.owner.0)?,
            known(GranteeKind::Group, &wanted.group, self.owner.1)?,
        );
        let access = Access::file(owner, wanted.mode, &granted);
        granted.grantees.extend(accounts);
        Ok((access, granted))
    }
}

impl fmt::Debug for OutputStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutputStore").field("keep", &self.keep).finish_non_exhaustive()
    }
}
