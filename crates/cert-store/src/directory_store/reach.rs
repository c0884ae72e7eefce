//! Whether those who may read a file can get to it: every directory on the way must let them
//! pass.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use atomic_file::{Directory, Entry, FileError, Opening};

use super::DirectoryStore;
use crate::access::{DIRECTORY, Granted, list_of};
use crate::accounts::Accounts;
use crate::error::StoreError;
use crate::ledger::{Grantee, GranteeKind};
use crate::posix_acl::{Caller, PosixAcl, SEARCH};
use crate::store::Drift;
use crate::target::{StoreLocation, Target};

/// A directory on the way to a file, from the root down.
pub(crate) struct Step {
    directory: Directory,
    entry: Entry,
    acl: Option<Vec<u8>>,
}

impl Step {
    pub(crate) fn open(opening: &Opening, path: &Path) -> Result<Self, FileError> {
        let directory = opening.open(path)?;
        Ok(Step { entry: directory.entry()?, acl: directory.acl()?, directory })
    }

    fn list(&self) -> PosixAcl {
        list_of(&self.entry, self.acl.as_deref())
    }

    fn lets_pass(&self, caller: &Caller) -> bool {
        self.list().allows(caller, SEARCH, self.entry.user, self.entry.group)
    }

    /// The users and groups that cannot pass.
    pub(crate) fn held(&self, grantees: &Grantees) -> Granted {
        let held = |(id, caller): &(u32, Caller)| (!self.lets_pass(caller)).then_some(*id);
        Granted {
            users: grantees.users.iter().filter_map(held).collect(),
            groups: grantees.groups.iter().filter_map(held).collect(),
            ..Granted::default()
        }
    }

    /// Adds search permission for those who cannot pass; says whether there was anything to do.
    fn open_up(&self, grantees: &Grantees) -> Result<bool, FileError> {
        let held = self.held(grantees);
        if held.is_empty() {
            return Ok(false);
        }
        let list = self.list().grant(SEARCH, held.users, held.groups);
        self.directory.set_acl(Some(&list.encode()))?;
        Ok(true)
    }

    /// The extension's default store is closed to everyone who is not granted access.
    fn is_closed(&self) -> bool {
        let list = self.list();
        list.owner == 7 && list.group == 0 && list.other == 0
    }

    fn close(&self) -> Result<bool, FileError> {
        if self.is_closed() {
            return Ok(false);
        }
        let named = PosixAcl { owner: 7, group: 0, other: 0, ..self.list() };
        if named.mask.is_some() {
            self.directory.set_acl(Some(&named.encode()))?;
        } else {
            self.directory.set_mode(DIRECTORY)?;
        }
        Ok(true)
    }
}

/// Those who are to pass; who belongs to which group is looked up once.
pub(crate) struct Grantees {
    users: Vec<(u32, Caller)>,
    groups: Vec<(u32, Caller)>,
}

impl Grantees {
    pub(crate) fn of(accounts: &dyn Accounts, granted: &Granted) -> Self {
        let user = |&id: &u32| (id, Caller::User { id, groups: accounts.groups_of(id) });
        let mortal = granted.users.iter().filter(|&&id| id != 0); // root passes everywhere
        let groups = granted.groups.iter().map(|&id| (id, Caller::Member(id)));
        Grantees { users: mortal.map(user).collect(), groups: groups.collect() }
    }
}

/// All directories on the way, by the path in the settings and by the one that it resolves to.
pub(crate) fn way(path: &Path) -> BTreeSet<PathBuf> {
    let resolved = std::fs::canonicalize(path).ok();
    let paths = std::iter::once(path.to_owned()).chain(resolved);
    paths.flat_map(|path| path.ancestors().map(PathBuf::from).collect::<Vec<_>>()).collect()
}

/// Directories that were made on the way to `path`, as `path` names them: behind a link they were
/// made under another name.
pub(super) fn as_named(path: &Path, made: Vec<PathBuf>) -> Vec<PathBuf> {
    if made.iter().all(|made| path.starts_with(made)) {
        return made;
    }
    let resolved = |path: &Path| std::fs::canonicalize(path).ok();
    let made: BTreeSet<_> = made.iter().filter_map(|made| resolved(made)).collect();
    let is_made = |above: &&Path| resolved(above).is_some_and(|above| made.contains(&above));
    let mut named: Vec<PathBuf> = path.ancestors().filter(is_made).map(PathBuf::from).collect();
    named.reverse();
    named
}

/// The differences of the extension's own directories, and of the administrator's where they are
/// to be opened too.
pub(super) fn drift(
    store: &DirectoryStore,
    target: &Target,
    own: &BTreeSet<PathBuf>,
    granted: &Granted,
) -> Vec<Drift> {
    let StoreLocation::Directory { path, is_default } = &target.location;
    if granted.is_empty() && !is_default {
        return Vec::new(); // nobody has to be let in, or kept out
    }
    let grantees = Grantees::of(store.accounts.as_ref(), granted);
    let mut drifts = Vec::new();
    for directory in way(path) {
        let changeable = store.grant_ancestors || own.contains(&directory);
        let closed = *is_default && directory == *path;
        if !changeable {
            continue;
        }
        let Ok(step) = Step::open(&store.opening, &directory) else { continue };
        let can_be_opened = step.directory.keeps_acls().unwrap_or(false);
        let unusable = can_be_opened && !step.held(&grantees).is_empty();
        if unusable || (closed && !step.is_closed()) {
            drifts.push(Drift::DirectoryAccess(directory));
        }
    }
    drifts
}

/// Closes the default store, and lets everyone who is granted access pass the directories that
/// may be changed for that; says whether something changed. Where that is impossible a warning
/// says so: a grant that cannot be used is no reason to hold a certificate back.
pub(super) fn open_up(
    store: &DirectoryStore,
    target: &Target,
    own: &BTreeSet<PathBuf>,
    granted: &Granted,
) -> Result<bool, StoreError> {
    let StoreLocation::Directory { path, is_default } = &target.location;
    let mut changed = *is_default && Step::open(&store.opening, path)?.close()?;
    if !granted.is_empty() {
        let grantees = Grantees::of(store.accounts.as_ref(), granted);
        let mut changeable = way(path);
        changeable.retain(|directory| store.grant_ancestors || own.contains(directory));
        for directory in changeable {
            let opened =
                Step::open(&store.opening, &directory).and_then(|step| step.open_up(&grantees));
            changed |= opened.unwrap_or(false);
        }
    }
    Ok(changed)
}

/// What is wrong with the grants, in sentences.
pub(super) fn warnings(store: &DirectoryStore, target: &Target, granted: &Granted) -> Vec<String> {
    if target.grants.is_empty() {
        return Vec::new();
    }
    let unknown = granted.unknown.iter().map(|who| {
        format!("the grant for {who} is not in force: this machine knows no such {}", kind(who))
    });
    let missing = granted.missing.iter().map(|who| {
        format!(
            "the grant for {who} stays as it was: at the moment this machine knows no such {}",
            kind(who)
        )
    });
    let mut warnings: Vec<String> = unknown.chain(missing).collect();
    let StoreLocation::Directory { path, .. } = &target.location;
    if let Ok(Some(directory)) = store.open(&target.location)
        && !directory.keeps_acls().unwrap_or(true)
    {
        warnings.push(format!(
            "no grant is in force: the file system of {path:?} keeps no access-control lists; \
             choose a certificateStoreLocation on one that does. Until then only root can read it"
        ));
        return warnings;
    }
    let grantees = Grantees::of(store.accounts.as_ref(), granted);
    for directory in way(path) {
        let Ok(step) = Step::open(&store.opening, &directory) else { continue };
        let held = step.held(&grantees);
        if !held.is_empty() {
            warnings.push(barrier(&directory, &named(granted, &held)));
        }
    }
    warnings
}

fn kind(who: &str) -> &str {
    who.split(' ').next().unwrap_or(who)
}

fn barrier(directory: &Path, who: &str) -> String {
    format!(
        "the grant for {who} cannot be used: no search permission on the directory {directory:?}; \
         choose a certificateStoreLocation elsewhere, or let the machine's administrator set \
         AKVVM_GRANT_ANCESTORS=yes"
    )
}

/// The grantees as the settings name them.
pub(crate) fn named(granted: &Granted, held: &Granted) -> String {
    let held = granted.grantees.iter().filter(|grantee| held.includes(grantee));
    let names = held.map(|grantee| match grantee.kind {
        GranteeKind::User => format!("user {:?}", grantee.name),
        GranteeKind::Group => format!("group {:?}", grantee.name),
    });
    names.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ")
}

/// Takes search permission on a directory of the extension's own from those whose grant is gone,
/// where that is all they have there.
pub(super) fn close_to(
    store: &DirectoryStore,
    directory: &Path,
    former: &[&Grantee],
) -> Result<(), StoreError> {
    let step = match Step::open(&store.opening, directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let of = |kind| former.iter().filter(move |f| f.kind == kind).map(|f| f.id).collect();
    let list = step.list();
    let closed = list.clone().without_search(&of(GranteeKind::User), &of(GranteeKind::Group));
    if closed != list {
        step.directory.set_acl(Some(&closed.encode()))?;
    }
    Ok(())
}
