//! Private keys as Windows exports them, and with it Key Vault.
//!
//! Recorded answers have two things that other tools leave out: the curve a second time inside an
//! elliptic key, and a `keyUsage` attribute after it (RFC 5208 section 5). Readers must bear both.

use yasna::models::ObjectIdentifier;
use yasna::{ASN1Result, Tag, construct_der, parse_der};

const EC_PUBLIC_KEY: &[u64] = &[1, 2, 840, 10045, 2, 1];
const RSA_ENCRYPTION: &[u64] = &[1, 2, 840, 113_549, 1, 1, 1];
const KEY_USAGE: &[u64] = &[2, 5, 29, 15];

/// The same key in that form; keys of other kinds, which vaults do not make, as they are.
pub(crate) fn as_exported(pkcs8: &[u8]) -> Vec<u8> {
    rewritten(pkcs8).unwrap_or_else(|_| pkcs8.to_vec())
}

fn rewritten(pkcs8: &[u8]) -> ASN1Result<Vec<u8>> {
    let parts = elements(pkcs8)?;
    let [version, algorithm, key, ..] = &parts[..] else { return Ok(pkcs8.to_vec()) };
    let named = elements(algorithm)?;
    let (key, usage) = match parse_der(&named[0], |r| r.read_oid())?.components().as_slice() {
        EC_PUBLIC_KEY => (with_curve(key, &named[1])?, 0x80),
        RSA_ENCRYPTION => (key.clone(), 0x10),
        _ => return Ok(pkcs8.to_vec()),
    };
    Ok(construct_der(|w| {
        w.write_sequence(|w| {
            for part in [version, algorithm, &key] {
                w.next().write_der(part);
            }
            w.next().write_tagged_implicit(Tag::context(0), |w| {
                w.write_set(|w| {
                    w.next().write_sequence(|w| {
                        w.next().write_oid(&ObjectIdentifier::from_slice(KEY_USAGE));
                        // Windows does not trim the unused bits of a named bit list.
                        w.next().write_set(|w| w.next().write_bitvec_bytes(&[usage], 8));
                    });
                });
            });
        });
    }))
}

/// RFC 5915: version, private key, `[0]` parameters, `[1]` public key.
fn with_curve(key: &[u8], curve: &[u8]) -> ASN1Result<Vec<u8>> {
    let parts = elements(&parse_der(key, |r| r.read_bytes())?)?;
    let rewritten = construct_der(|w| {
        w.write_sequence(|w| {
            w.next().write_der(&parts[0]);
            w.next().write_der(&parts[1]);
            w.next().write_tagged(Tag::context(0), |w| w.write_der(curve));
            if let Some(public) = parts.last().filter(|last| last[0] == 0xa1) {
                w.next().write_der(public);
            }
        });
    });
    Ok(construct_der(|w| w.write_bytes(&rewritten)))
}

fn elements(sequence: &[u8]) -> ASN1Result<Vec<Vec<u8>>> {
    parse_der(sequence, |r| r.collect_sequence_of(|r| r.read_der()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A throw-away key as Key Vault handed it out in 2021, decrypted.
    const RECORDED: &str = "3081a2020100301306072a8648ce3d020106082a8648ce3d030107047930770201\
        010420e997ecbf4fee78ea964085909d1d33e90d3732c21aba1c8cde5eb9286b175eb1a00a06082a8648ce3d\
        030107a1440342000431b59e3f03c0d486a0765e5ac10d9f6fcffde2735722b0c1374338af1c1ad9db3c5637\
        a9c7060672150283400f27d042fd362e31f4118c5646fc90240b68dc13a00d300b0603551d0f310403020080";
    /// The same one as openssl writes it.
    const PLAIN: &str = "308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420\
        e997ecbf4fee78ea964085909d1d33e90d3732c21aba1c8cde5eb9286b175eb1a1440342000431b59e3f03c0\
        d486a0765e5ac10d9f6fcffde2735722b0c1374338af1c1ad9db3c5637a9c7060672150283400f27d042fd36\
        2e31f4118c5646fc90240b68dc13";

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<_> = hex.split_whitespace().collect();
        let digits = digits.concat();
        (0..digits.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
            .collect()
    }

    #[test]
    fn an_elliptic_key_becomes_byte_by_byte_the_recorded_one() {
        assert_eq!(as_exported(&bytes(PLAIN)), bytes(RECORDED));
        assert_eq!(as_exported(&bytes(RECORDED)), bytes(RECORDED));
    }

    #[test]
    fn what_is_no_key_stays() {
        assert_eq!(as_exported(b"nothing"), b"nothing");
    }
}
