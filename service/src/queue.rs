//! Which certificate is looked at next, where several are looked at at once: one vault that
//! answers slowly, or never, must not keep all hands busy while others wait.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, PoisonError};

/// Looks under way at one vault while certificates are wanted that are not there: each waits for a
/// round trip most of its time, and holds one connection.
const AT_ONE_VAULT: usize = 48;
/// And where everything stands, and a poll only asks for news: nobody waits for those.
const AT_ONE_VAULT_IN_CALM: usize = 2;
/// A pass begins with so many at each vault, and each that ends lets one more be under way: a vault
/// that throttles a thousand machines at once refuses each of them twice, not dozens of times. More
/// than this machine keeps up with are never under way: they would only fill its memory.
const AT_FIRST: usize = 2;
/// Looks under way in all. While a vault with fewer has something left, no other gets more.
const AT_ONCE: usize = 64;

/// What waits, by vault.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    vaults: Mutex<BTreeMap<String, Waiting<T>>>,
    may_go_on: Condvar,
    hands: usize,
}

#[derive(Debug)]
struct Waiting<T> {
    items: VecDeque<T>,
    under_way: usize,
    /// How many may be under way by now.
    open: usize,
    /// How many ever.
    most: usize,
}

/// What there is to do for a thread.
#[derive(Debug, PartialEq)]
enum Next<T> {
    /// This, at this vault.
    Item(String, T),
    /// Nothing before another look has ended.
    Later,
    /// Nothing any more.
    Nothing,
}

impl<T> Queue<T> {
    /// Queues items, each with the vault that it asks and whether somebody waits for it.
    pub(crate) fn new(items: impl IntoIterator<Item = (String, bool, T)>) -> Self {
        let mut vaults: BTreeMap<String, Waiting<T>> = BTreeMap::new();
        for (vault, wanted, item) in items {
            let most = AT_ONE_VAULT_IN_CALM;
            let empty = || Waiting { items: VecDeque::new(), under_way: 0, open: AT_FIRST, most };
            let vault = vaults.entry(vault).or_insert_with(empty);
            if wanted {
                vault.most = AT_ONE_VAULT;
                vault.items.push_front(item);
            } else {
                vault.items.push_back(item);
            }
        }
        let hands = vaults.values().map(|vault| vault.items.len().min(vault.most)).sum();
        let may_go_on = Condvar::new();
        Self { vaults: Mutex::new(vaults), may_go_on, hands: AT_ONCE.min(hands) }
    }

    /// At vaults that are `closed` a pass begins with one look: it will do to learn that they still
    /// are. Where refused requests count against a vault's limit, each of a crowd that asks for more
    /// than that keeps it closed for all.
    pub(crate) fn careful_at(mut self, closed: impl Fn(&str) -> bool) -> Self {
        let vaults = self.vaults.get_mut().unwrap_or_else(PoisonError::into_inner);
        for (_, waiting) in vaults.iter_mut().filter(|(vault, _)| closed(vault)) {
            waiting.open = 1;
        }
        self
    }

    /// Works off what waits, with as many threads as that takes; what came of it, in no order.
    /// While `is_crowded`, no more looks are under way than before.
    pub(crate) fn work_off<R: Send>(
        &self,
        is_crowded: impl Fn() -> bool + Sync,
        work: impl Fn(T) -> Option<R> + Sync,
    ) -> Vec<R>
    where
        T: Send,
    {
        let hand = || {
            let mut found = Vec::new();
            self.work(&is_crowded, |item| found.extend(work(item)));
            found
        };
        std::thread::scope(|scope| {
            // A machine that is out of threads has fewer hands: this one does it all, if need be.
            let more = || std::thread::Builder::new().name("look".into()).spawn_scoped(scope, hand);
            let threads: Vec<_> = (1..self.hands).map_while(|_| more().ok()).collect();
            let mut found = hand();
            for thread in threads {
                found.extend(thread.join().unwrap_or_default());
            }
            found
        })
    }

    /// Works off what waits, as one of several threads: an item of the vault with the fewest looks
    /// under way first.
    fn work(&self, is_crowded: impl Fn() -> bool, mut work: impl FnMut(T)) {
        let mut done = None;
        while let Some((vault, item)) = self.next(done.take(), &is_crowded) {
            work(item);
            done = Some(vault);
        }
    }

    /// Waits for something to do; `done`: the vault of the look that this thread has just ended.
    fn next(&self, done: Option<String>, is_crowded: impl Fn() -> bool) -> Option<(String, T)> {
        let mut vaults = self.vaults.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(vault) = done.and_then(|done| vaults.get_mut(&done)) {
            vault.under_way -= 1;
            if vault.open < vault.most && !is_crowded() {
                // One more than this thread takes itself.
                vault.open += 1;
                self.may_go_on.notify_one();
            }
        }
        loop {
            match Waiting::take(&mut vaults) {
                Next::Item(vault, item) => {
                    if vaults.values().all(|vault| vault.items.is_empty()) {
                        self.may_go_on.notify_all(); // nothing is left to wait for
                    }
                    return Some((vault, item));
                }
                Next::Nothing => return None,
                Next::Later => {
                    vaults = self.may_go_on.wait(vaults).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }
}

impl<T> Waiting<T> {
    fn take(vaults: &mut BTreeMap<String, Self>) -> Next<T> {
        let waiting = vaults.iter_mut().filter(|(_, vault)| !vault.items.is_empty());
        let Some((name, vault)) = waiting.min_by_key(|(_, vault)| vault.occupied()) else {
            return Next::Nothing;
        };
        if vault.under_way >= vault.open {
            return Next::Later;
        }
        vault.under_way += 1;
        match vault.items.pop_front() {
            Some(item) => Next::Item(name.clone(), item),
            None => Next::Nothing,
        }
    }

    /// Vaults that are not open for another look come last, then those with many under way.
    fn occupied(&self) -> (bool, usize) {
        (self.under_way >= self.open, self.under_way)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(counts: &[(&str, usize)]) -> Queue<String> {
        let items = counts.iter().flat_map(|(vault, count)| {
            (0..*count).map(move |number| ((*vault).to_owned(), true, format!("{vault}{number}")))
        });
        Queue::new(items)
    }

    #[test]
    fn everything_is_worked_off_once() {
        let queue = queue(&[("a", 3), ("b", 1)]);
        let mut seen = Vec::new();
        queue.work(|| false, |item| seen.push(item));
        seen.sort();
        assert_eq!(seen, ["a0", "a1", "a2", "b0"]);
        assert_eq!(queue.hands, 4);
    }

    /// The vaults of the looks that can be under way, where those at `dead` never end.
    fn taken(queue: &Queue<String>) -> Vec<String> {
        let mut vaults = queue.vaults.lock().unwrap();
        let mut taken = Vec::new();
        while let Next::Item(vault, _) = Waiting::take(&mut vaults) {
            if vault != "dead" {
                vaults.get_mut(&vault).unwrap().under_way -= 1;
            }
            taken.push(vault);
        }
        taken
    }

    #[test]
    fn a_vault_that_never_answers_leaves_hands_for_the_others() {
        let taken = taken(&queue(&[("dead", 1000), ("good", 20)]));
        assert_eq!(taken.iter().filter(|vault| *vault == "dead").count(), AT_FIRST);
        assert_eq!(taken.iter().filter(|vault| *vault == "good").count(), 20);
    }

    #[test]
    fn a_pass_begins_with_two_looks_and_each_that_ends_lets_one_more_be_under_way() {
        let queue = queue(&[("a", 1000)]);
        let under_way = || queue.vaults.lock().unwrap()["a"].under_way;
        for expected in [2, 4, 8, 16, 32, 48, 48] {
            let ended = under_way();
            for _ in 0..ended {
                drop(queue.next(Some("a".into()), || false));
            }
            while let Next::Item(..) = Waiting::take(&mut queue.vaults.lock().unwrap()) {}
            assert_eq!(under_way(), expected);
        }
    }

    #[test]
    fn a_vault_that_was_closed_is_asked_once_before_it_is_asked_twice() {
        let queue = queue(&[("open", 3), ("was closed", 3)]).careful_at(|vault| vault != "open");
        let opened = || {
            let vaults = queue.vaults.lock().unwrap();
            ["open", "was closed"].map(|vault| vaults[vault].open)
        };
        assert_eq!(opened(), [AT_FIRST, 1]);
        while let Next::Item(..) = Waiting::take(&mut queue.vaults.lock().unwrap()) {}
        drop(queue.next(Some("was closed".into()), || false));
        assert_eq!(opened(), [AT_FIRST, 2]);
    }

    #[test]
    fn while_the_machine_does_not_keep_up_no_more_are_under_way() {
        let queue = queue(&[("a", 1000)]);
        let open = || queue.vaults.lock().unwrap()["a"].open;
        assert!(queue.next(None, || false).is_some());
        assert!(queue.next(Some("a".into()), || true).is_some());
        assert_eq!(open(), AT_FIRST);
        assert!(queue.next(Some("a".into()), || false).is_some());
        assert_eq!(open(), AT_FIRST + 1);
    }

    #[test]
    fn threads_that_have_to_wait_work_off_everything_together() {
        let queue = queue(&[("a", 100), ("b", 100)]);
        let worked = Mutex::new(0);
        std::thread::scope(|scope| {
            for _ in 0..queue.hands {
                scope.spawn(|| queue.work(|| false, |_| *worked.lock().unwrap() += 1));
            }
        });
        assert_eq!(worked.into_inner().unwrap(), 200);
    }

    #[test]
    fn a_poll_that_nobody_waits_for_keeps_two_connections_busy() {
        let polled = |number: u8| ("a".to_owned(), false, number);
        assert_eq!(Queue::new((0..100).map(polled)).hands, AT_ONE_VAULT_IN_CALM);
        let one_missing = Queue::new((0..100).map(polled).chain([("a".to_owned(), true, 100)]));
        assert_eq!(one_missing.hands, AT_ONE_VAULT);
        let first = one_missing.next(None, || false);
        assert_eq!(first.map(|(_, number)| number), Some(100), "wanted first");
    }

    #[test]
    fn the_number_of_threads_is_bounded() {
        let vaults: Vec<String> = (0..1000).map(|number| format!("v{number}")).collect();
        let counts: Vec<(&str, usize)> = vaults.iter().map(|vault| (vault.as_str(), 9)).collect();
        assert_eq!(queue(&counts).hands, AT_ONCE);
        assert_eq!(queue(&[]).hands, 0);
    }
}
