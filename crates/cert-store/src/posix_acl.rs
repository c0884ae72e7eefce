//! POSIX access-control lists, as the kernel keeps them in `system.posix_acl_access`.
//!
//! The value is a 32-bit version, then one entry of 8 bytes (tag, permissions, id) for each, all
//! little-endian, ordered by tag and id (Linux `include/uapi/linux/posix_acl_xattr.h`; meaning:
//! `acl(5)`).

use std::collections::{BTreeMap, BTreeSet};

/// Permission to read.
pub(crate) const READ: u16 = 4;
/// Permission to write.
pub(crate) const WRITE: u16 = 2;
/// Permission to execute a file, to search a directory.
pub(crate) const SEARCH: u16 = 1;

const VERSION: u32 = 2;
const NO_ID: u32 = u32::MAX;

const OWNER: u16 = 0x01;
const USER: u16 = 0x02;
const OWNING_GROUP: u16 = 0x04;
const GROUP: u16 = 0x08;
const MASK: u16 = 0x10;
const OTHER: u16 = 0x20;

/// A valid list. Two lists that mean the same are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PosixAcl {
    pub(crate) owner: u16,
    pub(crate) users: BTreeMap<u32, u16>,
    pub(crate) group: u16,
    pub(crate) groups: BTreeMap<u32, u16>,
    /// What users, the owning group and groups have at most; a list with any of them has one.
    pub(crate) mask: Option<u16>,
    pub(crate) other: u16,
}

/// Whose access is asked for.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    /// A user with all their groups.
    User { id: u32, groups: Vec<u32> },
    /// Anyone who is in this group, and known by nothing else.
    Member(u32),
}

impl PosixAcl {
    /// The list that says what these permission bits say.
    pub(crate) fn from_mode(mode: u32) -> Self {
        let bits = |shift: u32| u16::try_from((mode >> shift) & 7).unwrap_or_default();
        PosixAcl {
            owner: bits(6),
            users: BTreeMap::new(),
            group: bits(3),
            groups: BTreeMap::new(),
            mask: None,
            other: bits(0),
        }
    }

    /// Gives `permission` to more users and groups; everyone else keeps what they have.
    pub(crate) fn grant(
        mut self,
        permission: u16,
        users: impl IntoIterator<Item = u32>,
        groups: impl IntoIterator<Item = u32>,
    ) -> Self {
        // Entries that the mask holds down today must not come alive with a wider mask.
        let held = self.mask.unwrap_or(self.group);
        self.group &= held;
        for named in self.users.values_mut().chain(self.groups.values_mut()) {
            *named &= held;
        }
        for user in users {
            *self.users.entry(user).or_default() |= permission;
        }
        for group in groups {
            *self.groups.entry(group).or_default() |= permission;
        }
        let all = self.users.values().chain(self.groups.values());
        let mask = all.fold(self.group, |mask, permissions| mask | permissions);
        self.mask = (!self.users.is_empty() || !self.groups.is_empty()).then_some(mask);
        self
    }

    /// Takes entries of users and groups out that give nothing but search permission; everyone
    /// else keeps what they have.
    pub(crate) fn without_search(mut self, users: &BTreeSet<u32>, groups: &BTreeSet<u32>) -> Self {
        self.users.retain(|id, permissions| *permissions != SEARCH || !users.contains(id));
        self.groups.retain(|id, permissions| *permissions != SEARCH || !groups.contains(id));
        if self.users.is_empty() && self.groups.is_empty() {
            self.group &= self.mask.take().unwrap_or(self.group);
        }
        self
    }

    /// Whether the kernel lets `caller` do all of `permission` on something of `owner` and
    /// `group` with this list (the algorithm of `acl(5)`, "Access check algorithm").
    pub(crate) fn allows(&self, caller: &Caller, permission: u16, owner: u32, group: u32) -> bool {
        let masked = |permissions: u16| permissions & self.mask.unwrap_or(u16::MAX);
        let enough = |permissions: u16| permissions & permission == permission;
        let (user, member_of): (Option<u32>, &[u32]) = match caller {
            Caller::User { id, groups } => (Some(*id), groups),
            Caller::Member(group) => (None, std::slice::from_ref(group)),
        };
        if user == Some(owner) {
            return enough(self.owner);
        }
        if let Some(&permissions) = user.and_then(|user| self.users.get(&user)) {
            return enough(masked(permissions));
        }
        let owning = member_of.contains(&group).then_some(self.group);
        let named = member_of.iter().filter_map(|group| self.groups.get(group).copied());
        let mut of_groups = owning.into_iter().chain(named).peekable();
        if of_groups.peek().is_some() {
            return of_groups.any(|permissions| enough(masked(permissions)));
        }
        enough(self.other)
    }

    /// The attribute's value.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let named = |tag, map: &BTreeMap<u32, u16>| {
            map.iter().map(move |(&id, &permissions)| (tag, permissions, id)).collect::<Vec<_>>()
        };
        let mut entries = vec![(OWNER, self.owner, NO_ID)];
        entries.extend(named(USER, &self.users));
        entries.push((OWNING_GROUP, self.group, NO_ID));
        entries.extend(named(GROUP, &self.groups));
        entries.extend(self.mask.map(|mask| (MASK, mask, NO_ID)));
        entries.push((OTHER, self.other, NO_ID));
        let mut bytes = VERSION.to_le_bytes().to_vec();
        for (tag, permissions, id) in entries {
            bytes.extend(tag.to_le_bytes());
            bytes.extend(permissions.to_le_bytes());
            bytes.extend(id.to_le_bytes());
        }
        bytes
    }

    /// Reads the attribute's value; `None` if it is not a valid list.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first_chunk::<4>()?;
        let (entries, rest) = rest.as_chunks::<8>();
        if u32::from_le_bytes(*version) != VERSION || !rest.is_empty() {
            return None;
        }
        let (mut owner, mut group, mut mask, mut other) = (None, None, None, None);
        let (mut users, mut groups) = (BTreeMap::new(), BTreeMap::new());
        for &[t0, t1, p0, p1, id @ ..] in entries {
            let permissions = u16::from_le_bytes([p0, p1]);
            let id = u32::from_le_bytes(id);
            let before = match u16::from_le_bytes([t0, t1]) {
                _ if permissions > READ | WRITE | SEARCH => return None,
                OWNER => owner.replace(permissions),
                USER => users.insert(id, permissions),
                OWNING_GROUP => group.replace(permissions),
                GROUP => groups.insert(id, permissions),
                MASK => mask.replace(permissions),
                OTHER => other.replace(permissions),
                _ => return None,
            };
            if before.is_some() {
                return None;
            }
        }
        let named = !users.is_empty() || !groups.is_empty();
        let acl = PosixAcl { owner: owner?, users, group: group?, groups, mask, other: other? };
        (mask.is_some() || !named).then_some(acl)
    }
}

// The path is said in full because the fuzz target includes this file by its path.
#[cfg(test)]
#[path = "posix_acl/invariants.rs"]
mod invariants;

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;

    use super::*;

    /// What `setfacl -m u:1000:r` makes of a file with mode 0600, as `getfattr` shows it.
    const ALICE_READS: [u8; 44] = [
        2, 0, 0, 0, // version
        1, 0, 6, 0, 255, 255, 255, 255, // user::rw-
        2, 0, 4, 0, 232, 3, 0, 0, // user:1000:r--
        4, 0, 0, 0, 255, 255, 255, 255, // group::---
        16, 0, 4, 0, 255, 255, 255, 255, // mask::r--
        32, 0, 0, 0, 255, 255, 255, 255, // other::---
    ];

    #[test]
    fn a_list_is_written_as_setfacl_writes_it() {
        let acl = PosixAcl::from_mode(0o600).grant(READ, [1000], []);
        assert_eq!(acl.encode(), ALICE_READS);
        assert_eq!(PosixAcl::decode(&ALICE_READS), Some(acl));
    }

    #[test]
    fn lists_that_the_kernel_would_refuse_are_none() {
        let mut unmasked = ALICE_READS.to_vec();
        unmasked.drain(28..36);
        let mut version = ALICE_READS;
        version[0] = 3;
        let mut twice = ALICE_READS.to_vec();
        twice.extend_from_slice(&ALICE_READS[36..]);
        let mut permission = ALICE_READS;
        permission[6] = 8;
        for bytes in [&[][..], &ALICE_READS[..43], &unmasked, &version, &twice, &permission] {
            assert_eq!(PosixAcl::decode(bytes), None);
        }
    }

    #[test]
    fn a_wider_mask_wakes_no_sleeping_entry() {
        let asleep = PosixAcl {
            users: [(7, READ | WRITE)].into(),
            mask: Some(0),
            ..PosixAcl::from_mode(0o770)
        };
        let acl = asleep.grant(SEARCH, [8], [9]);
        assert_eq!(acl.users, [(7, 0), (8, SEARCH)].into());
        assert_eq!((acl.group, acl.mask), (0, Some(SEARCH)));
        assert_eq!(acl.groups, [(9, SEARCH)].into());
    }

    #[test]
    fn access_is_decided_as_the_kernel_decides_it() {
        let user = |id, groups: &[u32]| Caller::User { id, groups: groups.to_vec() };
        let mode = PosixAcl::from_mode(0o710);
        assert!(mode.allows(&user(1, &[]), SEARCH | READ, 1, 2), "the owner");
        assert!(mode.allows(&user(5, &[2]), SEARCH, 1, 2), "the owning group");
        assert!(!mode.allows(&user(5, &[2]), READ, 1, 2));
        assert!(!mode.allows(&user(5, &[3]), SEARCH, 1, 2), "anyone else");
        assert!(PosixAcl::from_mode(0o701).allows(&user(5, &[3]), SEARCH, 1, 2));
        assert!(!PosixAcl::from_mode(0o701).allows(&user(5, &[2]), SEARCH, 1, 2), "group first");
        let acl = PosixAcl::from_mode(0o700).grant(SEARCH, [5], [6]);
        assert!(acl.allows(&user(5, &[]), SEARCH, 1, 2));
        assert!(acl.allows(&user(8, &[6]), SEARCH, 1, 2));
        assert!(acl.allows(&Caller::Member(6), SEARCH, 1, 2));
        assert!(!acl.allows(&Caller::Member(7), SEARCH, 1, 2));
        let masked = PosixAcl { mask: Some(0), ..acl };
        assert!(!masked.allows(&user(5, &[]), SEARCH, 1, 2));
    }

    proptest! {
        #[test]
        fn every_list_reads_back(
            (owner, group, other) in (0_u16..8, 0_u16..8, 0_u16..8),
            users in btree_map(any::<u32>(), 0_u16..8, 0..5),
            groups in btree_map(any::<u32>(), 0_u16..8, 0..5),
        ) {
            let named = !users.is_empty() || !groups.is_empty();
            let acl = PosixAcl { owner, users, group, groups, mask: named.then_some(5), other };
            prop_assert_eq!(PosixAcl::decode(&acl.encode()), Some(acl));
        }

        #[test]
        fn no_bytes_are_too_strange_to_read(bytes in vec(any::<u8>(), 0..100)) {
            invariants::hold(&bytes);
            let entries = bytes.chunks_exact(3).flat_map(|b| {
                [1 << (b[0] % 7), 0, b[1] % 8, 0, b[2], 0, 0, 0]
            });
            invariants::hold(&VERSION.to_le_bytes().into_iter().chain(entries).collect::<Vec<_>>());
        }
    }
}
