//! Who may read what stands in a store, as owner, mode and access-control list.

use std::collections::BTreeSet;

use atomic_file::{Durability, Entry, FileOptions};

use crate::accounts::{Accounts, id};
use crate::ledger::{Grantee, GranteeKind};
use crate::posix_acl::{PosixAcl, READ};
use crate::target::Grant;

/// The permission bits of private files.
const PRIVATE: u32 = 0o600;
/// The permission bits of the metadata file, which holds nothing secret.
const PUBLIC: u32 = 0o644;
/// The permission bits of directories that the extension makes.
pub(crate) const DIRECTORY: u32 = 0o700;

/// The grants of a target as ids, and those that mean nobody here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Granted {
    pub(crate) users: BTreeSet<u32>,
    pub(crate) groups: BTreeSet<u32>,
    /// The same with their names.
    pub(crate) grantees: BTreeSet<Grantee>,
    /// `user "alice"` or `group "www"`, as the settings say it.
    pub(crate) unknown: Vec<String>,
    /// Likewise, but known when access was last given: they keep it.
    pub(crate) missing: Vec<String>,
}

impl Granted {
    /// `before` is whom the same names meant until now. A name service that is away for a while
    /// must not take a key from the service that reads it.
    pub(crate) fn resolve(grants: &[Grant], before: &[Grantee], accounts: &dyn Accounts) -> Self {
        let mut granted = Granted::default();
        for grant in grants {
            if let Some(name) = &grant.user {
                let user = id(name, |name| accounts.user(name));
                granted.add(GranteeKind::User, name, user, before);
            }
            if let Some(name) = &grant.group {
                let group = id(name, |name| accounts.group(name));
                granted.add(GranteeKind::Group, name, group, before);
            }
        }
        granted
    }

    fn add(&mut self, kind: GranteeKind, name: &str, found: Option<u32>, before: &[Grantee]) {
        let mut known = before.iter().filter(|known| !known.withdrawn);
        let known = known.find(|known| known.kind == kind && known.name == name);
        let (noun, ids) = match kind {
            GranteeKind::User => ("user", &mut self.users),
            GranteeKind::Group => ("group", &mut self.groups),
        };
        let who = format!("{noun} {name:?}");
        let Some(id) = found.or(known.map(|known| known.id)) else {
            return self.unknown.push(who);
        };
        if found.is_none() {
            self.missing.push(who);
        }
        ids.insert(id);
        self.grantees.insert(Grantee { kind, name: name.to_owned(), id, withdrawn: false });
    }

    /// What the ledger is to know: those that are granted access, and those of `before` that no
    /// longer are.
    pub(crate) fn remembered(&self, before: &[Grantee]) -> Vec<Grantee> {
        let former = before.iter().filter(|former| !self.includes(former));
        let former = former.map(|former| Grantee { withdrawn: true, ..former.clone() });
        self.grantees.iter().cloned().chain(former).collect()
    }

    /// Is this someone with access, by whatever name?
    pub(crate) fn includes(&self, grantee: &Grantee) -> bool {
        match grantee.kind {
            GranteeKind::User => self.users.contains(&grantee.id),
            GranteeKind::Group => self.groups.contains(&grantee.id),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.users.is_empty() && self.groups.is_empty()
    }

    fn list(&self, mode: u32, permission: u16) -> Option<PosixAcl> {
        let list = || {
            let (users, groups) = (self.users.iter().copied(), self.groups.iter().copied());
            PosixAcl::from_mode(mode).grant(permission, users, groups)
        };
        (!self.is_empty()).then(list)
    }
}

/// Owner, mode and list of a file or directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    owner: (u32, u32),
    mode: u32,
    acl: Option<PosixAcl>,
}

impl Access {
    /// A file with a private key in it.
    pub(crate) fn private(owner: (u32, u32), granted: &Granted) -> Self {
        Access { owner, mode: PRIVATE, acl: granted.list(PRIVATE, READ) }
    }

    /// A file with permission bits of its own.
    pub(crate) fn file(owner: (u32, u32), mode: u32, granted: &Granted) -> Self {
        Access { owner, mode, acl: granted.list(mode, READ) }
    }

    /// A file for everyone.
    pub(crate) fn public(owner: (u32, u32)) -> Self {
        Access { owner, mode: PUBLIC, acl: None }
    }

    /// The same without a list, for a file system that has none.
    pub(crate) fn without_list(self) -> Self {
        Access { acl: None, ..self }
    }

    pub(crate) fn has_list(&self) -> bool {
        self.acl.is_some()
    }

    /// Whether a file stands exactly so. The list is compared as a whole: with one, the group's
    /// bits of the mode are its mask, and say nothing by themselves.
    pub(crate) fn is(&self, entry: &Entry, acl: Option<&[u8]>) -> bool {
        if (entry.user, entry.group) != self.owner {
            return false;
        }
        match (&self.acl, acl) {
            (Some(wanted), Some(found)) => PosixAcl::decode(found).as_ref() == Some(wanted),
            (None, None) => entry.mode == self.mode,
            _ => false,
        }
    }

    pub(crate) fn options(&self) -> FileOptions {
        FileOptions {
            mode: self.mode,
            owner: Some(self.owner),
            acl: self.acl.as_ref().map(PosixAcl::encode),
            durability: Durability::Synced,
        }
    }
}

/// What mode and attribute together say.
pub(crate) fn list_of(entry: &Entry, acl: Option<&[u8]>) -> PosixAcl {
    acl.and_then(PosixAcl::decode).unwrap_or_else(|| PosixAcl::from_mode(entry.mode))
}
