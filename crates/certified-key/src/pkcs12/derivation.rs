//! PKCS#12's own key derivation (RFC 7292 appendix B).

use std::cmp::Reverse;

use sha1::block_api::compress;
use zeroize::Zeroizing;

use super::hash::Hash;

/// Most that is derived at a time. Each digest waits for the one before it, and three such chains
/// keep a processor's SHA-1 unit busy without a pause.
const LANES: usize = 3;

/// What is derived (RFC 7292 appendix B.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Key = 1,
    InitializationVector = 2,
    MacKey = 3,
}

/// Something that a file needs derived from its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) purpose: Purpose,
    pub(super) salt: Vec<u8>,
    pub(super) iterations: u32,
    /// In bytes.
    pub(super) length: usize,
}

impl Wanted {
    /// How many digests are put together for it, each iterated anew.
    pub(super) fn blocks(&self, hash: Hash) -> usize {
        self.length.div_ceil(hash.size())
    }
}

/// Derives all of it, as much at the same time as the processor has room for.
pub(super) fn derive(outputs: &mut [Output]) {
    loop {
        let mut lanes: Vec<_> = outputs.iter_mut().filter(|output| output.lacks()).collect();
        // What has most before it goes first, so that nothing long is left to end alone.
        lanes.sort_by_key(|output| Reverse(output.left));
        lanes.truncate(LANES);
        let Some(times) = lanes.iter().map(|output| output.left_of_block()).min() else { return };
        iterate(&mut lanes, times);
        lanes.iter_mut().for_each(|output| output.went_on(times));
    }
}

/// Something that is being derived.
pub(super) struct Output {
    hash: Hash,
    wanted: Wanted,
    /// Salt and password, and with each block something else.
    input: Zeroizing<Vec<u8>>,
    /// The last digest of the block that is in work.
    digest: Zeroizing<Vec<u8>>,
    /// Digests still to be made, of all blocks.
    left: u64,
    bytes: Zeroizing<Vec<u8>>,
}

impl Output {
    /// With the password in UTF-16 with a final zero.
    pub(super) fn new(hash: Hash, password: &[u8], wanted: Wanted) -> Self {
        let block = hash.block();
        let mut input = Zeroizing::new(repeated(&wanted.salt, block));
        input.extend(repeated(password, block));
        let bytes = Zeroizing::new(Vec::with_capacity(wanted.length + hash.size()));
        let digest = Zeroizing::new(Vec::new());
        let mut output = Self { hash, wanted, input, digest, left: 0, bytes };
        output.left = output.wanted.blocks(hash) as u64 * output.iterations();
        output.begin_block();
        output
    }

    /// What is being derived.
    pub(super) fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    /// What was derived.
    pub(super) fn take(mut self) -> Zeroizing<Vec<u8>> {
        self.bytes.truncate(self.wanted.length);
        self.bytes
    }

    fn lacks(&self) -> bool {
        self.bytes.len() < self.wanted.length
    }

    /// No iteration is one.
    fn iterations(&self) -> u64 {
        u64::from(self.wanted.iterations.max(1))
    }

    fn left_of_block(&self) -> u64 {
        self.left % self.iterations()
    }

    /// A block's first digest is of more than a digest.
    fn begin_block(&mut self) {
        if self.lacks() {
            let purpose = [self.wanted.purpose as u8; 128];
            self.digest = self.hash.digest(&purpose[..self.hash.block()], &self.input);
            self.left -= 1;
        }
    }

    fn went_on(&mut self, times: u64) {
        self.left -= times;
        if self.left_of_block() == 0 {
            self.bytes.extend_from_slice(&self.digest);
            add_to_each(&mut self.input, &self.digest, self.hash.block());
            self.begin_block();
        }
    }
}

/// Digests each output's digest, and that again, so many times.
fn iterate(lanes: &mut [&mut Output], times: u64) {
    if lanes.iter().all(|output| output.hash == Hash::Sha1) {
        return iterate_sha1(lanes, times);
    }
    for output in lanes {
        output.hash.iterate(&mut output.digest, times);
    }
}

/// The same for SHA-1, as whole blocks (RFC 3174 §4): that a digest fills one with its padding is
/// known beforehand.
fn iterate_sha1(lanes: &mut [&mut Output], times: u64) {
    const START: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    const SIZE: usize = Hash::Sha1.size();
    let mut blocks = Zeroizing::new(vec![[0_u8; 64]; lanes.len()]);
    for (block, output) in blocks.iter_mut().zip(lanes.iter()) {
        block[..SIZE].copy_from_slice(&output.digest);
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
    for (output, block) in lanes.iter_mut().zip(blocks.iter()) {
        output.digest.copy_from_slice(&block[..SIZE]);
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
        let mut outputs = wanted.map(|(purpose, length)| {
            Output::new(hash, password, Wanted { purpose, salt: hex(salt), iterations, length })
        });
        super::derive(&mut outputs);
        outputs.map(Output::take)
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
    fn what_ends_at_different_times_is_what_is_derived_alone() {
        let all = [(1, 24), (1000, 8), (0, 20), (7, 100), (300, 41), (2, 0), (999, 40)];
        let output = |hash, (iterations, length)| {
            let wanted = Wanted { purpose: Purpose::Key, salt: vec![1; 8], iterations, length };
            Output::new(hash, SMEG, wanted)
        };
        for hash in [Hash::Sha1, Hash::Sha256] {
            let mut together = all.map(|one| output(hash, one));
            super::derive(&mut together);
            for (one, derived) in all.into_iter().zip(together.map(Output::take)) {
                let mut alone = [output(hash, one)];
                super::derive(&mut alone);
                assert_eq!(alone.map(Output::take), [derived]);
            }
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
