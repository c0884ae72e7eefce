//! The edge between this crate and the kernel: every file-system call passes a gate.

use std::ffi::OsStr;
use std::fmt;
use std::io;

/// One kind of file-system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// Opening something that exists.
    Open,
    /// Creating a temporary file.
    Create,
    /// Creating a directory.
    MakeDirectory,
    /// Creating a symbolic link, under a temporary name or its own.
    MakeLink,
    /// Changing owner or group.
    SetOwner,
    /// Changing permission bits.
    SetMode,
    /// Setting or removing an access-control list.
    SetAcl,
    /// Writing content, at most [`Gate::longest_write`] bytes at once.
    Write,
    /// Bringing a file or directory to the disk.
    Sync,
    /// Renaming a temporary name to its place.
    Rename,
    /// Removing a name.
    Remove,
    /// Listing names.
    List,
    /// Asking what a name is.
    Look,
    /// Reading a symbolic link, content or an access-control list.
    Read,
}

impl Call {
    /// Whether the call changes the disk.
    pub fn changes(self) -> bool {
        !matches!(self, Call::Open | Call::List | Call::Look | Call::Read | Call::Sync)
    }
}

/// What stands between the crate and the kernel. The product uses [`OpenGate`]; a test's gate
/// counts the calls, lets one fail as a full or broken disk would, or lets every further one fail
/// as if the process had been killed there.
pub trait Gate: Send + Sync {
    /// Called before each call on `name` (a name in a directory; empty for the directory itself).
    ///
    /// # Errors
    /// An error is what the call then reports, without being made.
    fn enter(&self, call: Call, name: &OsStr) -> io::Result<()>;

    /// How many bytes one [`Call::Write`] may carry.
    fn longest_write(&self) -> usize {
        usize::MAX
    }
}

/// The gate that lets everything pass.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenGate;

impl Gate for OpenGate {
    fn enter(&self, _call: Call, _name: &OsStr) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for dyn Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gate")
    }
}
