//! Users and groups of this machine.

use uzers::{get_group_by_name, get_user_by_name, get_user_by_uid, get_user_groups};

/// Looks up users and groups. A seam: tests have their own people.
pub trait Accounts: Send + Sync {
    /// The id of the user with this name.
    fn user(&self, name: &str) -> Option<u32>;
    /// The id of the group with this name.
    fn group(&self, name: &str) -> Option<u32>;
    /// All groups that the user with this id belongs to.
    fn groups_of(&self, user: u32) -> Vec<u32>;
}

/// The accounts that the machine's name service knows (`nsswitch.conf(5)`): `/etc/passwd`, and
/// whatever directory service the administrator has set up.
#[derive(Clone, Copy, Debug, Default)]
pub struct NameService;

impl Accounts for NameService {
    fn user(&self, name: &str) -> Option<u32> {
        usable(name).and_then(get_user_by_name).map(|user| user.uid())
    }

    fn group(&self, name: &str) -> Option<u32> {
        usable(name).and_then(get_group_by_name).map(|group| group.gid())
    }

    fn groups_of(&self, user: u32) -> Vec<u32> {
        let Some(user) = get_user_by_uid(user) else { return Vec::new() };
        let primary = user.primary_group_id();
        let groups = get_user_groups(user.name(), primary).unwrap_or_default();
        std::iter::once(primary).chain(groups.iter().map(uzers::Group::gid)).collect()
    }
}

/// The C library takes no name with a NUL in it.
fn usable(name: &str) -> Option<&str> {
    (!name.is_empty() && !name.contains('\0')).then_some(name)
}

/// The id behind a user's or group's name: names first, because `useradd` allows digits in them.
pub(crate) fn id(text: &str, by_name: impl Fn(&str) -> Option<u32>) -> Option<u32> {
    const NOBODY_AT_ALL: u32 = u32::MAX; // the kernel's "no id"
    by_name(text).or_else(|| text.parse().ok()).filter(|&id| id != NOBODY_AT_ALL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_known_everywhere() {
        assert_eq!(NameService.user("root"), Some(0));
        assert_eq!(NameService.group("root"), Some(0));
        assert!(NameService.groups_of(0).contains(&0));
    }

    #[test]
    fn unknown_and_impossible_names_are_nobody() {
        for name in ["", "no such user", "a\0b"] {
            assert_eq!((NameService.user(name), NameService.group(name)), (None, None));
        }
        assert!(NameService.groups_of(u32::MAX - 7).is_empty());
    }

    #[test]
    fn a_number_is_an_id_unless_it_is_a_name() {
        let by_name = |name: &str| (name == "1000").then_some(7);
        assert_eq!(id("1000", by_name), Some(7));
        assert_eq!(id("1001", by_name), Some(1001));
        for text in ["alice", "-1", "4294967295", "4294967296", ""] {
            assert_eq!(id(text, by_name), None, "{text}");
        }
    }
}
