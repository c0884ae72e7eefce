//! Which certificate is looked at next, where several are looked at at once: one vault that
//! answers slowly, or never, must not keep all hands busy while others wait.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// Looks under way at one vault. More do not make a pass faster than a vault answers, and each
/// holds one connection.
const AT_ONE_VAULT: usize = 16;
/// Looks under way in all.
const AT_ONCE: usize = 64;

/// What waits, by vault.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    vaults: Mutex<BTreeMap<String, Waiting<T>>>,
    hands: usize,
}

#[derive(Debug)]
struct Waiting<T> {
    items: VecDeque<T>,
    under_way: usize,
}

impl<T> Queue<T> {
    /// Queues items, each with the vault that it asks.
    pub(crate) fn new(items: impl IntoIterator<Item = (String, T)>) -> Self {
        let mut vaults: BTreeMap<String, Waiting<T>> = BTreeMap::new();
        for (vault, item) in items {
            let empty = || Waiting { items: VecDeque::new(), under_way: 0 };
            vaults.entry(vault).or_insert_with(empty).items.push_back(item);
        }
        let hands = vaults.values().map(|vault| vault.items.len().min(AT_ONE_VAULT)).sum();
        Self { vaults: Mutex::new(vaults), hands: AT_ONCE.min(hands) }
    }

    /// How many threads it takes to work this off.
    pub(crate) fn hands(&self) -> usize {
        self.hands
    }

    /// Works off what waits, as one of several threads: an item of the vault with the fewest looks
    /// under way first.
    pub(crate) fn work(&self, mut work: impl FnMut(T)) {
        let mut done = None;
        while let Some((vault, item)) = self.next(done.take()) {
            work(item);
            done = Some(vault);
        }
    }

    fn next(&self, done: Option<String>) -> Option<(String, T)> {
        let mut vaults = self.vaults.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(vault) = done.and_then(|done| vaults.get_mut(&done)) {
            vault.under_way -= 1;
        }
        let open = vaults
            .iter_mut()
            .filter(|(_, vault)| !vault.items.is_empty() && vault.under_way < AT_ONE_VAULT);
        let (name, vault) = open.min_by_key(|(_, vault)| vault.under_way)?;
        let item = vault.items.pop_front()?;
        vault.under_way += 1;
        Some((name.clone(), item))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(counts: &[(&str, usize)]) -> Queue<String> {
        let items = counts.iter().flat_map(|(vault, count)| {
            (0..*count).map(move |number| ((*vault).to_owned(), format!("{vault}{number}")))
        });
        Queue::new(items)
    }

    #[test]
    fn everything_is_worked_off_once() {
        let queue = queue(&[("a", 3), ("b", 1)]);
        let mut seen = Vec::new();
        queue.work(|item| seen.push(item));
        seen.sort();
        assert_eq!(seen, ["a0", "a1", "a2", "b0"]);
        assert_eq!(queue.hands(), 4);
    }

    #[test]
    fn a_vault_that_never_answers_leaves_hands_for_the_others() {
        let queue = queue(&[("dead", 1000), ("good", 2)]);
        let taken: Vec<String> =
            (0..queue.hands()).filter_map(|_| queue.next(None)).map(|(vault, _)| vault).collect();
        assert_eq!(taken.iter().filter(|vault| *vault == "dead").count(), AT_ONE_VAULT);
        assert_eq!(taken.iter().filter(|vault| *vault == "good").count(), 2);
    }

    #[test]
    fn the_number_of_threads_is_bounded() {
        let vaults: Vec<String> = (0..1000).map(|number| format!("v{number}")).collect();
        let counts: Vec<(&str, usize)> = vaults.iter().map(|vault| (vault.as_str(), 9)).collect();
        assert_eq!(queue(&counts).hands(), AT_ONCE);
        assert_eq!(queue(&[]).hands(), 0);
    }
}
