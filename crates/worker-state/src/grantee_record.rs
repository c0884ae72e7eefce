//! Whom a name meant when it was given access.

use serde::{Deserialize, Serialize};

/// A user or a group that was given access, and the id that the name meant then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GranteeRecord {
    /// The user's name, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The group's name, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The numeric id.
    pub id: u32,
    /// Whether it is granted no longer, and permissions on directories are to be taken back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub withdrawn: bool,
}
