//! From the value of a secret to a certificate with its key: which format is it?

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use crate::assemble::{Decoded, Parts, assemble};
use crate::error::DecodeError;
use crate::{Certificate, CertifiedKey, pem_text, pkcs12};

/// Largest value that is looked at, in bytes. A secret holds at most 25 KiB
/// (<https://learn.microsoft.com/azure/key-vault/secrets/about-secrets>); the rest is for files.
pub const MAX_VALUE: usize = 1024 * 1024;

/// First byte of every DER or BER file: the tag of a SEQUENCE.
const SEQUENCE: u8 = 0x30;

/// Decodes the value of a secret: PEM text, or a PKCS#12 file in base64.
///
/// The value itself says which of the two it is. The content type is free text that a person can
/// type, so it only helps to word a refusal.
///
/// # Errors
/// A [`DecodeError`] whose text names the cause and the fix.
pub fn decode(content_type: Option<&str>, value: &str) -> Result<Decoded, DecodeError> {
    let text = value.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return Err(DecodeError::Empty);
    }
    if text.len() > MAX_VALUE {
        return Err(DecodeError::TooLarge { limit: MAX_VALUE });
    }
    if pem_text::is_pem(text.as_bytes()) {
        return decode_text(text.as_bytes());
    }
    let neither = || DecodeError::NotACertificate { content_type: content_type.map(short) };
    let bytes = from_base64(text.as_bytes()).ok_or_else(neither)?;
    if pem_text::is_pem(&bytes) {
        return decode_text(&bytes);
    }
    if bytes.first() != Some(&SEQUENCE) {
        return Err(neither());
    }
    decode_parts(pkcs12::read(&bytes).or_else(|error| lone_certificate(&bytes).ok_or(error))?)
}

/// What a file in DER holds that is a certificate and nothing else, as `.cer` files are: better
/// known as one without its key than as damaged PKCS#12.
fn lone_certificate(bytes: &[u8]) -> Option<Parts> {
    let mut parts = Parts::default();
    parts.add_certificate(Certificate::read(bytes)?.der().to_vec(), None).ok()?;
    Some(parts)
}

/// Decodes PEM text of a vault, also one that only wraps a PKCS#12 file. On a machine nobody could
/// use such a file as PEM, so one that is installed is not read like this.
fn decode_text(text: &[u8]) -> Result<Decoded, DecodeError> {
    match pem_text::pkcs12_in(text) {
        Some(file) => decode_parts(pkcs12::read(&file)?),
        None => decode_pem(text),
    }
}

impl CertifiedKey {
    /// Reads a PEM text that holds a certificate, its key, and perhaps its issuers, in any order;
    /// for looking at a file that is installed already.
    ///
    /// # Errors
    /// Whatever [`decode`] says of the same text.
    pub fn parse_pem(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode_pem(bytes).map(|decoded| decoded.key)
    }
}

/// Decodes PEM text that may come from anywhere.
fn decode_pem(bytes: &[u8]) -> Result<Decoded, DecodeError> {
    if bytes.len() > MAX_VALUE {
        return Err(DecodeError::TooLarge { limit: MAX_VALUE });
    }
    decode_parts(pem_text::read(bytes)?)
}

fn decode_parts(parts: Parts) -> Result<Decoded, DecodeError> {
    let decoded = assemble(parts)?;
    if pem_text::reads_back(&decoded.key) { Ok(decoded) } else { Err(DecodeError::NotReadBack) }
}

/// Base64 as people and tools write it: standard or URL-safe alphabet, with or without padding,
/// broken into lines or not.
fn from_base64(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let mut packed = Zeroizing::new(Vec::with_capacity(text.len()));
    packed.extend(pem_text::without_breaks(text));
    packed.iter_mut().for_each(|byte| match byte {
        b'-' => *byte = b'+',
        b'_' => *byte = b'/',
        _ => {}
    });
    let mut bytes = Zeroizing::new(vec![0; packed.len() / 4 * 3 + 3]);
    let length = LENIENT.decode_slice(packed.as_slice(), &mut bytes).ok()?;
    bytes.truncate(length);
    Some(bytes)
}

/// A content type as a log can bear it.
fn short(content_type: &str) -> String {
    content_type.chars().filter(|letter| !letter.is_control()).take(60).collect()
}
