//! The five commands of the guest agent.

use std::ffi::OsStr;

/// A command of the manifest.
///
/// | command | writes a status | what it leaves |
/// | --- | --- | --- |
/// | install | `error` if it fails | directories, the unit, nothing running |
/// | enable | `transitioning` or `error` | a worker that serves the settings |
/// | disable | no | no worker, no assignment; certificates stay |
/// | update | `transitioning` | a marker, for the uninstall that follows |
/// | uninstall | no | certificates and logs |
///
/// Each can be repeated, and can be killed at any point and then repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Before the first enable of a version.
    Install,
    /// For new settings, and at every start of the agent.
    Enable,
    /// Before an update or an uninstall.
    Disable,
    /// In the new version, between the old one's disable and uninstall.
    Update,
    /// Before the version's folder is deleted.
    Uninstall,
}

impl Command {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Install, Self::Enable, Self::Disable, Self::Update, Self::Uninstall];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::Enable => "enable",
            Self::Disable => "disable",
            Self::Update => "update",
            Self::Uninstall => "uninstall",
        }
    }

    /// Its name in statuses.
    #[must_use]
    pub fn operation(self) -> &'static str {
        match self {
            Self::Install => "Install",
            Self::Enable => "Enable",
            Self::Disable => "Disable",
            Self::Update => "Update",
            Self::Uninstall => "Uninstall",
        }
    }

    /// Whether the command leads up to a worker, and not away from one.
    #[must_use]
    pub fn starts_something(self) -> bool {
        matches!(self, Self::Install | Self::Enable | Self::Update)
    }

    /// The command of this name.
    #[must_use]
    pub fn named(name: &OsStr) -> Option<Self> {
        Self::ALL.into_iter().find(|command| name == command.name())
    }
}
