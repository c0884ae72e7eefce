//! PEM text (RFC 7468): which blocks there are, and what is in them.
//!
//! The framing is found here, because a reader that looks for whole blocks only would silently
//! lose a last block that is cut off. Private keys are decoded into wiped memory.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::assemble::Parts;
use crate::certified::CertifiedKey;
use crate::error::DecodeError;
use crate::pkcs12;
use crate::private_key::PrivateKey;

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";

/// Does the text have a block of any kind?
pub(crate) fn is_pem(text: &[u8]) -> bool {
    find(text, BEGIN).is_some()
}

/// Reads every certificate and private key in the text.
pub(crate) fn read(text: &[u8]) -> Result<Parts, DecodeError> {
    let mut parts = Parts::default();
    let mut rest = text;
    while let Some(block) = next_block(&mut rest)? {
        match block.label {
            b"CERTIFICATE" | b"X509 CERTIFICATE" | b"TRUSTED CERTIFICATE" => {
                read_certificate(&block, &mut parts)?;
            }
            b"PRIVATE KEY" => read_key(&block, PrivateKey::from_pkcs8, &mut parts)?,
            b"RSA PRIVATE KEY" => read_key(&block, PrivateKey::from_pkcs1, &mut parts)?,
            b"EC PRIVATE KEY" => read_key(&block, PrivateKey::from_sec1, &mut parts)?,
            b"ENCRYPTED PRIVATE KEY" => parts.add_key(Err(DecodeError::EncryptedKey), None)?,
            b"OPENSSH PRIVATE KEY" => parts.add_key(Err(DecodeError::OpenSshKey), None)?,
            // RFC 7468, sections 8 and 9, and OpenSSL's two older names.
            b"PKCS7" | b"CMS" | b"PKCS #7 SIGNED DATA" => parts.failures.push(DecodeError::Pkcs7),
            b"EC PARAMETERS" | b"DH PARAMETERS" => {}
            other if other.ends_with(b"PRIVATE KEY") => {
                let kind = format!("in the form {:?}", printable(other));
                parts.add_key(Err(DecodeError::UnsupportedKey(kind)), None)?;
            }
            other => parts.notes.push(format!("left out a PEM block {:?}", printable(other))),
        }
    }
    Ok(parts)
}

/// The PKCS#12 file that the text is nothing but a wrapping of. GnuTLS' certtool calls the block
/// `PKCS12`; Windows' `certutil -encode` calls whatever it is given `CERTIFICATE`.
pub(crate) fn pkcs12_in(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut rest = text;
    let file = next_block(&mut rest).ok()??.decode().ok()?;
    (!is_pem(rest) && pkcs12::begins(&file)).then_some(file)
}

/// Does what this key encodes to hold exactly this key, in this order?
pub(crate) fn reads_back(key: &CertifiedKey) -> bool {
    let text = key.to_pem();
    let mut rest = text.as_slice();
    let mut next_is = |label: &[u8], der: &[u8]| match next_block(&mut rest) {
        Ok(Some(block)) if block.label == label => {
            block.decode().is_ok_and(|bytes| bytes.as_slice() == der)
        }
        _ => false,
    };
    next_is(b"CERTIFICATE", key.leaf().der())
        && key.issuers().iter().all(|issuer| next_is(b"CERTIFICATE", issuer.der()))
        && next_is(b"PRIVATE KEY", key.key.pkcs8())
        && rest.is_empty()
}

/// One block: the label between its dashes, and the lines between BEGIN and END.
struct Block<'a> {
    label: &'a [u8],
    body: &'a [u8],
}

impl Block<'_> {
    fn decode(&self) -> Result<Zeroizing<Vec<u8>>, DecodeError> {
        let mut packed = Zeroizing::new(Vec::with_capacity(self.body.len()));
        packed.extend(without_breaks(self.body));
        let mut bytes = Zeroizing::new(vec![0; packed.len() / 4 * 3 + 3]);
        let length = STANDARD
            .decode_slice(packed.as_slice(), &mut bytes)
            .map_err(|_| DecodeError::MalformedPem("a block is not base64"))?;
        bytes.truncate(length);
        Ok(bytes)
    }

    /// Has it RFC 1421's headers? Only encrypted keys of the old kinds have.
    fn is_encrypted(&self) -> bool {
        find(self.body, b"Proc-Type:").is_some()
    }
}

/// The text without white space, also where a shell or a JSON text left line breaks as `\n`: no
/// base64 has a backslash.
pub(crate) fn without_breaks(body: &[u8]) -> impl Iterator<Item = u8> {
    let mut rest = body.iter().copied().peekable();
    std::iter::from_fn(move || {
        loop {
            match rest.next()? {
                b'\\' if rest.next_if(|next| matches!(next, b'n' | b'r')).is_some() => {}
                byte if byte.is_ascii_whitespace() => {}
                byte => return Some(byte),
            }
        }
    })
}

fn next_block<'a>(rest: &mut &'a [u8]) -> Result<Option<Block<'a>>, DecodeError> {
    let start = find(rest, BEGIN);
    // A block whose first line is damaged would else be missing without a word.
    if find(&rest[..start.unwrap_or(rest.len())], END).is_some() {
        return Err(DecodeError::MalformedPem("an END line has no BEGIN line"));
    }
    let Some(start) = start else {
        *rest = &[];
        return Ok(None);
    };
    let (label, after_label) = until_dashes(&rest[start + BEGIN.len()..])?;
    let end =
        find(after_label, END).ok_or(DecodeError::MalformedPem("the last block is cut off"))?;
    let body = &after_label[..end];
    if find(body, BEGIN).is_some() {
        return Err(DecodeError::MalformedPem("a block is cut off"));
    }
    let (end_label, after) = until_dashes(&after_label[end + END.len()..])?;
    if label != end_label {
        return Err(DecodeError::MalformedPem("a BEGIN line and its END line differ"));
    }
    *rest = after.trim_ascii_start();
    Ok(Some(Block { label, body }))
}

fn until_dashes(text: &[u8]) -> Result<(&[u8], &[u8]), DecodeError> {
    let line = text.iter().position(|byte| *byte == b'\n').unwrap_or(text.len());
    find(&text[..line], DASHES)
        .map(|dashes| (text[..dashes].trim_ascii(), &text[dashes + DASHES.len()..]))
        .ok_or(DecodeError::MalformedPem("a BEGIN or END line is cut off"))
}

fn read_certificate(block: &Block<'_>, parts: &mut Parts) -> Result<(), DecodeError> {
    parts.add_certificate(block.decode()?.to_vec(), None)
}

fn read_key(
    block: &Block<'_>,
    parse: fn(&[u8]) -> Result<PrivateKey, DecodeError>,
    parts: &mut Parts,
) -> Result<(), DecodeError> {
    if block.is_encrypted() {
        return parts.add_key(Err(DecodeError::EncryptedKey), None);
    }
    parts.add_key(parse(&block.decode()?), None)
}

fn printable(label: &[u8]) -> String {
    String::from_utf8_lossy(label).chars().filter(|letter| !letter.is_control()).take(60).collect()
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    // Nearly everywhere, the first byte says no.
    text.windows(wanted.len()).position(|window| window[0] == wanted[0] && window == wanted)
}
