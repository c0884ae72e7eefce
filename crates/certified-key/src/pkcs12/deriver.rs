//! All that is derived for one file: within its budget, and as much as possible at the same time.

use zeroize::Zeroizing;

use super::budget::Budget;
use super::derivation::{Output, Wanted, derive};
use super::hash::Hash;
use super::password::Password;
use crate::error::DecodeError;

/// Derives for a file.
#[derive(Default)]
pub(super) struct Deriver {
    pub(super) budget: Budget,
    /// Derived and paid for already, from this password.
    foreseen: Vec<[Output; 2]>,
    password: Option<Password>,
}

impl Deriver {
    /// Derives what is wanted from a password in UTF-16 with a final zero.
    pub(super) fn derive<const N: usize>(
        &mut self,
        hash: Hash,
        password: &[u8],
        wanted: [Wanted; N],
    ) -> Result<[Zeroizing<Vec<u8>>; N], DecodeError> {
        wanted.iter().try_for_each(|one| self.budget.pay(one.iterations, one.blocks(hash)))?;
        let mut outputs = wanted.map(|one| Output::new(hash, password, one));
        derive(&mut outputs);
        Ok(outputs.map(Output::take))
    }

    /// Derives keys and initialization vectors that are going to be asked for: those of two elements
    /// together take two thirds of the time. They are paid for now, and what the budget does not
    /// allow is left to be refused when it is asked for.
    pub(super) fn foresee(&mut self, password: Password, elements: Vec<[Wanted; 2]>) {
        let mut budget = self.budget.clone();
        let mut pay = |one: &Wanted| budget.pay(one.iterations, one.blocks(Hash::Sha1));
        if elements.as_flattened().iter().try_for_each(&mut pay).is_err() {
            return;
        }
        let output = |one| Output::new(Hash::Sha1, password.utf16(), one);
        let mut outputs: Vec<_> = elements.into_iter().map(|pair| pair.map(output)).collect();
        derive(outputs.as_flattened_mut());
        *self = Self { budget, foreseen: outputs, password: Some(password) };
    }

    /// An element's key and initialization vector, by SHA-1.
    pub(super) fn for_element(
        &mut self,
        password: Password,
        wanted: [Wanted; 2],
    ) -> Result<[Zeroizing<Vec<u8>>; 2], DecodeError> {
        let is_it = |pair: &[Output; 2]| {
            self.password == Some(password)
                && pair.each_ref().map(Output::wanted) == wanted.each_ref()
        };
        match self.foreseen.iter().position(is_it) {
            Some(place) => Ok(self.foreseen.swap_remove(place).map(Output::take)),
            None => self.derive(Hash::Sha1, password.utf16(), wanted),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::derivation::Purpose;
    use super::super::pfx::Pfx;
    use super::super::{ber, foresight, safe};
    use super::*;

    const KEY_VAULT: &[u8] =
        include_bytes!("../../tests/fixtures/key-vault-2021-07-ec-p256-exportable.pfx");

    fn element(salt: u8, iterations: u32) -> [Wanted; 2] {
        [(Purpose::Key, 24), (Purpose::InitializationVector, 8)].map(|(purpose, length)| Wanted {
            purpose,
            salt: vec![salt; 8],
            iterations,
            length,
        })
    }

    fn left(deriver: &Deriver) -> String {
        format!("{:?}", deriver.budget)
    }

    #[test]
    fn what_was_foreseen_is_what_is_derived_when_it_is_asked_for_and_costs_the_same() {
        let elements = [element(1, 3), element(2, 1000), element(2, 1000), element(3, 0)];
        for password in Password::CANDIDATES {
            let (mut early, mut late) = (Deriver::default(), Deriver::default());
            early.foresee(password, elements.to_vec());
            for wanted in elements.iter().rev() {
                let foreseen = early.for_element(password, wanted.clone()).unwrap();
                assert_eq!(foreseen, late.for_element(password, wanted.clone()).unwrap());
            }
            assert_eq!(left(&early), left(&late));
            assert!(early.foreseen.is_empty());
        }
    }

    #[test]
    fn what_was_foreseen_for_one_form_of_no_password_is_not_taken_for_the_other() {
        let (mut early, mut late) = (Deriver::default(), Deriver::default());
        early.foresee(Password::Null, vec![element(1, 5)]);
        let other = early.for_element(Password::Empty, element(1, 5)).unwrap();
        assert_eq!(other, late.for_element(Password::Empty, element(1, 5)).unwrap());
        assert_ne!(other, late.for_element(Password::Null, element(1, 5)).unwrap());
    }

    #[test]
    fn what_the_budget_does_not_allow_is_not_foreseen_but_refused_when_it_is_asked_for() {
        for costly in [vec![element(1, 1_000_001)], vec![element(1, 900_000); 3]] {
            let mut deriver = Deriver::default();
            deriver.foresee(Password::Null, costly.clone());
            assert!(deriver.foreseen.is_empty());
            assert_eq!(left(&deriver), left(&Deriver::default()));
            deriver.budget.pay(1_000_000, 7).unwrap();
            let refused = costly
                .into_iter()
                .find_map(|wanted| deriver.for_element(Password::Null, wanted).err());
            assert_eq!(refused, Some(DecodeError::TooManyIterations));
        }
    }

    #[test]
    fn all_of_a_file_of_key_vaults_is_foreseen_and_nothing_else() {
        let pfx = Pfx::parse(KEY_VAULT).unwrap();
        let safes = ber::to_der(pfx.content).unwrap();
        let elements = foresight::wanted(&safes);
        assert_eq!(elements.len(), 2);
        let (mut early, mut late) = (Deriver::default(), Deriver::default());
        early.foresee(Password::Null, elements);
        for deriver in [&mut early, &mut late] {
            let parts = safe::read(&safes, Password::Null, deriver).unwrap();
            assert_eq!((parts.keys.len(), parts.certificates.len()), (1, 1));
        }
        assert!(early.foreseen.is_empty());
        assert_eq!(left(&early), left(&late));
    }
}
