//! How much key derivation a file may ask for.

use crate::error::DecodeError;

/// Most iterations of one derivation. Windows and Key Vault use 2,000, Java 10,000, openssl 2,048,
/// careful people 600,000.
const MAX_ITERATIONS: u64 = 1_000_000;

/// Most iterations of all derivations together, each counted once per block that it yields: about
/// two seconds.
const MAX_TOTAL: u64 = 8_000_000;

/// What is left for a file.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    left: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { left: MAX_TOTAL }
    }
}

impl Budget {
    /// Pays for a derivation of so many blocks before it runs.
    pub(super) fn pay(&mut self, iterations: u32, blocks: usize) -> Result<(), DecodeError> {
        let iterations = u64::from(iterations);
        let price = iterations.saturating_mul(blocks as u64);
        if iterations > MAX_ITERATIONS || price > self.left {
            return Err(DecodeError::TooManyIterations);
        }
        self.left -= price;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_derivation_and_their_sum_are_capped() {
        let mut budget = Budget::default();
        assert_eq!(budget.pay(1_000_001, 1), Err(DecodeError::TooManyIterations));
        assert_eq!(budget.pay(u32::MAX, usize::MAX), Err(DecodeError::TooManyIterations));
        for _ in 0..4 {
            assert_eq!(budget.pay(1_000_000, 2), Ok(()));
        }
        assert_eq!(budget.pay(1, 1), Err(DecodeError::TooManyIterations));
    }
}
