//! Doing what a plan says.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::SystemTime;

use atomic_file::Directory;
use zeroize::Zeroizing;

use super::{DirectoryStore, reach, retire, survey};
use crate::access::Access;
use crate::digest::digest;
use crate::error::StoreError;
use crate::ledger::{Ledger, LedgerFile};
use crate::luma;
use crate::names;
use crate::names::Layout;
use crate::pieces::Pieces;
use crate::plan::{Obstacle, Plan, Request, RequestedPart, Step, announced, next_ledger, plan};
use crate::store::{Announce, Announcement, Change, Installed, Wanted};
use crate::target::Target;

/// An installation between its two halves. It holds the store's opened directory, so the second
/// half happens where the first did.
pub struct Prepared {
    pub(super) directory: Directory,
    pub(super) plan: Plan,
    pieces: Pieces,
    private: Access,
    pub(super) metadata: Option<Metadata>,
    /// Files that did not exist before.
    added: Vec<String>,
    /// Whether links stand already, which must never come to lead to less than they do.
    pub(super) is_linked: bool,
    pub(super) installed: Installed,
}

/// The metadata file as it is to be written.
pub(super) struct Metadata {
    name: String,
    pub(super) text: Vec<u8>,
    pub(super) access: Access,
}

/// What an installation is made from.
pub(super) struct Context<'a> {
    pub(super) store: &'a DirectoryStore,
    pub(super) target: &'a Target,
    pub(super) wanted: Wanted<'a>,
    pub(super) ledger: &'a Ledger,
    pub(super) now: SystemTime,
}

pub(super) fn prepare(
    context: &Context<'_>,
    directory: Directory,
    announce: Announce<'_>,
) -> Result<Prepared, StoreError> {
    let &Context { store, target, wanted, ledger, now } = context;
    let granted = store.granted(target, ledger);
    let own = store.own_directories(&target.location, ledger);
    let opened = reach::open_up(store, target, &own, &granted)?;
    let private = store.private(&directory, &granted)?;
    let public = Access::public(store.owner);
    let pieces = Pieces::of(target, wanted.content)?;
    let request = request(target, wanted, &pieces, now);
    let access = (&private, &public);
    let seen = store.seen.beside(&directory, target, now)?;
    let content = wanted.content;
    let listing = survey::listing(&directory, &request, &pieces, content, ledger, &seen, access)?;
    let plan = plan(&listing, &request, ledger).map_err(|why| refused(&directory, why))?;
    let metadata = Metadata::of(target, wanted, &plan, &request, public, now);
    let described = metadata.as_ref().map(|metadata| metadata.ledger_file(wanted.version));
    let mut next = next_ledger(&plan, &request, ledger, described, now);
    next.directories = own.into_iter().collect();
    next.grantees = granted.remembered(&ledger.grantees);
    let change = change(&plan, &request, ledger, opened);
    if let Some(announced) = announced(&plan, &request, &listing, ledger, now) {
        let ahead = Ledger { directories: next.directories.clone(), ..announced };
        announce(&Announcement { ahead: &ahead, after: &next, change });
    }
    let warnings = reach::warnings(store, target, &granted);
    let installed = installed(target, &directory, &plan, change, (next, warnings));
    let is_linked = !listing.links.is_empty();
    let existing = listing.files.into_keys().collect();
    let added = Vec::new();
    Prepared { directory, plan, pieces, private, metadata, added, is_linked, installed }
        .with_new_files(&existing)
}

fn installed(
    target: &Target,
    directory: &Directory,
    plan: &Plan,
    change: Change,
    (ledger, warnings): (Ledger, Vec<String>),
) -> Installed {
    let path = |name: &String| directory.path().join(name);
    Installed {
        change,
        paths: target.public_names().iter().map(path).collect(),
        file: plan.chosen.first().map(|chosen| path(&chosen.name)).unwrap_or_default(),
        warnings,
        ledger,
    }
}

impl Metadata {
    fn of(
        target: &Target,
        wanted: Wanted<'_>,
        plan: &Plan,
        request: &Request<'_>,
        access: Access,
        now: SystemTime,
    ) -> Option<Self> {
        let name = request.metadata.clone().filter(|_| !plan.metadata_stays)?;
        let text = luma::text(target, wanted.version, wanted.content, plan, now);
        Some(Metadata { name, text, access })
    }

    fn ledger_file(&self, version: &str) -> LedgerFile {
        LedgerFile {
            name: self.name.clone(),
            version: version.into(),
            digest: digest(&self.text),
            superseded: None,
            adopted: false,
            differs: false,
            prepared: false,
        }
    }
}

fn request<'a>(
    target: &'a Target,
    wanted: Wanted<'a>,
    pieces: &'a Pieces,
    now: SystemTime,
) -> Request<'a> {
    let parts = pieces.list.iter().map(|piece| RequestedPart {
        part: piece.part,
        link: piece.part.link(&target.link_name),
        new_name: piece.part.file(&target.id, wanted.version, now),
        digest: piece.digest.clone(),
    });
    let split = target.layouts.contains(&Layout::Split);
    Request {
        id: &target.id,
        version: wanted.version,
        digest: &pieces.digest,
        parts: parts.collect(),
        metadata: split.then(|| names::metadata(&target.link_name)),
    }
}

fn refused(directory: &Directory, obstacle: Obstacle) -> StoreError {
    match obstacle {
        Obstacle::Taken { name, by } => StoreError::Taken { path: directory.path().join(name), by },
        Obstacle::Circle { link } => StoreError::Circle { link },
    }
}

fn change(plan: &Plan, request: &Request<'_>, ledger: &Ledger, opened: bool) -> Change {
    match &ledger.active {
        None if plan.adopts_all() && plan.chosen.iter().any(|c| c.adopted) => Change::Adopted,
        None => Change::New,
        Some(active) if active.version != request.version => Change::Rotated,
        Some(_) if opened || !plan.is_empty() => Change::Repaired,
        Some(_) => Change::Same,
    }
}

impl Prepared {
    /// What [`switch`](crate::CertificateStore::switch) will report.
    #[must_use]
    pub fn outcome(&self) -> &Installed {
        &self.installed
    }

    /// Does the first half, and undoes it if it fails.
    fn with_new_files(mut self, existing: &BTreeSet<String>) -> Result<Self, StoreError> {
        match self.write_ahead(existing) {
            Ok(()) => Ok(self),
            Err(error) => {
                let _ = self.discard(); // the first error says more than one of tidying up
                Err(error)
            }
        }
    }

    fn write_ahead(&mut self, existing: &BTreeSet<String>) -> Result<(), StoreError> {
        for step in self.plan.prepare.clone() {
            if let Step::Write { name, .. } = &step
                && !existing.contains(name)
            {
                self.added.push(name.clone());
            }
            self.apply(&step)?;
        }
        // Where nobody had a link yet, names of files and links may come to the disk together.
        if self.is_linked && !self.plan.prepare.is_empty() {
            self.directory.sync()?;
        }
        Ok(())
    }

    pub(super) fn apply(&self, step: &Step) -> Result<(), StoreError> {
        let Step::Write { part, name, keep } = step else { return Ok(()) };
        let Some(chosen) = self.plan.file(*part) else { return Ok(()) };
        let kept: Zeroizing<Vec<u8>>;
        let bytes = match self.pieces.piece(*part) {
            Some(piece) if !keep => &piece.bytes,
            _ => {
                kept = survey::reread(&self.directory, name, &chosen.digest)?;
                &kept
            }
        };
        self.directory.stage(name, &self.private.options(), bytes)?.place()?;
        if survey::reads_back(&self.directory, name, &chosen.digest, &self.private)? {
            Ok(())
        } else {
            Err(StoreError::NotTheSame { path: self.directory.path().join(name) })
        }
    }

    /// Another target may have found a file meanwhile and linked it: that one stays.
    pub(super) fn discard(self) -> Result<(), StoreError> {
        let linked = retire::linked(&self.directory)?;
        for name in &self.added {
            retire::remove_unlinked(&self.directory, name, &linked)?;
        }
        Ok(self.directory.sync()?)
    }
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path: PathBuf = self.directory.path().into();
        f.debug_struct("Prepared")
            .field("store", &path)
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}
