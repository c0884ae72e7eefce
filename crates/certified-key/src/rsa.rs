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
    let size = u32::try_from(key.modulus.as_bytes().len()).ok()?.checked_mul(8)?;
    let number = |value: &UintRef<'_>| {
        BoxedUint::from_be_slice(value.as_bytes(), size).ok().map(Zeroizing::new)
    };
    let (n, e, d) =
        (number(&key.modulus)?, number(&key.public_exponent)?, number(&key.private_exponent)?);
    let (p, q) = (number(&key.prime1)?, number(&key.prime2)?);
    let one = BoxedUint::one_with_precision(size);
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
