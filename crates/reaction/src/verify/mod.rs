//! What a service on this machine serves.
//!
//! The handshakes here authenticate nobody and send nothing: any certificate is accepted, its leaf
//! is looked at, and the connection is closed. That is why only this machine's own addresses are
//! asked.

mod address;
mod error;
mod handshake;
mod shown;
mod start_tls;
mod stream;

use std::io::ErrorKind;
use std::time::Duration;

pub use address::{LocalAddress, NotALocalAddress};
pub use error::VerificationError;
pub use shown::Shown;
pub use start_tls::StartTls;

use crate::deadline::Deadline;

/// How many handshakes in a row have to show the new certificate. A service of several processes
/// takes up its files in one after the other, and old ones may go on answering for a moment.
const IN_A_ROW: u32 = 3;

/// What one handshake may take: not so long that one that hangs leaves no time for another, and
/// long enough for the last, when hardly anything is left.
const SHORTEST_HANDSHAKE: Duration = Duration::from_secs(1);
const LONGEST_HANDSHAKE: Duration = Duration::from_secs(5);

/// How long to wait between two handshakes.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How a service is asked for its certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// Where it listens.
    pub address: LocalAddress,
    /// The name to ask for (SNI, RFC 6066, section 3); none for the service's default.
    pub server_name: Option<String>,
    /// Protocols to offer (ALPN, RFC 7301), such as `h2`.
    pub alpn: Vec<Vec<u8>>,
    /// What comes before TLS, if something does.
    pub start_tls: Option<StartTls>,
    /// How long the new certificate may take to show.
    pub time_limit: Duration,
}

/// Shakes hands until the service shows `leaf_der` three times in a row, or the time is over.
/// TLS 1.2 and 1.3 are spoken. A service that demands a client's certificate gets none, which
/// does not matter: its own is seen before.
///
/// # Errors
/// Where another certificate is shown to the end, none is, or the address is not this machine's.
pub fn verify(wanted: &Verification, leaf_der: &[u8]) -> Result<(), VerificationError> {
    let deadline = Deadline::after(wanted.time_limit);
    let mut pause = SHORTEST_PAUSE;
    let mut in_a_row = 0;
    while in_a_row < IN_A_ROW {
        let failure = match look(wanted, deadline) {
            Ok(leaf) if leaf == leaf_der => {
                in_a_row += 1;
                continue;
            }
            Ok(leaf) => VerificationError::Another {
                address: wanted.address.clone(),
                shown: Shown::of(&leaf),
                expected: Shown::of(leaf_der),
            },
            Err(failure) => failure,
        };
        if deadline.has_passed() || !failure.may_pass() {
            return Err(failure);
        }
        in_a_row = 0;
        deadline.pause(pause);
        pause = LONGEST_PAUSE.min(pause * 2);
    }
    Ok(())
}

/// Whether every connection to the address is refused at once: nobody shows anything there, so
/// nobody shows anything old.
pub fn nobody_listens(wanted: &Verification) -> bool {
    let is_refused = |address| {
        let tried = stream::Stream::connect(address, Deadline::after(SHORTEST_HANDSHAKE));
        tried.is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
    };
    let all = wanted.address.all();
    !all.is_empty() && all.into_iter().all(is_refused)
}

/// The leaf that is shown at the first of the addresses that shows one.
fn look(wanted: &Verification, deadline: Deadline) -> Result<Vec<u8>, VerificationError> {
    let name = wanted.server_name.as_deref().map(handshake::name).transpose()?;
    let mut failure = VerificationError::Foreign { address: wanted.address.clone() };
    for address in wanted.address.all() {
        let limit = deadline.left().clamp(SHORTEST_HANDSHAKE, LONGEST_HANDSHAKE);
        match handshake::leaf(wanted, address, name.clone(), Deadline::after(limit)) {
            Ok(leaf) => return Ok(leaf),
            // Where nobody listens on one of two addresses, the other's failure says more.
            Err(_) if matches!(failure, VerificationError::None { .. }) => {}
            Err(cause) => {
                failure = VerificationError::None { address: wanted.address.clone(), cause };
            }
        }
    }
    Err(failure)
}
