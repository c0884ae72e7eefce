//! Random identifiers in Azure's forms. The generator is a plain one: nothing here is a secret
//! that anybody should not guess, a test least of all.

/// 32 hexadecimal digits: a version of a secret.
pub(crate) fn version() -> String {
    format!("{:032x}", fastrand::u128(..))
}

/// A GUID in lower case: a request id.
pub(crate) fn guid() -> String {
    guid_of(fastrand::u128(..))
}

/// A GUID in braces and upper case: the name Windows gives a key container.
pub(crate) fn braced_guid() -> String {
    format!("{{{}}}", guid().to_uppercase())
}

/// A GUID that is always the same for the same words, so that settings can be written in advance.
pub(crate) fn guid_for(words: &str) -> String {
    // FNV-1a: any spread of the words over the numbers will do.
    let seed = words.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    guid_of(fastrand::Rng::with_seed(seed).u128(..))
}

/// RFC 9562 version 4.
fn guid_of(random: u128) -> String {
    let bits = (random & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let digits = format!("{bits:032x}");
    let (a, b) = (&digits[..8], &digits[8..12]);
    let (c, d, e) = (&digits[12..16], &digits[16..20], &digits[20..]);
    format!("{a}-{b}-{c}-{d}-{e}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_thirty_two_hexadecimal_digits() {
        let version = version();
        assert_eq!(version.len(), 32);
        assert!(version.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }

    #[test]
    fn guids_carry_version_and_variant() {
        for guid in [guid(), guid_for("contoso")] {
            assert_eq!(guid.len(), 36);
            assert_eq!(&guid[14..15], "4");
            assert!("89ab".contains(&guid[19..20]));
        }
    }

    #[test]
    fn the_same_words_give_the_same_guid() {
        assert_eq!(guid_for("web"), guid_for("web"));
        assert_ne!(guid_for("web"), guid_for("api"));
    }
}
