//! One certificate, with what people and stores ask of it.

use std::fmt;
use std::time::{Duration, SystemTime};

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::objects::{oid_registry, oid2abbrev};
use x509_parser::time::ASN1Time;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

use crate::candidate::{Candidate, text};

/// An X.509 certificate.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    subject: String,
    issuer: String,
    serial: String,
    not_before: SystemTime,
    not_after: SystemTime,
    dns_names: Vec<String>,
    self_signed: bool,
}

impl Certificate {
    pub(crate) fn new(found: &Candidate<'_>) -> Self {
        let parsed = &found.parsed;
        Self {
            der: found.der.to_vec(),
            subject: one_line(parsed.subject()),
            issuer: one_line(parsed.issuer()),
            serial: hexadecimal(parsed.raw_serial()),
            not_before: system_time(parsed.validity().not_before),
            not_after: system_time(parsed.validity().not_after),
            dns_names: dns_names(parsed),
            self_signed: found.is_self_signed(),
        }
    }

    /// Reads a certificate that comes alone, without a key; `None` where the bytes are none.
    pub fn read(der: &[u8]) -> Option<Self> {
        Candidate::read(der, None).as_ref().map(Self::new)
    }

    /// The certificate's bytes.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Whom it certifies, in one line, as in `C=US, O=Contoso, CN=www.contoso.com`.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The subject's common name, whatever characters are in it.
    pub(crate) fn common_name(&self) -> Option<String> {
        let found = Candidate::read(&self.der, None)?;
        let name = found.parsed.subject().iter_common_name().next()?;
        text(name).filter(|name| !name.is_empty() && !name.contains(char::is_control))
    }

    /// Who certified it, in one line.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Serial number in upper-case hexadecimal, as `openssl x509 -serial` prints it.
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// Beginning of validity.
    pub fn not_before(&self) -> SystemTime {
        self.not_before
    }

    /// End of validity.
    pub fn not_after(&self) -> SystemTime {
        self.not_after
    }

    /// DNS names of the subjectAltName extension, in its order.
    pub fn dns_names(&self) -> &[String] {
        &self.dns_names
    }

    /// Certified by its own key?
    pub fn is_self_signed(&self) -> bool {
        self.self_signed
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({}, serial {}, by {})", self.subject, self.serial, self.issuer)
    }
}

/// A name as a log can bear it: no control characters, not endless.
pub(crate) fn one_line(name: &X509Name<'_>) -> String {
    const LONGEST: usize = 400;
    let text = name.to_string_with_registry(oid_registry()).unwrap_or_else(|_| piecewise(name));
    let text: String = text.chars().filter(|letter| !letter.is_control()).take(LONGEST).collect();
    if text.is_empty() { "(no name)".to_owned() } else { text }
}

/// A name that the library gives up on, for a T.61 string with an umlaut, say.
fn piecewise(name: &X509Name<'_>) -> String {
    let part = |attribute: &AttributeTypeAndValue<'_>| {
        let kind = oid2abbrev(attribute.attr_type(), oid_registry()).unwrap_or("?");
        let lossy = || String::from_utf8_lossy(attribute.as_slice()).into_owned();
        format!("{kind}={}", text(attribute).unwrap_or_else(lossy))
    };
    name.iter_attributes().map(part).collect::<Vec<_>>().join(", ")
}

fn dns_names(parsed: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(names)) = parsed.subject_alternative_name() else { return Vec::new() };
    names
        .value
        .general_names
        .iter()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            _ => None,
        })
        .collect()
}

/// A DER integer; a negative one, which RFC 5280 forbids and old authorities wrote, with its sign.
fn hexadecimal(serial: &[u8]) -> String {
    use std::fmt::Write as _;
    let is_negative = serial.first().is_some_and(|first| *first > 0x7f);
    let sign = if is_negative { "-" } else { "" }.to_owned();
    let magnitude = if is_negative { negated(serial) } else { serial.to_vec() };
    let significant = match magnitude.as_slice() {
        [0, rest @ ..] if !rest.is_empty() => rest,
        all => all,
    };
    significant.iter().fold(sign, |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02X}");
        text
    })
}

/// The two's complement.
fn negated(number: &[u8]) -> Vec<u8> {
    let mut digits: Vec<u8> = number.iter().map(|byte| !byte).collect();
    for digit in digits.iter_mut().rev() {
        let (sum, carries) = digit.overflowing_add(1);
        *digit = sum;
        if !carries {
            break;
        }
    }
    digits
}

/// X.509's years 1 to 9999 all fit; a time that the platform cannot hold becomes the epoch, which
/// makes such a certificate expired.
fn system_time(time: ASN1Time) -> SystemTime {
    let seconds = time.timestamp();
    let distance = Duration::from_secs(seconds.unsigned_abs());
    let moment = if seconds < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(distance)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(distance)
    };
    moment.unwrap_or(SystemTime::UNIX_EPOCH)
}
