//! What a key vault hands out as text becomes a leaf certificate, its issuers in order, and the
//! private key that belongs to the leaf; and these become PEM or PKCS#12 files again.
//!
//! Bytes in, bytes out: this crate knows neither where a value comes from nor where it goes, and
//! it has no clock. Everything it is given may be hostile: input size, nesting, key derivation
//! and signature checks are bounded, and every refusal is a sentence that is safe to publish.

mod algorithm;
mod assemble;
mod candidate;
mod certificate;
mod certified;
mod chain;
mod decode;
mod encode;
mod error;
mod pem_text;
mod pkcs12;
mod private_key;
mod public_key;
mod rsa;
mod signature;

pub use assemble::Decoded;
pub use certificate::Certificate;
pub use certified::{CertifiedKey, Content};
pub use decode::{MAX_VALUE, decode};
pub use error::{DecodeError, EncodeError};
pub use pkcs12::{Encryption, pkcs12_opens_with};
