//! PKCS#12 as Key Vault writes it.
//!
//! The shape is the one of recorded answers: the key's safe first, in plain data; the
//! certificates' safe second, encrypted; triple DES and a SHA-1 MAC, 2,000 iterations each; and no
//! password at all, which is not the empty password: RFC 7292 appendix B.1 ends an empty password
//! with two zero bytes, while "no password" puts no byte into the key derivation.

use cbc::cipher::{BlockModeEncrypt, KeyIvInit, block_padding::Pkcs7};
use hmac::{Hmac, KeyInit, Mac};
use sha1::{Digest, Sha1};
use yasna::models::ObjectIdentifier;
use yasna::{DERWriter, Tag, construct_der};

const ITERATIONS: u32 = 2000;

const DATA: &[u64] = &[1, 2, 840, 113_549, 1, 7, 1];
const ENCRYPTED_DATA: &[u64] = &[1, 2, 840, 113_549, 1, 7, 6];
const PBE_SHA1_3DES: &[u64] = &[1, 2, 840, 113_549, 1, 12, 1, 3];
const SHROUDED_KEY_BAG: &[u64] = &[1, 2, 840, 113_549, 1, 12, 10, 1, 2];
const CERTIFICATE_BAG: &[u64] = &[1, 2, 840, 113_549, 1, 12, 10, 1, 3];
const X509_CERTIFICATE: &[u64] = &[1, 2, 840, 113_549, 1, 9, 22, 1];
const LOCAL_KEY_ID: &[u64] = &[1, 2, 840, 113_549, 1, 9, 21];
const FRIENDLY_NAME: &[u64] = &[1, 2, 840, 113_549, 1, 9, 20];
const MICROSOFT_CSP: &[u64] = &[1, 3, 6, 1, 4, 1, 311, 17, 1];
const SHA1: &[u64] = &[1, 3, 14, 3, 2, 26];

/// The private key and how Windows, which does the exporting, labels it.
pub(crate) struct Labelled<'a> {
    pub(crate) pkcs8: &'a [u8],
    /// The cryptographic provider's name.
    pub(crate) provider: &'a str,
    /// RSA keys have a GUID here, elliptic ones nothing.
    pub(crate) friendly_name: Option<String>,
}

/// Writes a PKCS#12 file: the key, if it may leave the vault, and the certificates in the order
/// given, of which the one at `leaf` belongs to the key.
pub(crate) fn write(key: Option<&Labelled<'_>>, certificates: &[&[u8]], leaf: usize) -> Vec<u8> {
    let key_local_id = key.map(|_| leaf);
    let certificate_bags = construct_der(|w| {
        w.write_sequence(|w| {
            for (index, der) in certificates.iter().enumerate() {
                write_certificate_bag(w.next(), der, key_local_id == Some(index));
            }
        });
    });
    let safes = construct_der(|w| {
        w.write_sequence(|w| {
            if let Some(key) = key {
                let bags = construct_der(|w| w.write_sequence(|w| write_key_bag(w.next(), key)));
                write_content(w.next(), &bags);
            }
            write_encrypted(w.next(), &certificate_bags);
        });
    });
    construct_der(|w| {
        w.write_sequence(|w| {
            w.next().write_u8(3);
            write_content(w.next(), &safes);
            write_mac(w.next(), &safes);
        });
    })
}

fn oid(components: &[u64]) -> ObjectIdentifier {
    ObjectIdentifier::from_slice(components)
}

fn write_content(writer: DERWriter<'_>, content: &[u8]) {
    writer.write_sequence(|w| {
        w.next().write_oid(&oid(DATA));
        w.next().write_tagged(Tag::context(0), |w| w.write_bytes(content));
    });
}

fn write_encrypted(writer: DERWriter<'_>, plain: &[u8]) {
    let salt = salt::<8>();
    let sealed = encrypt(plain, &salt);
    writer.write_sequence(|w| {
        w.next().write_oid(&oid(ENCRYPTED_DATA));
        w.next().write_tagged(Tag::context(0), |w| {
            w.write_sequence(|w| {
                w.next().write_u8(0);
                w.next().write_sequence(|w| {
                    w.next().write_oid(&oid(DATA));
                    write_cipher(w.next(), &salt);
                    w.next().write_tagged_implicit(Tag::context(0), |w| w.write_bytes(&sealed));
                });
            });
        });
    });
}

fn write_key_bag(writer: DERWriter<'_>, key: &Labelled<'_>) {
    let salt = salt::<8>();
    let sealed = encrypt(key.pkcs8, &salt);
    writer.write_sequence(|w| {
        w.next().write_oid(&oid(SHROUDED_KEY_BAG));
        w.next().write_tagged(Tag::context(0), |w| {
            w.write_sequence(|w| {
                write_cipher(w.next(), &salt);
                w.next().write_bytes(&sealed);
            });
        });
        w.next().write_set(|w| {
            write_local_key_id(w.next());
            if let Some(name) = &key.friendly_name {
                write_text_attribute(w.next(), FRIENDLY_NAME, name);
            }
            write_text_attribute(w.next(), MICROSOFT_CSP, key.provider);
        });
    });
}

/// A certificate without a key still has its attributes' SET, an empty one, as recorded.
fn write_certificate_bag(writer: DERWriter<'_>, certificate: &[u8], belongs_to_key: bool) {
    writer.write_sequence(|w| {
        w.next().write_oid(&oid(CERTIFICATE_BAG));
        w.next().write_tagged(Tag::context(0), |w| {
            w.write_sequence(|w| {
                w.next().write_oid(&oid(X509_CERTIFICATE));
                w.next().write_tagged(Tag::context(0), |w| w.write_bytes(certificate));
            });
        });
        w.next().write_set(|w| {
            if belongs_to_key {
                write_local_key_id(w.next());
            }
        });
    });
}

fn write_local_key_id(writer: DERWriter<'_>) {
    writer.write_sequence(|w| {
        w.next().write_oid(&oid(LOCAL_KEY_ID));
        w.next().write_set(|w| w.next().write_bytes(&[1, 0, 0, 0]));
    });
}

fn write_text_attribute(writer: DERWriter<'_>, name: &[u64], value: &str) {
    writer.write_sequence(|w| {
        w.next().write_oid(&oid(name));
        w.next().write_set(|w| w.next().write_bmp_string(value));
    });
}

fn write_cipher(writer: DERWriter<'_>, salt: &[u8]) {
    writer.write_sequence(|w| {
        w.next().write_oid(&oid(PBE_SHA1_3DES));
        w.next().write_sequence(|w| {
            w.next().write_bytes(salt);
            w.next().write_u32(ITERATIONS);
        });
    });
}

fn write_mac(writer: DERWriter<'_>, content: &[u8]) {
    let salt = salt::<20>();
    let digest = mac(content, &salt);
    writer.write_sequence(|w| {
        w.next().write_sequence(|w| {
            // Recorded answers have no NULL here, although RFC 3370 asks for one.
            w.next().write_sequence(|w| w.next().write_oid(&oid(SHA1)));
            w.next().write_bytes(&digest);
        });
        w.next().write_bytes(&salt);
        w.next().write_u32(ITERATIONS);
    });
}

fn salt<const N: usize>() -> [u8; N] {
    std::array::from_fn(|_| fastrand::u8(..))
}

fn encrypt(plain: &[u8], salt: &[u8]) -> Vec<u8> {
    let mut key = [0; 24];
    let mut vector = [0; 8];
    derive(salt, 1, &mut key);
    derive(salt, 2, &mut vector);
    let cipher = cbc::Encryptor::<des::TdesEde3>::new(&key.into(), &vector.into());
    cipher.encrypt_padded_vec::<Pkcs7>(plain)
}

fn mac(content: &[u8], salt: &[u8]) -> Vec<u8> {
    let mut key = [0; 20];
    derive(salt, 3, &mut key);
    // HMAC pads a key of up to one block with zeros: writing the padding out keeps the length,
    // which is fixed, and with it the possibility of failure, out of this function.
    let mut block = [0; 64];
    block[..20].copy_from_slice(&key);
    let mut mac = <Hmac<Sha1> as KeyInit>::new(&block.into());
    mac.update(content);
    mac.finalize().into_bytes().to_vec()
}

/// RFC 7292 appendix B.2 with SHA-1 and no password, so that the string `I` of the description is
/// the salt alone, repeated to a full block.
fn derive(salt: &[u8], purpose: u8, into: &mut [u8]) {
    let mut input: Vec<u8> = salt.iter().copied().cycle().take(64).collect();
    for chunk in into.chunks_mut(20) {
        let mut digest = Sha1::new().chain_update([purpose; 64]).chain_update(&input).finalize();
        for _ in 1..ITERATIONS {
            digest = Sha1::digest(digest);
        }
        chunk.copy_from_slice(&digest[..chunk.len()]);
        add_with_one(&mut input, &digest);
    }
}

/// `block = (block + digest repeated + 1) mod 2^512`, both big-endian.
fn add_with_one(block: &mut [u8], digest: &[u8]) {
    let repeated: Vec<u8> = digest.iter().copied().cycle().take(block.len()).collect();
    let mut carry = 1;
    for (byte, add) in block.iter_mut().zip(repeated).rev() {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum.to_be_bytes()[1];
        carry = sum >> 8;
    }
}
