//! The outer shape of a PKCS#12 file (RFC 7292 §4).

use der::asn1::{AnyRef, OctetStringRef};
use der::{Decode as _, Reader as _, SliceReader};

use super::mac::Mac;
use super::structure::{ContentInfo, DATA, malformed, number};
use crate::algorithm;
use crate::error::DecodeError;

/// A whole file.
pub(super) struct Pfx<'a> {
    /// The authenticated safe, still encoded: what the MAC is computed over.
    pub(super) content: &'a [u8],
    pub(super) mac: Option<Mac<'a>>,
}

impl<'a> Pfx<'a> {
    pub(super) fn parse(der: &'a [u8]) -> Result<Self, DecodeError> {
        let not_pkcs12 = malformed("it is not PKCS#12");
        let mut reader = SliceReader::new(der).map_err(|_| not_pkcs12.clone())?;
        let (safe, mac) = reader
            .sequence(|reader| {
                number(AnyRef::decode(reader)?)?; // the version, which is always 3
                let safe = ContentInfo::parse(reader)?;
                let mac = if reader.is_finished() { None } else { Some(Mac::parse(reader)?) };
                Ok::<_, der::Error>((safe, mac))
            })
            .map_err(|_| not_pkcs12.clone())?;
        if safe.kind != DATA {
            let name = algorithm::name(safe.kind);
            return Err(DecodeError::UnsupportedPkcs12 { what: "protection", name });
        }
        let content = <&OctetStringRef>::from_der(safe.content).map_err(|_| not_pkcs12)?.as_bytes();
        Ok(Self { content, mac })
    }
}
