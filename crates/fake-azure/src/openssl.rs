//! The `openssl` program, for what the Rust libraries here cannot make: RSA and P-521 keys, and
//! PKCS#12 in the form that today's tools write.

use std::fmt;
use std::io::{self, Write};
use std::process::{Command, Stdio};

/// Runs `openssl` with these arguments, `input` on its standard input; its standard output.
///
/// # Errors
/// `openssl` is not there, or it refused; then the error carries what it said.
#[expect(clippy::disallowed_methods, reason = "the one file that starts openssl")]
pub(crate) fn run(arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, OpensslError> {
    let mut child = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(OpensslError::Start)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that has heard enough closes its end; what it says then decides.
        let _ = stdin.write_all(input);
    }
    let output = child.wait_with_output().map_err(OpensslError::Start)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(OpensslError::Refused(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}

/// Why `openssl` made nothing.
#[derive(Debug)]
pub enum OpensslError {
    /// It could not be started.
    Start(io::Error),
    /// It ended with this complaint.
    Refused(String),
}

impl fmt::Display for OpensslError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(error) => {
                write!(f, "openssl cannot be started: {error}; install the package openssl")
            }
            Self::Refused(said) => write!(f, "openssl refused: {said}"),
        }
    }
}

impl std::error::Error for OpensslError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Start(error) => Some(error),
            Self::Refused(_) => None,
        }
    }
}
