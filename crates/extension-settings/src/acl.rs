//! Who may read a certificate's files.

/// A user, a group or both who may read a certificate's files. At least one is there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Acl {
    /// The user's name.
    pub user: Option<String>,
    /// The group's name.
    pub group: Option<String>,
}
