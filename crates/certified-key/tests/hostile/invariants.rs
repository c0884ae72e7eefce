//! What holds of every input. Shared by the property tests and the fuzz targets.

use certified_key::{CertifiedKey, DecodeError, Decoded};

/// Whatever is decoded is whole, and whatever is refused is refused with a sentence.
pub(crate) fn hold(decoded: Result<Decoded, DecodeError>) {
    match decoded {
        Ok(decoded) => {
            let key = decoded.key;
            assert_eq!([key.to_chain_pem().as_slice(), &key.to_key_pem()].concat(), *key.to_pem());
            let again = CertifiedKey::parse_pem(&key.to_pem());
            assert!(again.is_ok_and(|again| again == key), "does not read back: {key:?}");
        }
        Err(error) => {
            assert_ne!(error, DecodeError::NotReadBack);
            let sentence = error.to_string();
            assert!(!sentence.contains(char::is_control), "{sentence:?}");
        }
    }
}
