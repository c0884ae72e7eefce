//! From loose certificates and keys to one certified key.

use crate::candidate::Candidate;
use crate::certificate::{Certificate, one_line};
use crate::certified::CertifiedKey;
use crate::chain;
use crate::error::DecodeError;
use crate::private_key::PrivateKey;

/// Most certificates that are looked at.
pub(crate) const MAX_CERTIFICATES: usize = 256;

/// Most private keys that are looked at.
const MAX_KEYS: usize = 16;

/// What a file holds, before anything is known of how it belongs together.
#[derive(Default)]
pub(crate) struct Parts {
    pub(crate) certificates: Vec<FoundCertificate>,
    pub(crate) keys: Vec<FoundKey>,
    /// Parts that could not be read. They only count if what can be read is not enough.
    pub(crate) failures: Vec<DecodeError>,
    pub(crate) notes: Vec<String>,
    keys_seen: usize,
}

/// A certificate's bytes, and PKCS#12's number of the key that it came with.
pub(crate) struct FoundCertificate {
    pub(crate) der: Vec<u8>,
    pub(crate) local_key_id: Option<Vec<u8>>,
}

/// A private key, and PKCS#12's number for it.
pub(crate) struct FoundKey {
    pub(crate) key: PrivateKey,
    pub(crate) local_key_id: Option<Vec<u8>>,
}

/// A certificate with its key, and what there is to say about it.
#[derive(Debug)]
pub struct Decoded {
    /// The leaf, its issuers and its private key.
    pub key: CertifiedKey,
    /// Things left out or odd, one sentence each, fit for a log: unrelated certificates,
    /// unreadable extra parts.
    pub notes: Vec<String>,
}

impl Parts {
    pub(crate) fn add_certificate(
        &mut self,
        der: Vec<u8>,
        local_key_id: Option<Vec<u8>>,
    ) -> Result<(), DecodeError> {
        if self.certificates.len() == MAX_CERTIFICATES {
            return Err(DecodeError::TooMany { what: "certificates", limit: MAX_CERTIFICATES });
        }
        self.certificates.push(FoundCertificate { der, local_key_id });
        Ok(())
    }

    /// Takes a key that was found, or why it could not be read. A key pair that is there twice
    /// counts once.
    pub(crate) fn add_key(
        &mut self,
        key: Result<PrivateKey, DecodeError>,
        local_key_id: Option<Vec<u8>>,
    ) -> Result<(), DecodeError> {
        if self.keys_seen == MAX_KEYS {
            return Err(DecodeError::TooMany { what: "private keys", limit: MAX_KEYS });
        }
        self.keys_seen += 1;
        match key {
            Ok(key) if self.keys.iter().any(|known| known.key.same_pair(&key)) => {}
            Ok(key) => self.keys.push(FoundKey { key, local_key_id }),
            Err(error) => self.failures.push(error),
        }
        Ok(())
    }
}

/// Finds the key's certificate and its issuers, and says what was left out.
pub(crate) fn assemble(parts: Parts) -> Result<Decoded, DecodeError> {
    let Parts { certificates, mut keys, mut failures, mut notes, .. } = parts;
    let pool = readable(&certificates, &mut failures);
    if keys.is_empty() || pool.is_empty() {
        return Err(missing(&pool, !keys.is_empty(), failures));
    }
    let (leaf, key) = match pair(&pool, &keys)? {
        Some(pair) => pair,
        None => {
            let plain = mismatch(&pool, &keys);
            return Err(failures.into_iter().next().unwrap_or(plain));
        }
    };
    let order = chain::issuers(leaf, &pool)?;
    notes.extend(failures.iter().map(|failure| format!("left out a part: {}", failure.cause())));
    notes.extend(left_out(&pool, leaf, &order));
    let certificate = |place: usize| Certificate::new(&pool[place]);
    let issuers = order.into_iter().map(certificate).collect();
    let algorithm = pool[leaf].parsed.public_key().algorithm.algorithm.as_bytes();
    let key = keys.swap_remove(key).key.for_certificate(algorithm)?;
    Ok(Decoded { key: CertifiedKey { leaf: certificate(leaf), issuers, key }, notes })
}

/// The certificates that can be read, each once.
fn readable<'a>(
    certificates: &'a [FoundCertificate],
    failures: &mut Vec<DecodeError>,
) -> Vec<Candidate<'a>> {
    let mut pool: Vec<Candidate<'a>> = Vec::with_capacity(certificates.len());
    for found in certificates {
        match Candidate::read(&found.der, found.local_key_id.as_deref()) {
            Some(new) => match pool.iter_mut().find(|known| known.der == new.der) {
                Some(known) => known.local_key_id = known.local_key_id.or(new.local_key_id),
                None => pool.push(new),
            },
            None => failures.push(DecodeError::UnreadableCertificate),
        }
    }
    pool
}

fn missing(pool: &[Candidate<'_>], has_key: bool, mut failures: Vec<DecodeError>) -> DecodeError {
    let plain = match pool.first() {
        Some(first) => {
            // Certificates are not what is wanted.
            failures.retain(|failure| *failure != DecodeError::Pkcs7);
            DecodeError::NoPrivateKey { subject: one_line(first.parsed.subject()) }
        }
        None if has_key => DecodeError::NoCertificate,
        None => DecodeError::NothingFound,
    };
    failures.into_iter().next().unwrap_or(plain)
}

fn mismatch(pool: &[Candidate<'_>], keys: &[FoundKey]) -> DecodeError {
    let without_name = |place: &Candidate<'_>| {
        keys.iter().any(|found| found.key.public().is_in_without_name(place.parsed.public_key()))
    };
    if pool.iter().any(without_name) {
        return DecodeError::NamelessCurve;
    }
    DecodeError::KeyMismatch { keys: keys.len(), certificates: pool.len() }
}

/// The leaf and the key that belong together, as places in the two lists.
///
/// The public key decides. Where several certificates have the key (a renewal that kept it), the
/// one with the key's PKCS#12 number comes first, then the one that is no authority, then the
/// one that was issued last. Two keys that each have a certificate are a file for two purposes.
fn pair(pool: &[Candidate<'_>], keys: &[FoundKey]) -> Result<Option<(usize, usize)>, DecodeError> {
    let mut matches = Vec::new();
    for (number, found) in keys.iter().enumerate() {
        for (place, certificate) in pool.iter().enumerate() {
            if found.key.public().is_in(certificate.parsed.public_key()) {
                matches.push((place, number));
            }
        }
    }
    if matches.iter().any(|(place, _)| !pool[*place].is_authority()) {
        matches.retain(|(place, _)| !pool[*place].is_authority());
    }
    let mut used: Vec<usize> = matches.iter().map(|(_, number)| *number).collect();
    used.dedup();
    if used.len() > 1 {
        return Err(DecodeError::SeveralKeys { keys: used.len() });
    }
    let rank = |place: usize, number: usize| {
        let number = keys[number].local_key_id.as_deref();
        let same_number = number.is_some() && pool[place].local_key_id == number;
        let issued = pool[place].parsed.validity().not_before.timestamp();
        (same_number, issued, pool[place].der)
    };
    Ok(matches.into_iter().max_by_key(|(place, number)| rank(*place, *number)))
}

fn left_out(pool: &[Candidate<'_>], leaf: usize, order: &[usize]) -> Vec<String> {
    pool.iter()
        .enumerate()
        .filter(|(place, _)| *place != leaf && !order.contains(place))
        .map(|(_, other)| {
            format!(
                "left out the certificate of {}, issued by {}: it is not part of the chain of {}",
                one_line(other.parsed.subject()),
                one_line(other.parsed.issuer()),
                one_line(pool[leaf].parsed.subject()),
            )
        })
        .collect()
}
