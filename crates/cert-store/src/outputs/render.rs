//! A version in one of its forms.

use std::path::Path;

use atomic_file::{Examined, Opening};
use certified_key::{CertifiedKey, Content, Encryption};
use zeroize::Zeroizing;

use super::wanted::{Form, Material};
use crate::error::StoreError;
use crate::output_error::OutputError;

/// The longest file that a password is read from, in bytes.
const LONGEST_PASSWORD: u64 = 4096;

/// Bits that let others than the owner and the group do anything, or the group write.
const TOO_OPEN: u32 = 0o027;

/// The bytes of `form`, for the output at `path`.
pub(super) fn render(
    form: &Form,
    material: Material<'_>,
    password: &str,
    path: &Path,
) -> Result<Zeroizing<Vec<u8>>, OutputError> {
    let path = || path.to_owned();
    let key = || match material.content {
        Content::Certificate(key) => Ok(key),
        Content::Opaque(_) => Err(OutputError::NotACertificate { path: path() }),
    };
    let pkcs12 = |key: &CertifiedKey, encryption: Encryption| {
        let encoded = key.to_pkcs12(password, encryption);
        encoded.map_err(|source| OutputError::Encode { path: path(), source })
    };
    Ok(match form {
        Form::Combined => key()?.to_pem(),
        Form::FullChain => Zeroizing::new(key()?.to_chain_pem()),
        Form::Leaf => Zeroizing::new(key()?.to_leaf_pem()),
        Form::Issuers => Zeroizing::new(key()?.to_issuers_pem()),
        Form::PrivateKey => key()?.to_key_pem(),
        Form::Pkcs12 { encryption, .. } => pkcs12(key()?, *encryption)?,
        Form::Raw => match (material.content, material.value) {
            (Content::Opaque(bytes), _) => bytes.clone(),
            (Content::Certificate(_), Some(value)) => Zeroizing::new(value.to_vec()),
            (Content::Certificate(_), None) => {
                return Err(OutputError::NoValue { path: path() });
            }
        },
    })
}

/// The password of a form: the first line of its file, empty for every other form.
pub(super) fn password(form: &Form, opening: &Opening) -> Result<Zeroizing<String>, StoreError> {
    let Form::Pkcs12 { password_file: Some(path), .. } = form else {
        return Ok(Zeroizing::default());
    };
    let refused = |reason| StoreError::Output(OutputError::Password { path: path.clone(), reason });
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(refused("is no file"));
    };
    let found = opening.open(parent)?.examine(name, LONGEST_PASSWORD)?;
    let Examined { entry, content, .. } = found.ok_or(refused("does not exist"))?;
    let content = Zeroizing::new(content);
    if entry.user != 0 && entry.user != rustix::process::geteuid().as_raw() {
        return Err(refused("does not belong to root; make root its owner"));
    }
    if entry.mode & TOO_OPEN != 0 {
        return Err(refused("is open to others; give it the mode 0600 or 0640"));
    }
    let text = str::from_utf8(&content).map_err(|_| refused("is not a text in UTF-8"))?;
    let line = text.split('\n').next().unwrap_or_default();
    Ok(Zeroizing::new(line.strip_suffix('\r').unwrap_or(line).to_owned()))
}
