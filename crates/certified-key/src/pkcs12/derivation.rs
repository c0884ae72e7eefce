//! PKCS#12's own key derivation (RFC 7292 appendix B).

use sha1::block_api::compress;
use zeroize::Zeroizing;

use super::budget::Budget;
use super::hash::Hash;
use crate::error::DecodeError;

/// What is derived (RFC 7292 appendix B.3).
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Key = 1,
    InitializationVector = 2,
    MacKey = 3,
}

/// What everything that is derived for one element of a file has in common.
#[derive(Clone, Copy)]
pub(super) struct Derivation<'a> {
    pub(super) hash: Hash,
    /// In UTF-16 with a final zero.
    pub(super) password: &'a [u8],
    pub(super) salt: &'a [u8],
    pub(super) iterations: u32,
}

impl Derivation<'_> {
    /// Derives so many bytes for each purpose. What is wanted together is derived at the same time:
    /// each takes thousands of digests that wait for one another, and a processor has room for two
    /// such chains in the time of one.
    pub(super) fn derive<const N: usize>(
        &self,
        wanted: [(Purpose, usize); N],
        budget: &mut Budget,
    ) -> Result<[Zeroizing<Vec<u8>>; N], DecodeError> {
        let blocks = wanted.iter().map(|(_, length)| length.div_ceil(self.hash.size())).sum();
        budget.pay(self.iterations, blocks)?;
        let mut outputs = wanted.map(|(purpose, length)| Output::new(self, purpose, length));
        loop {
            let mut growing: Vec<_> = outputs.iter_mut().filter(|output| output.lacks()).collect();
            if growing.is_empty() {
                return Ok(outputs.map(Output::take));
            }
            let block = self.hash.block();
            let first = |output: &&mut Output| {
                self.hash.digest(&[output.purpose as u8; 128][..block], &output.input)
            };
            let mut digests: Vec<_> = growing.iter().map(first).collect();
            iterate(self.hash, &mut digests, self.iterations.saturating_sub(1));
            for (output, digest) in growing.iter_mut().zip(&digests) {
                output.bytes.extend_from_slice(digest);
                add_to_each(&mut output.input, digest, block);
            }
        }
    }
}

/// Something that is being derived.
struct Output {
    purpose: Purpose,
    length: usize,
    /// Salt and password, and with each digest something else.
    input: Zeroizing<Vec<u8>>,
    bytes: Zeroizing<Vec<u8>>,
}

impl Output {
    fn new(of: &Derivation<'_>, purpose: Purpose, length: usize) -> Self {
        let block = of.hash.block();
        let mut input = Zeroizing::new(repeated(of.salt, block));
        input.extend(repeated(of.password, block));
        let bytes = Zeroizing::new(Vec::with_capacity(length + of.hash.size()));
        Self { purpose, length, input, bytes }
    }

    fn lacks(&self) -> bool {
        self.bytes.len() < self.length
    }

    fn take(mut self) -> Zeroizing<Vec<u8>> {
        self.bytes.truncate(self.length);
        self.bytes
    }
}

/// Digests each of the digests, and that again, so many times.
fn iterate(hash: Hash, digests: &mut [Zeroizing<Vec<u8>>], times: u32) {
    match hash {
        Hash::Sha1 => iterate_sha1(digests, times),
        _ => digests.iter_mut().for_each(|digest| hash.iterate(digest, times)),
    }
}

/// The same for SHA-1, as whole blocks (RFC 3174 §4): that a digest fills one with its padding is
/// known beforehand.
fn iterate_sha1(digests: &mut [Zeroizing<Vec<u8>>], times: u32) {
    const START: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    const SIZE: usize = Hash::Sha1.size();
    let mut blocks = Zeroizing::new(vec![[0_u8; 64]; digests.len()]);
    for (block, digest) in blocks.iter_mut().zip(digests.iter()) {
        block[..SIZE].copy_from_slice(digest);
        block[SIZE] = 0x80;
        block[56..].copy_from_slice(&(8 * SIZE as u64).to_be_bytes());
    }
    for _ in 0..times {
        // No block waits for another, so the processor works on several at once.
        for block in blocks.iter_mut() {
            let mut state = START;
            compress(&mut state, std::slice::from_ref(block));
            for (bytes, word) in block.chunks_exact_mut(4).zip(state) {
                bytes.copy_from_slice(&word.to_be_bytes());
            }
        }
    }
    for (digest, block) in digests.iter_mut().zip(blocks.iter()) {
        digest.copy_from_slice(&block[..SIZE]);
    }
}

/// Repeats the bytes until they fill whole blocks; nothing stays nothing.
fn repeated(bytes: &[u8], block: usize) -> Vec<u8> {
    let length = bytes.len().div_ceil(block) * block;
    bytes.iter().copied().cycle().take(length).collect()
}

/// Adds the piece, itself repeated to a block, and one to every block as a big number.
fn add_to_each(input: &mut [u8], piece: &[u8], block: usize) {
    for chunk in input.chunks_mut(block) {
        let mut carry = 1_u16;
        for place in (0..chunk.len()).rev() {
            let sum = u16::from(chunk[place]) + u16::from(piece[place % piece.len()]) + carry;
            let [high, low] = sum.to_be_bytes();
            chunk[place] = low;
            carry = u16::from(high);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMEG: &[u8] = &[0, b's', 0, b'm', 0, b'e', 0, b'g', 0, 0];
    const QUEEG: &[u8] = &[0, b'q', 0, b'u', 0, b'e', 0, b'e', 0, b'g', 0, 0];

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|n| u8::from_str_radix(&text[n..n + 2], 16).unwrap())
            .collect()
    }

    fn derive<const N: usize>(
        hash: Hash,
        (password, salt, iterations): (&[u8], &str, u32),
        wanted: [(Purpose, usize); N],
    ) -> [Zeroizing<Vec<u8>>; N] {
        let derivation = Derivation { hash, password, salt: &hex(salt), iterations };
        derivation.derive(wanted, &mut Budget::default()).unwrap()
    }

    #[test]
    fn it_agrees_with_published_vectors() {
        // Dr. Stephen Henson's vectors, which OpenSSL's own tests use (evpkdf_pkcs12.txt).
        let smeg = derive(
            Hash::Sha1,
            (SMEG, "0A58CF64530D823F", 1),
            [(Purpose::Key, 24), (Purpose::InitializationVector, 8)],
        );
        assert_eq!(*smeg[0], hex("8AAAE6297B6CB04642AB5B077851284EB7128F1A2A7FBCA3"));
        assert_eq!(*smeg[1], hex("79993DFE048D3B76"));
        let queeg = derive(
            Hash::Sha1,
            (QUEEG, "05DEC959ACFF72F7", 1000),
            [(Purpose::Key, 24), (Purpose::InitializationVector, 8)],
        );
        assert_eq!(*queeg[0], hex("ED2034E36328830FF09DF1E1A07DD357185DAC0D4F9EB3D4"));
        assert_eq!(*queeg[1], hex("11DEDAD7758D4860"));
        let macs = [
            ((SMEG, "3D83C0E4546AC140", 1), "8D967D88F6CAA9D714800AB3D48051D63F73A312"),
            ((QUEEG, "263216FCC2FAB31C", 1000), "5EC4C7A80DF652294C3925B6489A7AB857C83476"),
        ];
        for (from, expected) in macs {
            assert_eq!(*derive(Hash::Sha1, from, [(Purpose::MacKey, 20)])[0], hex(expected));
        }
    }

    #[test]
    fn what_is_derived_together_is_what_is_derived_alone() {
        let from = (SMEG, "0A58CF64530D823F", 77);
        let wanted = [(Purpose::Key, 100), (Purpose::MacKey, 0), (Purpose::MacKey, 20)];
        for hash in [Hash::Sha1, Hash::Sha224, Hash::Sha256, Hash::Sha384, Hash::Sha512] {
            let alone = wanted.map(|one| derive(hash, from, [one])[0].clone());
            assert_eq!(derive(hash, from, wanted), alone);
        }
    }

    #[test]
    fn the_null_and_the_empty_password_are_two_passwords() {
        for hash in [Hash::Sha1, Hash::Sha224, Hash::Sha256, Hash::Sha384, Hash::Sha512] {
            let derive = |password| derive(hash, (password, "73616c74", 3), [(Purpose::Key, 32)]);
            assert_ne!(derive(&[]), derive(&[0, 0]));
        }
    }
}
