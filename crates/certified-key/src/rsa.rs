//! Do the numbers of an RSA private key belong together?

use crypto_bigint::{BoxedUint, ConcatenatingMul as _, NonZero};
use der::asn1::UintRef;
use pkcs1::RsaPrivateKey;
use zeroize::Zeroizing;

use crate::error::DecodeError;

/// Sizes of modulus that are carried, in bits. Key Vault makes 2048 to 4096; the rest is for
/// imported certificates. The upper bound keeps the arithmetic short.
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 1024..=16384;

/// Checks the relations of RFC 8017 §3.2 between the numbers, and returns the modulus's bits.
///
/// They tell a damaged or mixed-up key. Whether the factors are prime is not asked.
pub(crate) fn check(key: &RsaPrivateKey<UintRef<'_>>) -> Result<usize, DecodeError> {
    let modulus = key.modulus.as_bytes();
    let bits = modulus.len() * 8 - modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
    if !MODULUS_BITS.contains(&bits) {
        return Err(DecodeError::UnsupportedKey(format!("RSA of {bits} bits")));
    }
    if key.other_prime_infos.is_some() {
        return Err(DecodeError::UnsupportedKey("RSA with more than two primes".to_owned()));
    }
    match consistent(key) {
        Some(true) => Ok(bits),
        _ => Err(DecodeError::InvalidKey("its RSA numbers do not belong together")),
    }
}

/// `None` where a number is out of range for the modulus.
fn consistent(key: &RsaPrivateKey<UintRef<'_>>) -> Option<bool> {
    let size = |value: &UintRef<'_>| u32::try_from(value.as_bytes().len()).ok()?.checked_mul(8);
    let whole = size(&key.modulus)?;
    // Most numbers are no longer than the primes, and reckoning with half the places takes a
    // quarter of the time.
    let half = size(&key.prime1)?.max(size(&key.prime2)?).min(whole);
    let number = |value: &UintRef<'_>| {
        let places = if size(value)? <= half { half } else { whole };
        BoxedUint::from_be_slice(value.as_bytes(), places).ok().map(Zeroizing::new)
    };
    let (n, e, d) =
        (number(&key.modulus)?, number(&key.public_exponent)?, number(&key.private_exponent)?);
    let (p, q) = (number(&key.prime1)?, number(&key.prime2)?);
    let one = BoxedUint::one_with_precision(half);
    let minus_one = |prime: &BoxedUint| NonZero::new(prime.wrapping_sub(&one)).into_option();
    let (p_1, q_1) = (Zeroizing::new(minus_one(&p)?), Zeroizing::new(minus_one(&q)?));
    let inverse = |a: &BoxedUint, b: &BoxedUint, modulus: &NonZero<BoxedUint>| {
        let product = Zeroizing::new(a.concatenating_mul(b));
        *Zeroizing::new(product.rem(modulus)) == one
    };
    let p_modulus = Zeroizing::new(NonZero::new((*p).clone()).into_option()?);
    Some(
        *Zeroizing::new(p.concatenating_mul(&*q)) == *n
            && inverse(&e, &d, &p_1)
            && inverse(&e, &d, &q_1)
            && inverse(&e, &*number(&key.exponent1)?, &p_1)
            && inverse(&e, &*number(&key.exponent2)?, &q_1)
            && inverse(&q, &*number(&key.coefficient)?, &p_modulus),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use der::Decode as _;

    /// Made by `openssl genrsa 1024` for this test.
    const PKCS1: &str = "\
        MIICXAIBAAKBgQC9wBerbYy0EuzPrqvG5PTTud4NiOyt+BHK2w23X/Wfd1BZM9P3QyaG2W/EEkaIEdhwHaRW2J/k\
        NJKqvCHE4euNUXzfOAO0cpbcMBTljNyyxIwJYIKpDqk3zpL1mgYZ45CdiVuL+4AXYMoQDTD4ti3VOoqzL83yWpTK\
        M+klcsZ5WQIDAQABAoGAM4H3auN79E3G1sF1g7IW+3pS2p22karrOYOo/4Qe6sC6oNw+x7oEtUpE2paTatBdTmHd\
        gG2hSZMz1QDosccZ53TxP6GlSa5jEpOn0jDXIl1y4HFYRqpqroz/+/kf1MWbJrgJVciWsIAaJ87KLSHP63PLHw3s\
        qGk2UAbvPniF+DkCQQDf9LYtmhwGARVDM6SsT0Q0ddIOSkWd8lrHjjgWCM/z15FA1KPH/TpXVRi1au9TH+wgXQqO\
        xWeC9S95AmnBYv+jAkEA2OZ2/k/CrZ4UpnLw6oyFuPcxTYwq4JBIsuLheZLjzbSrMMhTuaYh3il6G0cd9wbtc8NN\
        ud/1GcdcX8srl/+C0wJAeWeIBqp/PIYDx71MLJh/ycyBBXwfxyKlMX6YSuGWEYKvXCypaHWO1d7smRQSDsbEUzr8\
        yS6cEXLmvDuhptMK7wJAQ8v9484Alw4zfDevUFEuNzulAI1QlbLj1m6OddbRN+pCHFRxvzTLn0qtrTsUhbN3o1in\
        wfLcBPvIxvSVosQuGwJBANw1GU49nFCWUdV97FpYpy4VOfLGdQZnopS8ZCh+Q/K61ffSYdVdPFuSr1bNo7XJILm3\
        V9yDKHR2mf4ap11wjHk=";

    /// Checks the key after a change to one of its numbers.
    fn check_changed(change: impl Fn(usize) -> Option<Vec<u8>>) -> Result<usize, DecodeError> {
        let der = STANDARD.decode(PKCS1).unwrap();
        let key = RsaPrivateKey::<UintRef<'_>>::from_der(&der).unwrap();
        let numbers = [
            key.modulus,
            key.public_exponent,
            key.private_exponent,
            key.prime1,
            key.prime2,
            key.exponent1,
            key.exponent2,
            key.coefficient,
        ];
        let numbers: Vec<Vec<u8>> = numbers
            .iter()
            .enumerate()
            .map(|(place, number)| change(place).unwrap_or_else(|| number.as_bytes().to_vec()))
            .collect();
        let number = |place: usize| UintRef::new(&numbers[place]).unwrap();
        check(&RsaPrivateKey {
            modulus: number(0),
            public_exponent: number(1),
            private_exponent: number(2),
            prime1: number(3),
            prime2: number(4),
            exponent1: number(5),
            exponent2: number(6),
            coefficient: number(7),
            other_prime_infos: None,
        })
    }

    #[test]
    fn the_numbers_of_a_real_key_belong_together() {
        assert_eq!(check_changed(|_| None), Ok(1024));
    }

    #[test]
    fn a_change_to_any_number_is_seen() {
        let odd = [vec![0x80; 128], vec![3], vec![5; 128], vec![7; 64]];
        for place in 0..8 {
            for number in [vec![0], vec![1], odd[place.min(3)].clone(), vec![0xff; 200]] {
                let checked = check_changed(|changed| (changed == place).then(|| number.clone()));
                assert!(checked.is_err(), "number {place} = {number:02x?}");
            }
        }
    }

    #[test]
    fn a_private_exponent_that_fits_one_of_the_primes_is_seen() {
        let der = STANDARD.decode(PKCS1).unwrap();
        let key = RsaPrivateKey::<UintRef<'_>>::from_der(&der).unwrap();
        let number = |value: UintRef<'_>| BoxedUint::from_be_slice(value.as_bytes(), 1024).unwrap();
        for prime in [key.prime1, key.prime2] {
            let less = number(prime).wrapping_sub(BoxedUint::one_with_precision(1024));
            let exponent = number(key.private_exponent).wrapping_add(&less).to_be_bytes();
            assert!(check_changed(|place| (place == 2).then(|| exponent.to_vec())).is_err());
        }
    }

    #[test]
    fn a_modulus_of_an_unusual_size_is_refused() {
        for (first, size, bits) in
            [(0xff, 127, 1016), (0x7f, 128, 1023), (1, 2049, 16_385), (0xff, 100_000, 800_000)]
        {
            let modulus = || [vec![first], vec![0xff; size - 1]].concat();
            let checked = check_changed(|place| (place == 0).then(modulus));
            let expected = DecodeError::UnsupportedKey(format!("RSA of {bits} bits"));
            assert_eq!(checked, Err(expected));
        }
    }
}
