//! BER to DER.
//!
//! RFC 7292 allows BER, and Bouncy Castle and older tools write it: indefinite lengths, strings
//! in pieces. It is turned into DER first, so that everything behind reads one form only.

use std::ops::Deref;

use zeroize::Zeroizing;

use super::structure::malformed;
use crate::error::DecodeError;

/// Deepest nesting that is followed. A PKCS#12 file needs about ten.
const MAX_DEPTH: usize = 32;

const CONSTRUCTED: u8 = 0x20;
const OCTET_STRING: u8 = 0x04;
/// The tag of an OCTET STRING that comes in pieces.
const PIECES: [u8; 1] = [OCTET_STRING | CONSTRUCTED];
const LONG_TAG: u8 = 0x1f;
const INDEFINITE: u8 = 0x80;
const END_OF_CONTENTS: [u8; 2] = [0, 0];

/// One element, as it came or rewritten.
pub(super) enum Der<'a> {
    AsItCame(&'a [u8]),
    Rewritten(Zeroizing<Vec<u8>>),
}

impl Deref for Der<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::AsItCame(der) => der,
            Self::Rewritten(der) => der,
        }
    }
}

/// Makes sure that one element and everything in it is DER. Bytes behind it are an error.
pub(super) fn to_der(ber: &[u8]) -> Result<Der<'_>, DecodeError> {
    // Nearly every file is, and rewriting copies each level.
    match after_der(ber, 0) {
        Some([]) => Ok(Der::AsItCame(ber)),
        _ => rewritten(ber).map(Der::Rewritten),
    }
}

/// What follows an element that is DER; `None` where it is not, or is damaged.
fn after_der(mut rest: &[u8], depth: usize) -> Option<&[u8]> {
    let tag = take_tag(&mut rest).ok()?;
    let from_length = rest;
    let length = take_length(&mut rest).ok()??;
    let octets = from_length.len() - rest.len();
    let (mut inner, after) = rest.split_at_checked(length)?;
    if depth > MAX_DEPTH || tag == PIECES || octets != length_octets(length) {
        return None;
    }
    while tag[0] & CONSTRUCTED != 0 && !inner.is_empty() {
        inner = after_der(inner, depth + 1)?;
    }
    Some(after)
}

/// How many bytes DER has for this length.
fn length_octets(length: usize) -> usize {
    match length {
        0..=0x7f => 1,
        _ => 1 + (usize::BITS - length.leading_zeros()).div_ceil(8) as usize,
    }
}

fn rewritten(ber: &[u8]) -> Result<Zeroizing<Vec<u8>>, DecodeError> {
    let mut der = Zeroizing::new(Vec::with_capacity(ber.len()));
    let mut rest = ber;
    rewrite(&mut rest, &mut der, 0)?;
    match rest {
        [] => Ok(der),
        _ => Err(malformed("something follows its end")),
    }
}

fn rewrite(rest: &mut &[u8], der: &mut Vec<u8>, depth: usize) -> Result<(), DecodeError> {
    if depth > MAX_DEPTH {
        return Err(malformed("it is nested too deeply"));
    }
    let tag = take_tag(rest)?;
    let length = take_length(rest)?;
    if tag[0] & CONSTRUCTED == 0 {
        let contents = take(rest, length.ok_or(CUT_OFF)?)?;
        append(der, tag, contents);
        return Ok(());
    }
    let mut contents = Zeroizing::new(Vec::with_capacity(length.unwrap_or(0).min(rest.len())));
    match length {
        Some(length) => {
            let mut inner = take(rest, length)?;
            while !inner.is_empty() {
                rewrite(&mut inner, &mut contents, depth + 1)?;
            }
        }
        None => {
            while !rest.starts_with(&END_OF_CONTENTS) {
                rewrite(rest, &mut contents, depth + 1)?;
            }
            *rest = &rest[END_OF_CONTENTS.len()..];
        }
    }
    if tag == PIECES {
        append(der, &[OCTET_STRING], &joined(&contents)?);
    } else {
        append(der, tag, &contents);
    }
    Ok(())
}

/// The pieces of an OCTET STRING, put together. What comes in is DER already.
pub(super) fn joined(mut pieces: &[u8]) -> Result<Zeroizing<Vec<u8>>, DecodeError> {
    let mut whole = Zeroizing::new(Vec::with_capacity(pieces.len()));
    while !pieces.is_empty() {
        if take_tag(&mut pieces)? != [OCTET_STRING] {
            return Err(malformed("a string in pieces has a piece that is no string"));
        }
        let length = take_length(&mut pieces)?.ok_or(CUT_OFF)?;
        whole.extend_from_slice(take(&mut pieces, length)?);
    }
    Ok(whole)
}

const CUT_OFF: DecodeError = DecodeError::MalformedPkcs12("it is cut off");

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], DecodeError> {
    let (taken, after) = rest.split_at_checked(length).ok_or(CUT_OFF)?;
    *rest = after;
    Ok(taken)
}

fn take_tag<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], DecodeError> {
    let first = rest.first().ok_or(CUT_OFF)?;
    if first & LONG_TAG != LONG_TAG {
        return take(rest, 1);
    }
    // A long tag goes on while the high bit is set; none of PKCS#12's does.
    let more = rest.iter().skip(1).take(4).take_while(|byte| **byte & 0x80 != 0).count();
    take(rest, 2 + more)
}

/// `None` is an indefinite length, which only a constructed element can have.
fn take_length(rest: &mut &[u8]) -> Result<Option<usize>, DecodeError> {
    let first = take(rest, 1)?[0];
    match first {
        0..=0x7f => Ok(Some(usize::from(first))),
        INDEFINITE => Ok(None),
        0x81..=0x84 => {
            let bytes = take(rest, usize::from(first & 0x7f))?;
            Ok(Some(bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte))))
        }
        _ => Err(malformed("it has a length beyond all limits")),
    }
}

fn append(der: &mut Vec<u8>, tag: &[u8], contents: &[u8]) {
    der.extend_from_slice(tag);
    let length = contents.len().to_be_bytes();
    let zeros = length.iter().take_while(|byte| **byte == 0).count().min(length.len() - 1);
    let significant = &length[zeros..];
    if contents.len() >= 0x80 {
        // Four bytes at most, because the input's size is limited.
        der.push(0x80 | significant.len() as u8);
    }
    der.extend_from_slice(significant);
    der.extend_from_slice(contents);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY_VAULT: &[u8] =
        include_bytes!("../../tests/fixtures/key-vault-2021-07-ec-p256-exportable.pfx");

    fn der(ber: &[u8]) -> Vec<u8> {
        to_der(ber).unwrap().to_vec()
    }

    #[test]
    fn der_stays_as_it_is() {
        let element = [0x30, 0x06, 0x02, 0x01, 0x03, 0x04, 0x01, 0xff];
        assert_eq!(der(&element), element);
        let long = [vec![0x04, 0x82, 0x01, 0x00], vec![7; 256]].concat();
        assert_eq!(der(&long), long);
        for der in [&element, long.as_slice(), KEY_VAULT] {
            assert!(matches!(to_der(der), Ok(Der::AsItCame(_))));
        }
    }

    #[test]
    fn indefinite_and_wasteful_lengths_become_short() {
        let expected = [0x30, 0x03, 0x02, 0x01, 0x03];
        assert_eq!(der(&[0x30, 0x80, 0x02, 0x01, 0x03, 0x00, 0x00]), expected);
        assert_eq!(der(&[0x30, 0x82, 0x00, 0x03, 0x02, 0x01, 0x03]), expected);
    }

    #[test]
    fn a_string_in_pieces_becomes_one() {
        let pieces = [0x24, 0x80, 0x04, 0x01, 1, 0x24, 0x05, 0x04, 0x01, 2, 0x04, 0x00, 0x00, 0x00];
        assert_eq!(der(&pieces), [0x04, 0x02, 1, 2]);
        let wrong = [0x24, 0x03, 0x02, 0x01, 0x03];
        assert!(to_der(&wrong).is_err());
    }

    #[test]
    fn what_is_cut_off_too_long_or_too_deep_is_an_error() {
        let bad: [&[u8]; 9] = [
            b"",
            &[0x30],
            &[0x30, 0x05, 0x02],
            &[0x30, 0x80, 0x02, 0x01, 0x03],
            &[0x04, 0x80, 0x00, 0x00],
            &[0x30, 0x85, 0, 0, 0, 0, 0],
            &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
            &[0x30, 0x00, 0x00],
            &[0x1f, 0xff, 0xff],
        ];
        for ber in bad {
            assert!(matches!(to_der(ber), Err(DecodeError::MalformedPkcs12(_))), "{ber:02x?}");
        }
        let bomb = [0x30, 0x80].repeat(100_000);
        assert_eq!(to_der(&bomb).err(), Some(malformed("it is nested too deeply")));
    }

    proptest! {
        #[test]
        fn twice_is_once(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(once) = rewritten(&bytes) {
                prop_assert!(matches!(to_der(&once), Ok(Der::AsItCame(_))));
                prop_assert_eq!(rewritten(&once).unwrap(), once);
            }
        }

        #[test]
        fn what_is_taken_as_it_came_would_be_rewritten_to_the_same(
            place in 0..KEY_VAULT.len(), byte: u8, cut in 0..4_usize
        ) {
            let mut bytes = KEY_VAULT[..KEY_VAULT.len() - cut].to_vec();
            if let Some(damaged) = bytes.get_mut(place) {
                *damaged = byte;
            }
            prop_assert_eq!(to_der(&bytes).map(|der| der.to_vec()), rewritten(&bytes).map(|der| der.to_vec()));
        }
    }
}
