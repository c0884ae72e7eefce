//! PEM text out: one form only, so that equal certified keys are equal files.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pem::{EncodeConfig, LineEnding, Pem, encode_config};
use zeroize::Zeroizing;

use crate::Certificate;
use crate::certified::CertifiedKey;

/// Bytes of base64 text in a line (RFC 7468 §2).
const LINE: usize = 64;

impl CertifiedKey {
    /// Leaf, issuers in order, then the private key as PKCS#8 `PRIVATE KEY`.
    pub fn to_pem(&self) -> Zeroizing<Vec<u8>> {
        let mut text = Zeroizing::new(self.to_chain_pem());
        let key = self.to_key_pem();
        // One allocation of the final size: a growing vector would leave copies of the key behind.
        let mut whole = Zeroizing::new(Vec::with_capacity(text.len() + key.len()));
        whole.append(&mut text);
        whole.extend_from_slice(&key);
        whole
    }

    /// Leaf, then issuers in order.
    pub fn to_chain_pem(&self) -> Vec<u8> {
        certificates(std::iter::once(self.leaf()).chain(self.issuers()))
    }

    /// The leaf alone.
    pub fn to_leaf_pem(&self) -> Vec<u8> {
        certificates([self.leaf()])
    }

    /// The issuers in order; nothing where the leaf has none.
    pub fn to_issuers_pem(&self) -> Vec<u8> {
        certificates(self.issuers())
    }

    /// The private key alone, as PKCS#8 `PRIVATE KEY`.
    pub fn to_key_pem(&self) -> Zeroizing<Vec<u8>> {
        // Written here and not by the pem crate, which would leave copies in freed memory.
        const BEGIN: &[u8] = b"-----BEGIN PRIVATE KEY-----\n";
        const END: &[u8] = b"-----END PRIVATE KEY-----\n";
        let pkcs8 = self.key.pkcs8();
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
}

fn certificates<'a>(list: impl IntoIterator<Item = &'a Certificate>) -> Vec<u8> {
    list.into_iter().map(certificate).collect::<String>().into()
}

fn certificate(certificate: &Certificate) -> String {
    let unix = EncodeConfig::new().set_line_ending(LineEnding::LF);
    encode_config(&Pem::new("CERTIFICATE", certificate.der()), unix)
}
