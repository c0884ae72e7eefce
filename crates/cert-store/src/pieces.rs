//! Content as the bytes of files.

use std::path::PathBuf;

use certified_key::{CertifiedKey, Content};
use zeroize::Zeroizing;

use crate::digest::digest;
use crate::error::StoreError;
use crate::names::Part;
use crate::target::{Target, layouts};

/// The bytes of one part of a layout.
pub(crate) struct Piece {
    pub(crate) part: Part,
    pub(crate) bytes: Zeroizing<Vec<u8>>,
    pub(crate) digest: String,
}

/// What a target's content looks like as files.
pub(crate) struct Pieces {
    pub(crate) list: Vec<Piece>,
    /// The digest of the combined text, whichever layouts are written.
    pub(crate) digest: String,
}

/// How a file that was found compares with the piece that belongs there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Likeness {
    /// Byte for byte.
    Identical,
    /// The same leaf, issuers and key, spelled differently.
    Same,
    /// The same key, other certificates around it.
    SameKey,
    /// Anything else.
    Different,
}

impl Pieces {
    pub(crate) fn of(target: &Target, content: &Content) -> Result<Self, StoreError> {
        let combined = combined(content);
        let digest = digest(&combined);
        let mut list = Vec::new();
        for part in layouts(target).into_iter().flat_map(Part::of).copied() {
            let bytes = match (part, content) {
                (Part::Combined, _) => combined.clone(),
                (Part::Chain, Content::Certificate(key)) => Zeroizing::new(key.to_chain_pem()),
                (Part::Key, Content::Certificate(key)) => key.to_key_pem(),
                (_, Content::Opaque(_)) => {
                    return Err(StoreError::NotSplittable { link: target.link_name.clone() });
                }
            };
            list.push(Piece { part, digest: crate::digest::digest(&bytes), bytes });
        }
        Ok(Pieces { list, digest })
    }

    pub(crate) fn piece(&self, part: Part) -> Option<&Piece> {
        self.list.iter().find(|piece| piece.part == part)
    }
}

/// The one text that a content is, whatever the layout.
pub(crate) fn combined(content: &Content) -> Zeroizing<Vec<u8>> {
    match content {
        Content::Certificate(key) => key.to_pem(),
        Content::Opaque(bytes) => bytes.clone(),
    }
}

/// Makes sure that what is about to be written can be read again as the same certificates and
/// key. A certified key's own text needs no such check: that is part of what it is.
pub(crate) fn check_readable(
    content: &Content,
    path: impl FnOnce() -> PathBuf,
) -> Result<(), StoreError> {
    match content {
        Content::Certificate(key) if parse(&[&key.to_pem()]).as_ref() != Some(key) => {
            Err(StoreError::NotTheSame { path: path() })
        }
        _ => Ok(()),
    }
}

/// Compares a file that somebody else wrote with what belongs there. The half that a split file
/// lacks is taken from `content`.
pub(crate) fn compare(part: Part, found: &[u8], piece: &Piece, content: &Content) -> Likeness {
    if found == piece.bytes.as_slice() {
        return Likeness::Identical;
    }
    let Content::Certificate(wanted) = content else { return Likeness::Different };
    let read = match part {
        Part::Combined => parse(&[found]),
        Part::Chain => parse(&[found, &wanted.to_key_pem()]),
        Part::Key => parse(&[&wanted.to_chain_pem(), found]),
    };
    match read {
        Some(read) if read == *wanted => Likeness::Same,
        Some(read) if read.to_key_pem() == wanted.to_key_pem() => Likeness::SameKey,
        _ => Likeness::Different,
    }
}

/// Reads texts that together are a certificate, its issuers and its key.
pub(crate) fn parse(texts: &[&[u8]]) -> Option<CertifiedKey> {
    let length = texts.iter().map(|text| text.len() + 1).sum();
    let mut whole = Zeroizing::new(Vec::with_capacity(length));
    for text in texts {
        whole.extend_from_slice(text);
        whole.push(b'\n'); // a text that ends without one would run into the next
    }
    CertifiedKey::parse_pem(&whole).ok()
}
