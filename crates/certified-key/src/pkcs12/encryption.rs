//! Undoing the encryption of a bag or a safe.

use aes::{Aes128, Aes192, Aes256};
use cbc::cipher::block_padding::{Padding as _, Pkcs7};
use cbc::cipher::{Block, BlockCipherDecrypt, BlockModeDecrypt, InnerIvInit, KeyInit};
use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use der::{Decode as _, Reader as _};
use des::TdesEde3;
use pkcs8::AlgorithmIdentifierRef;
use rc2::Rc2;
use zeroize::Zeroizing;

use super::budget::Budget;
use super::derivation::{Purpose, Wanted};
use super::deriver::Deriver;
use super::hash::Hash;
use super::password::Password;
use super::structure::{malformed, number};
use crate::algorithm;
use crate::error::DecodeError;

/// PKCS#5's scheme, in which both forms of no password are the same.
pub(super) const PBES2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.13");

/// Decrypts, or says `PasswordProtected` where the result is not what an encrypted text can be.
pub(super) fn decrypt(
    algorithm: AlgorithmIdentifierRef<'_>,
    encrypted: &[u8],
    password: Password,
    deriver: &mut Deriver,
) -> Result<Zeroizing<Vec<u8>>, DecodeError> {
    let parameters = algorithm.parameters.ok_or(malformed("its encryption parameters"))?;
    let (cipher, key, iv) = if algorithm.oid == PBES2 {
        pbes2(parameters, password, &mut deriver.budget)?
    } else {
        let (cipher, wanted) = pkcs12(algorithm.oid, parameters)?;
        let [key, iv] = deriver.for_element(password, wanted)?;
        (cipher, key, iv.to_vec())
    };
    cipher.decrypt(&key, &iv, encrypted).ok_or(DecodeError::PasswordProtected)
}

/// The key and the initialization vector that PKCS#12's own derivation is asked for.
pub(super) fn foreseeable(algorithm: AlgorithmIdentifierRef<'_>) -> Option<[Wanted; 2]> {
    pkcs12(algorithm.oid, algorithm.parameters?).ok().map(|(_, wanted)| wanted)
}

type Keyed = (Cipher, Zeroizing<Vec<u8>>, Vec<u8>);

/// PKCS#12's own schemes (RFC 7292 appendix C): the cipher, its key and initialization vector.
fn pkcs12(
    scheme: ObjectIdentifier,
    parameters: AnyRef<'_>,
) -> Result<(Cipher, [Wanted; 2]), DecodeError> {
    let cipher = Cipher::of_scheme(scheme)?;
    let (salt, iterations) = parameters
        .sequence(|reader| {
            let salt = <&OctetStringRef>::decode(reader)?.as_bytes();
            Ok::<_, der::Error>((salt, number(AnyRef::decode(reader)?)?))
        })
        .map_err(|_| malformed("its encryption parameters"))?;
    let wanted = |purpose, length| Wanted { purpose, salt: salt.to_vec(), iterations, length };
    let key = wanted(Purpose::Key, cipher.key_len());
    Ok((cipher, [key, wanted(Purpose::InitializationVector, cipher.block_len())]))
}

/// PKCS#5's scheme (RFC 8018 §6.2).
fn pbes2(
    parameters: AnyRef<'_>,
    password: Password,
    budget: &mut Budget,
) -> Result<Keyed, DecodeError> {
    let damaged = malformed("its encryption parameters");
    let (derivation, scheme) = parameters
        .sequence(|reader| {
            let derivation = AlgorithmIdentifierRef::decode(reader)?;
            Ok::<_, der::Error>((derivation, AlgorithmIdentifierRef::decode(reader)?))
        })
        .map_err(|_| damaged.clone())?;
    let cipher = Cipher::of_pbes2(scheme.oid)?;
    let iv = scheme.parameters.and_then(|iv| iv.decode_as::<&OctetStringRef>().ok());
    let iv = iv.ok_or(damaged)?.as_bytes().to_vec();
    let key = Pbkdf2::parse(derivation)?.derive(password, cipher.key_len(), budget)?;
    Ok((cipher, key, iv))
}

/// PBKDF2 with its parameters (RFC 8018 appendix A.2).
pub(super) struct Pbkdf2<'a> {
    salt: &'a [u8],
    iterations: u32,
    /// The key's length in bytes, where it is told. A cipher knows its own; a MAC takes any.
    pub(super) length: Option<usize>,
    hash: Hash,
}

impl<'a> Pbkdf2<'a> {
    pub(super) fn parse(algorithm: AlgorithmIdentifierRef<'a>) -> Result<Self, DecodeError> {
        const PBKDF2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.12");
        let unsupported = |oid: ObjectIdentifier| DecodeError::UnsupportedPkcs12 {
            what: "key derivation",
            name: algorithm::name(oid),
        };
        if algorithm.oid != PBKDF2 {
            return Err(unsupported(algorithm.oid));
        }
        let damaged = malformed("its key derivation parameters");
        let parameters = algorithm.parameters.ok_or(damaged.clone())?;
        let (salt, iterations, length, prf) = parameters
            .sequence(|reader| {
                let salt = <&OctetStringRef>::decode(reader)?.as_bytes();
                let iterations = number(AnyRef::decode(reader)?)?;
                let (mut length, mut prf) = (None, None);
                while !reader.is_finished() {
                    let field = AnyRef::decode(reader)?;
                    if der::Tagged::tag(&field) == der::Tag::Sequence {
                        prf = Some(field.sequence(|fields| {
                            let oid = ObjectIdentifier::decode(fields)?;
                            Option::<AnyRef<'_>>::decode(fields)?;
                            Ok::<_, der::Error>(oid)
                        })?);
                    } else {
                        length = usize::try_from(number(field)?).ok();
                    }
                }
                Ok::<_, der::Error>((salt, iterations, length, prf))
            })
            .map_err(|_| damaged)?;
        let hash = match prf {
            Some(oid) => Hash::of_hmac(oid).ok_or_else(|| unsupported(oid))?,
            None => Hash::Sha1,
        };
        Ok(Self { salt, iterations, length, hash })
    }

    pub(super) fn derive(
        &self,
        password: Password,
        length: usize,
        budget: &mut Budget,
    ) -> Result<Zeroizing<Vec<u8>>, DecodeError> {
        self.hash.pbkdf2(password.utf8(), self.salt, self.iterations, length, budget)
    }
}

/// A block cipher in CBC mode.
#[derive(Debug, Clone, Copy)]
enum Cipher {
    TripleDes,
    /// With two different keys.
    DoubleDes,
    Rc2 {
        bits: usize,
    },
    Aes128,
    Aes192,
    Aes256,
}

impl Cipher {
    fn of_scheme(oid: ObjectIdentifier) -> Result<Self, DecodeError> {
        const DES3: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.3");
        const DES2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.4");
        const RC2_128: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.5");
        const RC2_40: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.6");
        match oid {
            DES3 => Ok(Self::TripleDes),
            DES2 => Ok(Self::DoubleDes),
            RC2_128 => Ok(Self::Rc2 { bits: 128 }),
            RC2_40 => Ok(Self::Rc2 { bits: 40 }),
            other => Err(unsupported(other)),
        }
    }

    fn of_pbes2(oid: ObjectIdentifier) -> Result<Self, DecodeError> {
        const AES_128: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.2");
        const AES_192: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.22");
        const AES_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.42");
        const DES3: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.3.7");
        match oid {
            AES_128 => Ok(Self::Aes128),
            AES_192 => Ok(Self::Aes192),
            AES_256 => Ok(Self::Aes256),
            DES3 => Ok(Self::TripleDes),
            other => Err(unsupported(other)),
        }
    }

    fn key_len(self) -> usize {
        match self {
            Self::TripleDes | Self::Aes192 => 24,
            Self::DoubleDes | Self::Aes128 => 16,
            Self::Rc2 { bits } => bits / 8,
            Self::Aes256 => 32,
        }
    }

    fn block_len(self) -> usize {
        match self {
            Self::TripleDes | Self::DoubleDes | Self::Rc2 { .. } => 8,
            Self::Aes128 | Self::Aes192 | Self::Aes256 => 16,
        }
    }

    fn decrypt(self, key: &[u8], iv: &[u8], encrypted: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        match self {
            Self::TripleDes => cbc(TdesEde3::new_from_slice(key).ok()?, iv, encrypted),
            Self::DoubleDes => {
                let key = Zeroizing::new([key, key.get(..8)?].concat());
                cbc(TdesEde3::new_from_slice(&key).ok()?, iv, encrypted)
            }
            Self::Rc2 { bits } => cbc(Rc2::new_with_eff_key_len(key, bits), iv, encrypted),
            Self::Aes128 => cbc(Aes128::new_from_slice(key).ok()?, iv, encrypted),
            Self::Aes192 => cbc(Aes192::new_from_slice(key).ok()?, iv, encrypted),
            Self::Aes256 => cbc(Aes256::new_from_slice(key).ok()?, iv, encrypted),
        }
    }
}

/// Block by block, since all at once would bring a second AES for many blocks in parallel along, for
/// each length of key, and the few kilobytes of a file are no quicker for it.
fn cbc<C: BlockCipherDecrypt>(
    cipher: C,
    iv: &[u8],
    encrypted: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let mut mode = cbc::Decryptor::inner_iv_slice_init(cipher, iv).ok()?;
    let mut text = Zeroizing::new(encrypted.to_vec());
    let (blocks, []) = Block::<C>::slice_as_chunks_mut(&mut text) else { return None };
    blocks.iter_mut().for_each(|block| mode.decrypt_block(block));
    let length = Pkcs7::unpad_blocks(blocks).ok()?.len();
    text.truncate(length);
    Some(text)
}

fn unsupported(scheme: ObjectIdentifier) -> DecodeError {
    DecodeError::UnsupportedPkcs12 { what: "encryption", name: algorithm::name(scheme) }
}
