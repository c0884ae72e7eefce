//! Names that follow from what they stand for.

use sha2::{Digest, Sha256};

/// 32 hexadecimal digits, half of the SHA-256 of all `parts` one after the other: equal parts have
/// the same, and no two others ever will. Short enough for the name of a file, whatever it names.
pub fn fingerprint(parts: &[&[u8]]) -> String {
    let mut digest = Sha256::new();
    parts.iter().for_each(|part| digest.update(part));
    digest.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_first_half_of_what_sha256sum_prints() {
        // FIPS 180-4's example "abc".
        let expected = "ba7816bf8f01cfea414140de5dae2223";
        assert_eq!(fingerprint(&[b"abc"]), expected);
        assert_eq!(fingerprint(&[b"a", b"", b"bc"]), expected);
    }
}
