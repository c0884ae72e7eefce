//! The safes of a file, and the bags in them.

use std::borrow::Cow;

use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use der::{Decode as _, Reader as _, SliceReader, Tag, TagNumber, Tagged as _};
use pkcs8::AlgorithmIdentifierRef;
use zeroize::Zeroizing;

use super::ber::Der;
use super::deriver::Deriver;
use super::password::Password;
use super::structure::{ContentInfo, DATA, explicit, malformed};
use super::{ber, encryption};
use crate::algorithm;
use crate::assemble::Parts;
use crate::error::DecodeError;
use crate::private_key::PrivateKey;

/// Most safes inside safes.
const MAX_DEPTH: usize = 4;

/// Most bags and safes, of all kinds.
const MAX_BAGS: usize = 1024;

/// A safe that is encrypted as a whole.
pub(super) const ENCRYPTED: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.6");

/// A bag with an encrypted key.
pub(super) const SHROUDED_KEY: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.2");

/// Reads all safes with one password.
pub(super) fn read(
    safes: &[u8],
    password: Password,
    deriver: &mut Deriver,
) -> Result<Parts, DecodeError> {
    let mut opened = Opened { password, deriver, parts: Parts::default(), seen: 0 };
    for safe in elements(safes)? {
        let safe = safe?;
        opened.tolerating(|opened| opened.safe(safe))?;
    }
    Ok(opened.parts)
}

/// A file that is being read with a password.
struct Opened<'d> {
    password: Password,
    deriver: &'d mut Deriver,
    parts: Parts,
    seen: usize,
}

impl Opened<'_> {
    /// Keeps the failure of one part for later, unless it must end everything.
    fn tolerating(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        self.seen += 1;
        if self.seen > MAX_BAGS {
            return Err(DecodeError::TooMany { what: "PKCS#12 bags", limit: MAX_BAGS });
        }
        match read(self) {
            Err(fatal @ (DecodeError::TooManyIterations | DecodeError::TooMany { .. })) => {
                Err(fatal)
            }
            Err(failure) => {
                self.parts.failures.push(failure);
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    fn safe(&mut self, element: &[u8]) -> Result<(), DecodeError> {
        let damaged = malformed("a safe is not readable");
        let safe = SliceReader::new(element)
            .and_then(|mut reader| ContentInfo::parse(&mut reader))
            .map_err(|_| damaged.clone())?;
        match safe.kind {
            DATA => {
                let plain = <&OctetStringRef>::from_der(safe.content).map_err(|_| damaged)?;
                self.bags(&ber::to_der(plain.as_bytes())?, 0)
            }
            ENCRYPTED => {
                let (algorithm, text) = encrypted_data(safe.content)?;
                let plain = self.decrypt(algorithm, &text)?;
                self.bags(&plain, 0)
            }
            other => {
                let name = algorithm::name(other);
                Err(DecodeError::UnsupportedPkcs12 { what: "safe of kind", name })
            }
        }
    }

    fn bags(&mut self, contents: &[u8], depth: usize) -> Result<(), DecodeError> {
        for bag in elements(contents)? {
            let bag = bag?;
            self.tolerating(|opened| opened.bag(bag, depth))?;
        }
        Ok(())
    }

    fn bag(&mut self, element: &[u8], depth: usize) -> Result<(), DecodeError> {
        const KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.1");
        const CERTIFICATE: ObjectIdentifier =
            ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.3");
        const SAFE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.6");
        let bag = Bag::parse(element).map_err(|_| malformed("a bag is not readable"))?;
        match bag.kind {
            KEY => self.parts.add_key(PrivateKey::from_pkcs8(bag.value), bag.local_key_id),
            SHROUDED_KEY => self.shrouded_key(bag),
            CERTIFICATE => match certificate(bag.value)? {
                Some(der) => self.parts.add_certificate(der.to_vec(), bag.local_key_id),
                None => Ok(()),
            },
            SAFE if depth < MAX_DEPTH => self.bags(bag.value, depth + 1),
            SAFE => Err(malformed("its safes are nested too deeply")),
            other => {
                self.parts.notes.push(format!("left out a PKCS#12 bag of kind {other}"));
                Ok(())
            }
        }
    }

    fn shrouded_key(&mut self, bag: Bag<'_>) -> Result<(), DecodeError> {
        let (algorithm, text) = encrypted_key(bag.value)?;
        let plain = self.decrypt(algorithm, text)?;
        self.parts.add_key(PrivateKey::from_pkcs8(&plain), bag.local_key_id)
    }

    /// Decrypts one element. Some writers use one form of no password for the MAC and the other
    /// for what it covers, so the other is tried too.
    fn decrypt(
        &mut self,
        algorithm: AlgorithmIdentifierRef<'_>,
        text: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, DecodeError> {
        let forms = [self.password, self.password.other()];
        let forms = if algorithm.oid == encryption::PBES2 { &forms[..1] } else { &forms };
        for &password in forms {
            let plain = encryption::decrypt(algorithm, text, password, self.deriver);
            // A wrong password can also decrypt to something that only looks right until it is
            // read.
            match plain.and_then(as_der) {
                Err(DecodeError::PasswordProtected) => {}
                decided => return decided,
            }
        }
        Err(DecodeError::PasswordProtected)
    }
}

/// What was decrypted, if it can be read at all.
fn as_der(plain: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, DecodeError> {
    match ber::to_der(&plain) {
        Ok(Der::Rewritten(der)) => Ok(der),
        Ok(Der::AsItCame(_)) => Ok(plain),
        Err(_) => Err(DecodeError::PasswordProtected),
    }
}

/// `SafeBag` of RFC 7292 §4.2.
pub(super) struct Bag<'a> {
    pub(super) kind: ObjectIdentifier,
    pub(super) value: &'a [u8],
    local_key_id: Option<Vec<u8>>,
}

impl<'a> Bag<'a> {
    pub(super) fn parse(element: &'a [u8]) -> der::Result<Self> {
        SliceReader::new(element)?.sequence(|reader| {
            let kind = ObjectIdentifier::decode(reader)?;
            let value = explicit(reader)?;
            let mut local_key_id = None;
            while !reader.is_finished() {
                local_key_id = self::local_key_id(AnyRef::decode(reader)?.value());
            }
            Ok(Self { kind, value, local_key_id })
        })
    }
}

/// Looks for localKeyId among a bag's attributes. Others, and what is not readable, do not matter:
/// Windows adds a provider's name and a GUID, and people add names in every encoding.
fn local_key_id(attributes: &[u8]) -> Option<Vec<u8>> {
    const LOCAL_KEY_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.21");
    let mut reader = SliceReader::new(attributes).ok()?;
    while !reader.is_finished() {
        let attribute = AnyRef::decode(&mut reader).ok()?;
        let mut fields = SliceReader::new(attribute.value()).ok()?;
        if ObjectIdentifier::decode(&mut fields).ok() != Some(LOCAL_KEY_ID) {
            continue;
        }
        let values = AnyRef::decode(&mut fields).ok()?;
        return <&OctetStringRef>::from_der(values.value()).ok().map(|id| id.as_bytes().to_vec());
    }
    None
}

/// The X.509 certificate in a `CertBag`; `None` for another kind of certificate.
fn certificate(value: &[u8]) -> Result<Option<&[u8]>, DecodeError> {
    const X509: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.22.1");
    let parse = || -> der::Result<Option<&[u8]>> {
        SliceReader::new(value)?.sequence(|reader| {
            let kind = ObjectIdentifier::decode(reader)?;
            let inner = explicit(reader)?;
            if kind != X509 {
                return Ok(None);
            }
            <&OctetStringRef>::from_der(inner).map(|der| Some(der.as_bytes()))
        })
    };
    parse().map_err(|_| malformed("a certificate bag is not readable"))
}

/// `EncryptedPrivateKeyInfo` of PKCS#8: the algorithm, and the encrypted text.
pub(super) fn encrypted_key(
    value: &[u8],
) -> Result<(AlgorithmIdentifierRef<'_>, &[u8]), DecodeError> {
    SliceReader::new(value)
        .and_then(|mut reader| {
            reader.sequence(|reader| {
                let algorithm = AlgorithmIdentifierRef::decode(reader)?;
                Ok((algorithm, <&OctetStringRef>::decode(reader)?.as_bytes()))
            })
        })
        .map_err(|_| malformed("an encrypted key is not readable"))
}

/// PKCS#7's `EncryptedData`: the algorithm, and the encrypted text in one piece.
pub(super) fn encrypted_data(
    element: &[u8],
) -> Result<(AlgorithmIdentifierRef<'_>, Cow<'_, [u8]>), DecodeError> {
    const WHOLE: Tag = Tag::ContextSpecific { constructed: false, number: TagNumber(0) };
    const PIECES: Tag = Tag::ContextSpecific { constructed: true, number: TagNumber(0) };
    let damaged = malformed("an encrypted safe is not readable");
    let parse = || -> der::Result<_> {
        SliceReader::new(element)?.sequence(|reader| {
            AnyRef::decode(reader)?; // the version
            let parsed = reader.sequence(|reader| {
                AnyRef::decode(reader)?; // the kind of what is encrypted
                let algorithm = AlgorithmIdentifierRef::decode(reader)?;
                Ok::<_, der::Error>((algorithm, AnyRef::decode(reader)?))
            })?;
            while !reader.is_finished() {
                AnyRef::decode(reader)?; // unprotected attributes
            }
            Ok::<_, der::Error>(parsed)
        })
    };
    let (algorithm, text) = parse().map_err(|_| damaged.clone())?;
    match text.tag() {
        WHOLE => Ok((algorithm, Cow::Borrowed(text.value()))),
        PIECES => Ok((algorithm, Cow::Owned(ber::joined(text.value())?.to_vec()))),
        _ => Err(damaged),
    }
}

/// The elements of a SEQUENCE OF, each with its tag and length.
pub(super) fn elements(
    sequence: &[u8],
) -> Result<impl Iterator<Item = Result<&[u8], DecodeError>>, DecodeError> {
    let damaged = malformed("a list is not readable");
    let list = AnyRef::from_der(sequence).map_err(|_| damaged.clone())?;
    list.tag().assert_eq(Tag::Sequence).map_err(|_| damaged.clone())?;
    let mut reader = SliceReader::new(list.value()).map_err(|_| damaged.clone())?;
    Ok(std::iter::from_fn(move || {
        (!reader.is_finished()).then(|| reader.tlv_bytes().map_err(|_| damaged.clone()))
    }))
}

#[cfg(test)]
mod tests {
    use cbc::cipher::block_padding::Pkcs7;
    use cbc::cipher::{BlockModeEncrypt as _, InnerIvInit as _, KeyInit as _};
    use des::TdesEde3;

    use super::super::hash::Hash;
    use super::super::tlv::{number, octets, oid, sequence};
    use super::*;

    #[test]
    fn what_only_looks_well_padded_under_the_wrong_form_of_no_password_is_not_taken() {
        const DES3: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.3");
        let plain = sequence(&[&octets(b"some text")]);
        let empty = Password::Empty.utf16();
        // With one salt of some hundred, the padding is right by chance.
        let (algorithm, text) = (0_u32..)
            .find_map(|salt| {
                let parameters = sequence(&[&octets(&salt.to_be_bytes()), &number(1)]);
                let der = sequence(&[&oid(DES3), &parameters]);
                let algorithm = AlgorithmIdentifierRef::from_der(&der).unwrap();
                let wanted = encryption::foreseeable(algorithm).unwrap();
                let [key, iv] = Deriver::default().derive(Hash::Sha1, empty, wanted).unwrap();
                let cipher = TdesEde3::new_from_slice(&key).unwrap();
                let mode = cbc::Encryptor::inner_iv_slice_init(cipher, &iv).unwrap();
                let text = mode.encrypt_padded_vec::<Pkcs7>(&plain);
                let mut deriver = Deriver::default();
                let wrong = encryption::decrypt(algorithm, &text, Password::Null, &mut deriver);
                wrong.is_ok().then(|| (der.clone(), text))
            })
            .unwrap();
        let algorithm = AlgorithmIdentifierRef::from_der(&algorithm).unwrap();
        let mut deriver = Deriver::default();
        let parts = Parts::default();
        let mut opened = Opened { password: Password::Null, deriver: &mut deriver, parts, seen: 0 };
        assert_eq!(opened.decrypt(algorithm, &text), Ok(plain));
    }
}
