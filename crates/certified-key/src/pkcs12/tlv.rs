//! DER out (X.690 §8, §10). Everything may be a private key on its way, so every buffer is made in
//! its final size and wiped.

use der::asn1::ObjectIdentifier;
use zeroize::Zeroizing;

pub(super) type Element = Zeroizing<Vec<u8>>;

pub(super) fn sequence(parts: &[&[u8]]) -> Element {
    element(0x30, parts)
}

/// A SET OF: its elements in the order of their bytes (X.690 §11.6).
pub(super) fn set_of(parts: &[&[u8]]) -> Element {
    let mut sorted = parts.to_vec();
    sorted.sort_unstable();
    element(0x31, &sorted)
}

pub(super) fn octets(bytes: &[u8]) -> Element {
    element(0x04, &[bytes])
}

/// The explicit tag `[0]`.
pub(super) fn explicit(inner: &[u8]) -> Element {
    element(0xa0, &[inner])
}

/// The implicit tag `[0]` of an OCTET STRING.
pub(super) fn implicit_octets(bytes: &[u8]) -> Element {
    element(0x80, &[bytes])
}

pub(super) fn oid(oid: ObjectIdentifier) -> Element {
    element(0x06, &[oid.as_bytes()])
}

pub(super) fn null() -> Element {
    element(0x05, &[])
}

pub(super) fn number(number: u32) -> Element {
    let bytes = number.to_be_bytes();
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count().min(bytes.len() - 1);
    let significant = &bytes[zeros..];
    // A first bit that is set would be a sign.
    let sign: &[u8] = if significant[0] >= 0x80 { &[0] } else { &[] };
    element(0x02, &[sign, significant])
}

/// A BMPString; what needs more than 16 bits is left out.
pub(super) fn bmp(text: &str) -> Element {
    let wide = text.chars().filter_map(|letter| u16::try_from(u32::from(letter)).ok());
    let bytes: Vec<u8> = wide.flat_map(u16::to_be_bytes).collect();
    element(0x1e, &[&bytes])
}

fn element(tag: u8, parts: &[&[u8]]) -> Element {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let header = length_octets(length);
    let mut bytes = Zeroizing::new(Vec::with_capacity(1 + header.len() + length));
    bytes.push(tag);
    bytes.extend_from_slice(&header);
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
    bytes
}

fn length_octets(length: usize) -> Vec<u8> {
    let bytes = length.to_be_bytes();
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let significant = &bytes[zeros..];
    match (length, u8::try_from(significant.len())) {
        (0..0x80, _) | (_, Err(_)) => vec![bytes[bytes.len() - 1]],
        (_, Ok(count)) => [&[0x80 | count], significant].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_the_short_and_the_long_form() {
        for (length, octets) in
            [(0, vec![0]), (127, vec![127]), (128, vec![0x81, 128]), (300, vec![0x82, 1, 44])]
        {
            assert_eq!(length_octets(length), octets);
        }
    }

    #[test]
    fn numbers_have_no_needless_and_no_missing_zeros() {
        for (value, bytes) in [
            (0, &[2, 1, 0][..]),
            (127, &[2, 1, 127]),
            (128, &[2, 2, 0, 128]),
            (2048, &[2, 2, 8, 0]),
            (u32::MAX, &[2, 5, 0, 255, 255, 255, 255]),
        ] {
            assert_eq!(number(value).as_slice(), bytes);
        }
    }
}
