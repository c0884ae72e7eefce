//! What holds of any text. Shared by the property tests and the fuzz target.

use object_id::{ObjectId, VaultSuffixes};

/// What is a name prints as one that is the same, in a vault that is allowed, and none of its
/// parts leads out of a directory; what is refused is refused with one line.
pub(crate) fn hold(text: &str) {
    let suffixes = VaultSuffixes::known().allow("localhost:8443, .example.com").unwrap_or_default();
    match ObjectId::parse(text, &suffixes) {
        Ok(id) => {
            let host = id.vault().host();
            let allowed = [".vault.azure.", ".vault.usgovcloudapi.net", ".vault.microsoftazure.de"];
            let added = ["localhost:8443", "example.com"].iter().any(|end| host.ends_with(end));
            assert!(added || allowed.iter().any(|part| host.contains(part)), "{host}");
            for part in [id.name(), id.version().unwrap_or("x")] {
                let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
                assert!(!part.is_empty() && part.bytes().all(is_plain), "{part:?}");
            }
            let printed = id.to_string();
            let again = ObjectId::parse(&printed, &suffixes);
            assert!(again.is_ok_and(|again| again == id && again.to_string() == printed));
        }
        Err(error) => {
            let sentence = error.to_string();
            assert!(!sentence.contains(char::is_control), "{sentence:?}");
            assert!(sentence.len() < 1000, "{sentence}");
        }
    }
    allow(text);
}

/// What an administrator allows is allowed, or refused with one line.
fn allow(text: &str) {
    if let Err(error) = VaultSuffixes::known().allow(text) {
        let sentence = error.to_string();
        assert!(!sentence.contains(char::is_control), "{sentence:?}");
    }
}
