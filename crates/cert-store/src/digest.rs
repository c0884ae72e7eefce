//! By what the contents of files are told apart.

use sha2::{Digest, Sha256};

/// SHA-256, hexadecimal.
pub(crate) fn digest(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let halves = |byte: u8| [byte >> 4, byte & 0xf].map(|half| DIGITS[usize::from(half)]);
    // Every file that stands is digested in every poll: formatting costs more than the digest.
    Sha256::digest(bytes).into_iter().flat_map(halves).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_written_as_sha256sum_writes_it() {
        // FIPS 180-4's example "abc".
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest(b"abc"), expected);
    }
}
