//! What a command ends with.

use std::process::ExitCode;

/// How a command ended, for whoever called it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Fine, or nothing to do.
    Fine,
    /// Some certificates failed, or the machine did.
    Failed,
    /// The command line or the settings cannot be used.
    Usage,
    /// The supervisor is to start the worker again, which has no fault.
    Again,
    /// For monitoring: somebody has to look now.
    Critical,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Fine => ExitCode::SUCCESS,
            Exit::Failed => ExitCode::from(1),
            Exit::Usage | Exit::Critical => ExitCode::from(2),
            // EX_TEMPFAIL of sysexits.h; the unit knows it.
            Exit::Again => ExitCode::from(75),
        }
    }
}
