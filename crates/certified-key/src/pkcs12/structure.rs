//! What the parts of a PKCS#12 file are made of, and what it borrows from PKCS#7.

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode as _, Reader as _, SliceReader, Tag, TagNumber, Tagged as _};

use crate::error::DecodeError;

/// id-data of PKCS#7: the content is there as it is.
pub(super) const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");

/// PKCS#7's `ContentInfo`.
pub(super) struct ContentInfo<'a> {
    pub(super) kind: ObjectIdentifier,
    /// One element of DER.
    pub(super) content: &'a [u8],
}

impl<'a> ContentInfo<'a> {
    pub(super) fn parse(reader: &mut SliceReader<'a>) -> der::Result<Self> {
        reader.sequence(|reader| {
            let kind = ObjectIdentifier::decode(reader)?;
            Ok(Self { kind, content: explicit(reader)? })
        })
    }
}

/// The element inside an explicit tag `[0]`.
pub(super) fn explicit<'a>(reader: &mut SliceReader<'a>) -> der::Result<&'a [u8]> {
    let outer = AnyRef::decode(reader)?;
    outer.tag().assert_eq(Tag::ContextSpecific { constructed: true, number: TagNumber(0) })?;
    Ok(outer.value())
}

/// A positive INTEGER that fits 32 bits, also with the needless zeros that DER forbids.
pub(super) fn number(integer: AnyRef<'_>) -> der::Result<u32> {
    integer.tag().assert_eq(Tag::Integer)?;
    let error = || der::Error::from(Tag::Integer.value_error());
    let bytes = integer.value();
    if bytes.first().is_none_or(|first| *first >= 0x80) {
        return Err(error());
    }
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let significant = &bytes[zeros..];
    if significant.is_empty() {
        return Err(error());
    }
    // A number that does not fit is beyond every limit.
    Ok(match significant.len() {
        1..=4 => significant.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)),
        _ => u32::MAX,
    })
}

pub(super) fn malformed(what: &'static str) -> DecodeError {
    DecodeError::MalformedPkcs12(what)
}
