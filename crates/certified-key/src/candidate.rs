//! A certificate as it was found, with what deciding its place needs.

use std::cell::OnceCell;

use x509_parser::asn1_rs::Tag;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{AuthorityKeyIdentifier, ParsedExtension};
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

use crate::signature::{Verdict, signed_by};

/// A readable certificate that may become the leaf or an issuer.
pub(crate) struct Candidate<'a> {
    pub(crate) der: &'a [u8],
    pub(crate) local_key_id: Option<&'a [u8]>,
    pub(crate) parsed: X509Certificate<'a>,
    subject: Vec<u8>,
    issuer: Vec<u8>,
    self_signed: OnceCell<bool>,
}

/// How sure it is that one certificate certifies another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Certifies {
    /// The signature is genuine, but the key identifiers differ; some validators insist on them.
    DespiteIdentifiers,
    /// The signature is genuine, or cannot be checked and the identifiers agree.
    Surely,
}

impl<'a> Candidate<'a> {
    /// Parses DER; bytes after its end, which `TRUSTED CERTIFICATE` blocks have, are passed over.
    pub(crate) fn read(der: &'a [u8], local_key_id: Option<&'a [u8]>) -> Option<Self> {
        let (rest, parsed) = X509Certificate::from_der(der).ok()?;
        let der = &der[..der.len() - rest.len()];
        let (subject, issuer) = (comparable(parsed.subject()), comparable(parsed.issuer()));
        Some(Self { der, local_key_id, parsed, subject, issuer, self_signed: OnceCell::new() })
    }

    pub(crate) fn is_authority(&self) -> bool {
        self.parsed.is_ca()
    }

    pub(crate) fn is_self_signed(&self) -> bool {
        *self.self_signed.get_or_init(|| {
            self.subject == self.issuer
                && match signed_by(&self.parsed, self.parsed.public_key()) {
                    Verdict::Genuine => true,
                    Verdict::Foreign => false,
                    Verdict::Unknown => self.identifiers_agree(self) != Some(false),
                }
        })
    }

    /// Is this named as the issuer of the other one? The cheap half of `certifies`.
    pub(crate) fn is_namesake_of_issuer(&self, other: &Self) -> bool {
        self.subject == other.issuer
    }

    /// Does this one certify the other, whose issuer has this one's name? A name alone is no
    /// proof, since a renewed authority has the same name with another key.
    pub(crate) fn certifies(&self, other: &Self) -> Option<Certifies> {
        let identifiers = self.identifiers_agree(other);
        match signed_by(&other.parsed, self.parsed.public_key()) {
            Verdict::Genuine if identifiers == Some(false) => Some(Certifies::DespiteIdentifiers),
            Verdict::Genuine => Some(Certifies::Surely),
            Verdict::Unknown if identifiers == Some(true) => Some(Certifies::Surely),
            Verdict::Unknown | Verdict::Foreign => None,
        }
    }

    /// Does the other's authorityKeyIdentifier mean this certificate (RFC 5280 §4.2.1.1)?
    /// `None` where one of them says nothing.
    fn identifiers_agree(&self, other: &Self) -> Option<bool> {
        let wanted = other.authority_key_identifier()?;
        if let (Some(wanted), Some(own)) =
            (wanted.key_identifier.as_ref(), self.subject_key_identifier())
        {
            return Some(wanted.0 == own);
        }
        // The other form names the authority's certificate; its issuer's name is passed over.
        wanted.authority_cert_serial.map(|serial| serial == self.parsed.raw_serial())
    }

    fn authority_key_identifier(&self) -> Option<&AuthorityKeyIdentifier<'a>> {
        self.parsed.iter_extensions().find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(identifier) => Some(identifier),
            _ => None,
        })
    }

    fn subject_key_identifier(&self) -> Option<&'a [u8]> {
        self.parsed.iter_extensions().find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(identifier) => Some(identifier.0),
            _ => None,
        })
    }
}

/// A name in a form whose bytes can be compared: RFC 5280 §7.1 lets the kind of string, the case
/// and the amount of white space differ.
fn comparable(name: &X509Name<'_>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(name.as_raw().len());
    for part in name.iter_rdn() {
        bytes.push(b'[');
        for attribute in part.iter() {
            append(&mut bytes, attribute.attr_type().as_bytes());
            match text(attribute) {
                Some(text) => append(&mut bytes, folded(&text).as_bytes()),
                None => append(&mut bytes, attribute.as_slice()),
            }
        }
    }
    bytes
}

fn append(bytes: &mut Vec<u8>, part: &[u8]) {
    bytes.extend_from_slice(&part.len().to_be_bytes());
    bytes.extend_from_slice(part);
}

/// An attribute of a name as text, whatever kind of string it is.
pub(crate) fn text(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    let octets = attribute.as_slice();
    match attribute.attr_value().tag() {
        Tag::BmpString => {
            let pairs = octets.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            Some(char::decode_utf16(pairs).map(|letter| letter.unwrap_or('\u{fffd}')).collect())
        }
        Tag::TeletexString => Some(octets.iter().copied().map(char::from).collect()),
        _ => attribute.as_str().ok().map(str::to_owned),
    }
}

fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}
