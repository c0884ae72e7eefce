//! A certified key as a PKCS#12 file (RFC 7292): the certificates in an encrypted safe, the key in
//! an encrypted bag, a MAC over both. This is the shape that `openssl pkcs12 -export` writes.

use aes::Aes256;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockCipherEncrypt, BlockModeEncrypt, InnerIvInit, KeyInit};
use der::asn1::ObjectIdentifier;
use des::TdesEde3;
use ring::rand::{SecureRandom, SystemRandom};
use sha1::{Digest as _, Sha1};
use zeroize::Zeroizing;

use super::derivation::{Purpose, Wanted};
use super::deriver::Deriver;
use super::encryption::PBES2;
use super::hash::Hash;
use super::password;
use super::safe::{ENCRYPTED, SHROUDED_KEY};
use super::structure::DATA;
use super::tlv::{
    Element, bmp, explicit, implicit_octets, null, number, octets, oid, sequence, set_of,
};
use crate::Certificate;
use crate::certified::CertifiedKey;
use crate::error::EncodeError;

/// Iterations of each derivation, as OpenSSL has them (`PKCS12_DEFAULT_ITER`).
const ITERATIONS: u32 = 2048;

const CERTIFICATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.3");
const X509: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.22.1");
const FRIENDLY_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.20");
const LOCAL_KEY_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.21");
const PBKDF2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.12");
const HMAC_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.9");
const AES_256_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.42");
const SHA1_DES3: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.3");
const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");

/// How a PKCS#12 file is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// AES-256 in CBC mode with keys from PBKDF2 and HMAC-SHA-256 (RFC 8018), a MAC with SHA-256:
    /// what OpenSSL 3 writes, and Java reads since 8u301.
    Modern,
    /// Triple DES and a MAC with SHA-1, both with PKCS#12's own derivation: what everything reads.
    Legacy,
}

impl CertifiedKey {
    /// Leaf, issuers and private key as PKCS#12 (RFC 7292), encrypted with the password, which may
    /// be empty. The key is called by the leaf's first DNS name, else by its common name. Salts
    /// are random: no two files are equal.
    ///
    /// # Errors
    /// Where the system has no randomness to give.
    pub fn to_pkcs12(
        &self,
        password: &str,
        encryption: Encryption,
    ) -> Result<Zeroizing<Vec<u8>>, EncodeError> {
        let mut sealer = Sealer { password, encryption, deriver: Deriver::default() };
        let attributes = attributes(self.leaf());
        let bags: Vec<Element> = std::iter::once(certificate_bag(self.leaf(), Some(&attributes)))
            .chain(self.issuers().iter().map(|issuer| certificate_bag(issuer, None)))
            .collect();
        let bags: Vec<&[u8]> = bags.iter().map(|bag| bag.as_slice()).collect();
        let certificates = encrypted_safe(&sequence(&bags), &mut sealer)?;
        let (algorithm, sealed) = sealer.seal(self.key.pkcs8())?;
        let shrouded = sequence(&[&algorithm, &octets(&sealed)]);
        let key_bag = bag(SHROUDED_KEY, &shrouded, Some(&attributes));
        let key_safe = content_info(DATA, &octets(&sequence(&[&key_bag])));
        let safes = sequence(&[&certificates, &key_safe]);
        let mac = sealer.mac(&safes)?;
        Ok(sequence(&[&number(3), &content_info(DATA, &octets(&safes)), &mac]))
    }
}

fn content_info(kind: ObjectIdentifier, content: &[u8]) -> Element {
    sequence(&[&oid(kind), &explicit(content)])
}

fn bag(kind: ObjectIdentifier, value: &[u8], attributes: Option<&[u8]>) -> Element {
    sequence(&[&oid(kind), &explicit(value), attributes.unwrap_or_default()])
}

fn certificate_bag(certificate: &Certificate, attributes: Option<&[u8]>) -> Element {
    let value = sequence(&[&oid(X509), &explicit(&octets(certificate.der()))]);
    bag(CERTIFICATE, &value, attributes)
}

/// What ties the key to its certificate, and the name that Java and Windows show.
fn attributes(leaf: &Certificate) -> Element {
    let attribute = |kind, value: &[u8]| sequence(&[&oid(kind), &set_of(&[value])]);
    let name = attribute(FRIENDLY_NAME, &bmp(&friendly_name(leaf)));
    let id = attribute(LOCAL_KEY_ID, &octets(&Sha1::digest(leaf.der())));
    set_of(&[&name, &id])
}

/// The first DNS name, else the subject's common name, else the whole subject.
fn friendly_name(leaf: &Certificate) -> String {
    let dns = leaf.dns_names().first().cloned();
    dns.or_else(|| leaf.common_name()).unwrap_or_else(|| leaf.subject().to_owned())
}

/// PKCS#7's `EncryptedData` around bags.
fn encrypted_safe(bags: &[u8], sealer: &mut Sealer<'_>) -> Result<Element, EncodeError> {
    let (algorithm, sealed) = sealer.seal(bags)?;
    let content = sequence(&[&oid(DATA), &algorithm, &implicit_octets(&sealed)]);
    Ok(content_info(ENCRYPTED, &sequence(&[&number(0), &content])))
}

/// Encrypts and authenticates under one password.
struct Sealer<'p> {
    password: &'p str,
    encryption: Encryption,
    deriver: Deriver,
}

impl Sealer<'_> {
    /// The algorithm with its parameters, and the encrypted bytes.
    fn seal(&mut self, plain: &[u8]) -> Result<(Element, Vec<u8>), EncodeError> {
        match self.encryption {
            Encryption::Modern => {
                let (salt, iv) = (random::<16>()?, random::<16>()?);
                let password = self.password.as_bytes();
                let key =
                    Hash::Sha256.pbkdf2(password, &salt, ITERATIONS, 32, &mut self.deriver.budget);
                let key = key.map_err(|_| EncodeError::Unencryptable)?;
                Ok((pbes2(&salt, &iv), cbc(Aes256::new_from_slice(&key).ok(), &iv, plain)?))
            }
            Encryption::Legacy => {
                let salt = random::<8>()?;
                let wanted = [(Purpose::Key, 24), (Purpose::InitializationVector, 8)];
                let [key, iv] = self.derive(Hash::Sha1, &salt, wanted)?;
                let parameters = sequence(&[&octets(&salt), &number(ITERATIONS)]);
                let algorithm = sequence(&[&oid(SHA1_DES3), &parameters]);
                Ok((algorithm, cbc(TdesEde3::new_from_slice(&key).ok(), &iv, plain)?))
            }
        }
    }

    /// `MacData`.
    fn mac(&mut self, content: &[u8]) -> Result<Element, EncodeError> {
        let (hash, name) = match self.encryption {
            Encryption::Modern => (Hash::Sha256, SHA256),
            Encryption::Legacy => (Hash::Sha1, SHA1),
        };
        let salt = random::<8>()?;
        let [key] = self.derive(hash, &salt, [(Purpose::MacKey, hash.size())])?;
        let mac = hash.hmac(&key, content).ok_or(EncodeError::Unencryptable)?;
        let digest = sequence(&[&sequence(&[&oid(name), &null()]), &octets(&mac)]);
        Ok(sequence(&[&digest, &octets(&salt), &number(ITERATIONS)]))
    }

    /// PKCS#12's own derivation.
    fn derive<const N: usize>(
        &mut self,
        hash: Hash,
        salt: &[u8],
        wanted: [(Purpose, usize); N],
    ) -> Result<[Zeroizing<Vec<u8>>; N], EncodeError> {
        let password = password::utf16(self.password);
        let wanted = wanted.map(|(purpose, length)| Wanted {
            purpose,
            salt: salt.to_vec(),
            iterations: ITERATIONS,
            length,
        });
        let derived = self.deriver.derive(hash, &password, wanted);
        derived.map_err(|_| EncodeError::Unencryptable)
    }
}

fn pbes2(salt: &[u8], iv: &[u8]) -> Element {
    let prf = sequence(&[&oid(HMAC_SHA256), &null()]);
    let derivation = sequence(&[&octets(salt), &number(ITERATIONS), &prf]);
    let derivation = sequence(&[&oid(PBKDF2), &derivation]);
    let scheme = sequence(&[&oid(AES_256_CBC), &octets(iv)]);
    sequence(&[&oid(PBES2), &sequence(&[&derivation, &scheme])])
}

fn cbc<C: BlockCipherEncrypt>(
    cipher: Option<C>,
    iv: &[u8],
    plain: &[u8],
) -> Result<Vec<u8>, EncodeError> {
    let mode = cipher.and_then(|cipher| cbc::Encryptor::inner_iv_slice_init(cipher, iv).ok());
    Ok(mode.ok_or(EncodeError::Unencryptable)?.encrypt_padded_vec::<Pkcs7>(plain))
}

fn random<const N: usize>() -> Result<[u8; N], EncodeError> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| EncodeError::NoRandomness)?;
    Ok(bytes)
}
