//! PKCS#12 files (RFC 7292): reading those that can be opened without knowing a password, and
//! writing.
//!
//! Key Vault protects what it hands out with the *null* password, openssl and Java an unprotected
//! file with the *empty* one: zero bytes and two zero bytes at the input of PKCS#12's own key
//! derivation. Both are tried. Old and weak algorithms are read, because what matters here is
//! that the certificate reaches the machine; the transport has been TLS.

mod ber;
mod budget;
mod derivation;
mod deriver;
mod encryption;
mod foresight;
mod hash;
mod mac;
mod password;
mod pfx;
mod safe;
mod structure;
mod tlv;
mod write;

use crate::assemble::Parts;
use crate::error::DecodeError;
use deriver::Deriver;
use mac::Mac;
use password::Password;
use pfx::Pfx;
pub use write::Encryption;

/// Reads every certificate and private key of a file.
///
/// One bag that cannot be read does not lose the others: it becomes a failure among the parts.
pub(crate) fn read(bytes: &[u8]) -> Result<Parts, DecodeError> {
    let der = ber::to_der(bytes)?;
    let pfx = Pfx::parse(&der)?;
    let mut deriver = Deriver::default();
    let password = match &pfx.mac {
        Some(mac) => password_of(mac, pfx.content, &mut deriver)?,
        // Then only what decrypts well can tell the password, and both are tried on that.
        None => Password::CANDIDATES[0],
    };
    let safes = ber::to_der(pfx.content)?;
    deriver.foresee(password, foresight::wanted(&safes));
    safe::read(&safes, password, &mut deriver)
}

/// Do these bytes begin as a file does, with its version (RFC 7292 §4)? No certificate and no key
/// has a three there.
pub(crate) fn begins(bytes: &[u8]) -> bool {
    const VERSION: [u8; 3] = [0x02, 0x01, 0x03];
    let octets = bytes.get(1).map_or(0, |first| if *first > 0x80 { first & 0x7f } else { 0 });
    bytes.get(2 + usize::from(octets)..).is_some_and(|inside| inside.starts_with(&VERSION))
}

/// Whether a file that [`CertifiedKey::to_pkcs12`](crate::CertifiedKey::to_pkcs12) made was made
/// with this password.
pub fn pkcs12_opens_with(file: &[u8], password: &str) -> bool {
    let opens = || {
        let Pfx { content, mac } = Pfx::parse(file).ok()?;
        mac?.matches_pkcs12(content, &password::utf16(password), &mut Deriver::default()).ok()
    };
    opens().unwrap_or(false)
}

fn password_of(
    mac: &Mac<'_>,
    content: &[u8],
    deriver: &mut Deriver,
) -> Result<Password, DecodeError> {
    for password in Password::CANDIDATES {
        if mac.matches(content, password, deriver)? {
            return Ok(password);
        }
    }
    Err(DecodeError::PasswordProtected)
}
