//! What a secret of the vault's offers: its content, and when that may be used.

use certified_key::{CertifiedKey, DecodeError};
use keyvault_client::Secret;

use crate::code::Code;
use crate::failure::{Failure, Retry};
use crate::guard::Validity;

/// The certificate and its key, with notes for the log.
pub(crate) fn decode(secret: &Secret) -> Result<(CertifiedKey, Vec<String>), Failure> {
    match certified_key::decode(secret.content_type.as_deref(), &secret.value) {
        Ok(decoded) => Ok((decoded.key, decoded.notes)),
        Err(error) => {
            let code = match error {
                DecodeError::NoPrivateKey { .. } => Code::NoPrivateKey,
                _ => Code::NotACertificate,
            };
            Err(Failure::of(&error, code, Retry::NextPoll))
        }
    }
}

/// When the vault says that it may be used.
pub(crate) fn dates_of(secret: &Secret) -> Validity {
    Validity { begins: secret.attributes.not_before, ends: secret.attributes.expires }
}

/// When the certificate itself says so.
pub(crate) fn leaf_dates(key: &CertifiedKey) -> Validity {
    Validity { begins: Some(key.leaf().not_before()), ends: Some(key.leaf().not_after()) }
}

/// The vault hands it out, but says that it is not to be used.
pub(crate) fn disabled(secret: &Secret) -> Failure {
    let public = format!(
        "version {} is disabled in the vault; enable it or issue a new version",
        secret.version
    );
    Failure::plain(Code::SecretDisabled, Retry::NextPoll, public)
}
