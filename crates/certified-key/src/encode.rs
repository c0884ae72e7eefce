//! PEM text out: one form only, so that equal certified keys are equal files.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pem::{EncodeConfig, LineEnding, Pem, encode_config};
use zeroize::Zeroizing;

use crate::Certificate;
use crate::certified::CertifiedKey;

/// Bytes of base64 text in a line (RFC 7468 §2).
const LINE: usize = 64;

pub(crate) fn combined(key: &CertifiedKey) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(chain(key));
    let key = self::key(key);
    // One allocation of the final size: a growing vector would leave copies of the key behind.
    let mut whole = Zeroizing::new(Vec::with_capacity(text.len() + key.len()));
    whole.append(&mut text);
    whole.extend_from_slice(&key);
    whole
}

pub(crate) fn chain(key: &CertifiedKey) -> Vec<u8> {
    certificates(&std::iter::once(key.leaf()).chain(key.issuers()).collect::<Vec<_>>())
}

pub(crate) fn certificates(list: &[&Certificate]) -> Vec<u8> {
    list.iter().map(|one| certificate(one)).collect::<String>().into()
}

fn certificate(certificate: &Certificate) -> String {
    let unix = EncodeConfig::new().set_line_ending(LineEnding::LF);
    encode_config(&Pem::new("CERTIFICATE", certificate.der()), unix)
}

/// Written here and not by the pem crate, which would leave copies in freed memory.
pub(crate) fn key(key: &CertifiedKey) -> Zeroizing<Vec<u8>> {
    const BEGIN: &[u8] = b"-----BEGIN PRIVATE KEY-----\n";
    const END: &[u8] = b"-----END PRIVATE KEY-----\n";
    let pkcs8 = key.key.pkcs8();
    let mut base64 = Zeroizing::new(vec![0; pkcs8.len().div_ceil(3) * 4]);
    // The buffer has exactly the size that base64 needs, so this cannot fail; an empty body would
    // be found by the check that follows every decoding.
    let length = STANDARD.encode_slice(pkcs8, &mut base64).unwrap_or(0);
    let lines = length.div_ceil(LINE);
    let mut text = Zeroizing::new(Vec::with_capacity(BEGIN.len() + length + lines + END.len()));
    text.extend_from_slice(BEGIN);
    for line in base64[..length].chunks(LINE) {
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    text.extend_from_slice(END);
    text
}
