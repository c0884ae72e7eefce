//! A certificate as people tell it from others.

use std::fmt;

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode, Reader, SliceReader, Tag, TagNumber, Tagged};

use crate::tail::Tail;

/// `id-at-commonName` (RFC 5280, appendix A.1).
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

/// Longer than any name that people tell certificates by (`ub-common-name` is 64).
const LONGEST_NAME: usize = 256;

/// Serial number and common name of a certificate, as far as they can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    serial: Option<String>,
    name: Option<String>,
}

impl Shown {
    /// What DER says.
    #[must_use]
    pub fn of(der: &[u8]) -> Self {
        let fields = fields(der);
        Self {
            serial: fields.as_ref().ok().map(|(serial, _)| serial.clone()),
            name: fields.ok().and_then(|(_, name)| name),
        }
    }

    /// In upper-case hexadecimal, as `openssl x509 -serial` prints it.
    #[must_use]
    pub fn serial(&self) -> Option<&str> {
        self.serial.as_deref()
    }
}

impl fmt::Display for Shown {
    /// `serial 0A1B (web.contoso.com)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.serial {
            Some(serial) => write!(f, "serial {serial}")?,
            None => f.write_str("an unreadable serial number")?,
        }
        match &self.name {
            Some(name) => write!(f, " ({name})"),
            None => Ok(()),
        }
    }
}

/// Serial number and subject's common name (`TBSCertificate`, RFC 5280, section 4.1).
fn fields(der: &[u8]) -> der::Result<(String, Option<String>)> {
    let mut certificate = inside(AnyRef::from_der(der)?, Tag::Sequence)?;
    let mut fields = inside(AnyRef::decode(&mut certificate)?, Tag::Sequence)?;
    let version = Tag::ContextSpecific { constructed: true, number: TagNumber(0) };
    let mut serial = AnyRef::decode(&mut fields)?;
    if serial.tag() == version {
        serial = AnyRef::decode(&mut fields)?;
    }
    serial.tag().assert_eq(Tag::Integer)?;
    for _signature_issuer_validity in 0..3 {
        AnyRef::decode(&mut fields)?;
    }
    let subject = AnyRef::decode(&mut fields)?;
    Ok((hexadecimal(serial.value()), common_name(subject).ok().flatten()))
}

/// The first one of a `Name`: a sequence of sets of types with values.
fn common_name(name: AnyRef<'_>) -> der::Result<Option<String>> {
    let mut names = inside(name, Tag::Sequence)?;
    while !names.is_finished() {
        let mut set = inside(AnyRef::decode(&mut names)?, Tag::Set)?;
        while !set.is_finished() {
            let mut pair = inside(AnyRef::decode(&mut set)?, Tag::Sequence)?;
            if ObjectIdentifier::decode(&mut pair)? == COMMON_NAME {
                let mut text = Tail::of(LONGEST_NAME);
                text.push(AnyRef::decode(&mut pair)?.value());
                return Ok(Some(text.text()));
            }
        }
    }
    Ok(None)
}

fn inside(any: AnyRef<'_>, tag: Tag) -> der::Result<SliceReader<'_>> {
    any.tag().assert_eq(tag)?;
    SliceReader::new(any.value())
}

fn hexadecimal(serial: &[u8]) -> String {
    let significant = match serial {
        [0, rest @ ..] if !rest.is_empty() => rest,
        all => all,
    };
    significant.iter().map(|byte| format!("{byte:02X}")).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DnType, KeyPair, SerialNumber};

    use super::*;

    fn certificate(serial: &[u8], name: Option<&str>) -> Vec<u8> {
        let mut params = CertificateParams::new(["web.contoso.com".to_owned()]).unwrap();
        params.serial_number = Some(SerialNumber::from_slice(serial));
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "Contoso");
        if let Some(name) = name {
            params.distinguished_name.push(DnType::CommonName, name);
        }
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn a_certificate_is_known_by_its_serial_number_and_name() {
        let shown = Shown::of(&certificate(&[0x0a, 0xff], Some("web.contoso.com")));
        assert_eq!(shown.serial(), Some("0AFF"));
        assert_eq!(shown.to_string(), "serial 0AFF (web.contoso.com)");
        // The sign of a number whose first bit is set is a zero byte.
        let high = Shown::of(&certificate(&[0xff, 0x01], None));
        assert_eq!(high.to_string(), "serial FF01");
    }

    #[test]
    fn a_name_cannot_play_tricks() {
        let shown = Shown::of(&certificate(&[1], Some("web\u{1b}[2J\u{202e}")));
        assert_eq!(shown.to_string(), "serial 01 (web\\u{1b}[2J\\u{202e})");
    }

    proptest! {
        #[test]
        fn anything_else_is_unreadable_and_no_more(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let text = Shown::of(&bytes).to_string();
            prop_assert!(!text.is_empty());
        }

        #[test]
        fn a_damaged_certificate_never_panics(at in 0usize..300, byte: u8) {
            let mut der = certificate(&[1], Some("web"));
            let at = at % der.len();
            der[at] = byte;
            let _ = Shown::of(&der).to_string();
        }
    }
}
