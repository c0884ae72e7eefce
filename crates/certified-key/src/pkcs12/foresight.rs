//! What a file is going to need derived, as far as that can be seen before anything is decrypted.

use der::asn1::OctetStringRef;
use der::{Decode as _, SliceReader};

use super::derivation::Wanted;
use super::safe::{Bag, ENCRYPTED, SHROUDED_KEY, elements, encrypted_data, encrypted_key};
use super::structure::{ContentInfo, DATA};
use super::{ber, encryption};

/// Most elements that are looked for. Key Vault's files have two.
const MOST: usize = 8;

/// The keys and initialization vectors of encrypted safes, and of encrypted keys in safes that are
/// not. What is not readable is passed over: reading will tell.
pub(super) fn wanted(safes: &[u8]) -> Vec<[Wanted; 2]> {
    list(safes).filter_map(of_safe).flatten().take(MOST).collect()
}

fn of_safe(element: &[u8]) -> Option<Vec<[Wanted; 2]>> {
    let safe = ContentInfo::parse(&mut SliceReader::new(element).ok()?).ok()?;
    match safe.kind {
        ENCRYPTED => {
            let (algorithm, _) = encrypted_data(safe.content).ok()?;
            encryption::foreseeable(algorithm).map(|pair| vec![pair])
        }
        DATA => {
            let plain = <&OctetStringRef>::from_der(safe.content).ok()?;
            let plain = ber::to_der(plain.as_bytes()).ok()?;
            Some(list(&plain).filter_map(of_bag).take(MOST).collect())
        }
        _ => None,
    }
}

fn of_bag(element: &[u8]) -> Option<[Wanted; 2]> {
    let bag = Bag::parse(element).ok().filter(|bag| bag.kind == SHROUDED_KEY)?;
    let (algorithm, _) = encrypted_key(bag.value).ok()?;
    encryption::foreseeable(algorithm)
}

/// The elements of a list, up to one that is damaged.
fn list(sequence: &[u8]) -> impl Iterator<Item = &[u8]> {
    elements(sequence).into_iter().flatten().map_while(Result::ok)
}

#[cfg(test)]
mod tests {
    use super::super::pfx::Pfx;
    use super::super::tlv::{explicit, number, octets, oid, sequence};
    use super::*;
    use der::asn1::ObjectIdentifier;

    const DES3: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.3");

    /// A safe in plain data with so many encrypted keys.
    fn safe(keys: u32) -> Vec<u8> {
        let key = |salt: u32| {
            let parameters = sequence(&[&octets(&salt.to_be_bytes()), &number(2000)]);
            let algorithm = sequence(&[&oid(DES3), &parameters]);
            let value = explicit(&sequence(&[&algorithm, &octets(&[0; 8])]));
            sequence(&[&oid(SHROUDED_KEY), &value])
        };
        let bags: Vec<_> = (0..keys).map(key).collect();
        let bags = sequence(&bags.iter().map(|bag| bag.as_slice()).collect::<Vec<_>>());
        sequence(&[&oid(DATA), &explicit(&octets(&bags))]).to_vec()
    }

    #[test]
    fn a_few_elements_are_foreseen_however_many_there_are() {
        for (safes, foreseen) in [(vec![], 0), (vec![3], 3), (vec![1, 0, 2], 3), (vec![7, 7], MOST)]
        {
            let safes: Vec<_> = safes.into_iter().map(safe).collect();
            let safes = sequence(&safes.iter().map(Vec::as_slice).collect::<Vec<_>>());
            let found = wanted(&safes);
            assert_eq!(found.len(), foreseen);
            let sizes = |pair: &[Wanted; 2]| pair.each_ref().map(|one| one.length);
            assert!(found.iter().all(|pair| sizes(pair) == [24, 8]));
        }
    }

    #[test]
    fn what_is_cut_off_or_damaged_is_foreseen_up_to_there() {
        let file = include_bytes!("../../tests/fixtures/key-vault-2021-07-ec-p256-exportable.pfx");
        let safes = Pfx::parse(file).unwrap().content;
        assert_eq!(wanted(safes).len(), 2);
        for length in 0..safes.len() {
            assert_eq!(wanted(&safes[..length]).len(), 0);
        }
        for place in 4..safes.len() {
            let mut damaged = safes.to_vec();
            damaged[place] ^= 0x81;
            assert!(wanted(&damaged).len() <= 2, "byte {place}");
        }
    }
}
