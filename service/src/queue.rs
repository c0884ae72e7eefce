//! Which certificate is looked at next, where several are looked at at once: one vault that
//! answers slowly, or never, must not keep all hands busy while others wait.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, Once, PoisonError};

use crate::hands;

/// Looks under way at one vault while certificates are wanted that are not there: each waits for a
/// round trip most of its time, and holds one connection.
const AT_ONE_VAULT: usize = 48;
/// And where everything stands, and a poll only asks for news: nobody waits for those.
const AT_ONE_VAULT_IN_CALM: usize = 2;
/// A pass begins with so many at each vault: one that throttles a thousand machines at once refuses
/// each of them twice, not dozens of times.
pub(crate) const AT_FIRST: usize = 2;
/// Each that is answered lets so many more be under way, unless the machine does not keep up with
/// them: they would only fill its memory. From two to 48 this takes three round trips.
pub(crate) const MORE_WITH_EACH: usize = 2;
/// Looks under way in all. While a vault with fewer has something left, no other gets more.
const AT_ONCE: usize = 64;

/// Says that the vault has answered what this look asks it; once is enough.
pub(crate) type Answered<'a> = &'a (dyn Fn() + Sync);

/// What a queue wants to know of the vaults `V`, and to have done about them.
pub(crate) trait Reach<V> {
    /// Whether this machine does not keep up with what it has in hand.
    fn is_crowded(&self) -> bool {
        false
    }

    /// Whether connecting to this vault takes so long that it is worth doing ahead.
    fn is_far(&self, _vault: &V) -> bool {
        false
    }

    /// Opens a connection that a later look at this vault uses.
    fn open_ahead(&self, _vault: &V) {}
}

/// What waits, by vault.
#[derive(Debug)]
pub(crate) struct Queue<V, T> {
    vaults: Mutex<BTreeMap<V, Waiting<T>>>,
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
    /// Whether the vault is far; nothing is known before there was a connection to it.
    is_far: Option<bool>,
    /// For how many looks connections were opened ahead.
    ahead: usize,
}

/// What there is to do for a thread.
#[derive(Debug, PartialEq)]
enum Next<V, T> {
    /// This, at this vault.
    Item(V, T),
    /// Nothing before another look has ended.
    Later,
    /// Nothing any more.
    Nothing,
}

impl<V: Ord + Clone + Send + Sync, T: Send> Queue<V, T> {
    /// Queues items, each with the vault that it asks and whether somebody waits for it.
    pub(crate) fn new(items: impl IntoIterator<Item = (V, bool, T)>) -> Self {
        let mut vaults: BTreeMap<V, Waiting<T>> = BTreeMap::new();
        for (vault, wanted, item) in items {
            let vault = vaults.entry(vault).or_insert_with(Waiting::nothing);
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
    pub(crate) fn careful_at(mut self, closed: impl Fn(&V) -> bool) -> Self {
        let vaults = self.vaults.get_mut().unwrap_or_else(PoisonError::into_inner);
        for (_, waiting) in vaults.iter_mut().filter(|(vault, _)| closed(vault)) {
            waiting.open = 1;
            waiting.is_far = Some(false);
        }
        self
    }

    /// Works off what waits, with as many threads as that takes; what came of it, in no order.
    /// `work` says when the vault has answered: the next looks need not wait until it has ended.
    /// While the machine is crowded, no more looks are under way than before.
    pub(crate) fn work_off<R: Send>(
        &self,
        reach: &(impl Reach<V> + Sync + ?Sized),
        work: impl Fn(T, Answered<'_>) -> Option<R> + Sync,
    ) -> Vec<R> {
        let hand = || {
            let mut found = Vec::new();
            self.work(reach, |item, answered| found.extend(work(item, answered)));
            found
        };
        hands::lend(self.hands, "look", hand)
    }

    /// Works off what waits, as one of several threads: an item of the vault with the fewest looks
    /// under way first.
    fn work(&self, reach: &(impl Reach<V> + Sync + ?Sized), mut work: impl FnMut(T, Answered<'_>)) {
        let mut done = None;
        while let Some((vault, item)) = self.next(done.take(), reach) {
            let once = Once::new();
            let answered = || once.call_once(|| self.answered(&vault, reach));
            work(item, &answered);
            answered(); // where nobody was asked
            done = Some(vault);
        }
    }

    /// Waits for something to do; `done`: the vault of the look that this thread has just ended.
    fn next(&self, done: Option<V>, reach: &(impl Reach<V> + ?Sized)) -> Option<(V, T)> {
        let mut vaults = self.vaults();
        if let Some(vault) = done.and_then(|name| vaults.get_mut(&name)) {
            vault.under_way -= 1;
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
                Next::Later => match Waiting::take_ahead(&mut vaults) {
                    Some(vault) => {
                        drop(vaults);
                        reach.open_ahead(&vault);
                        vaults = self.vaults();
                        self.learn_distance(&vault, &mut vaults, reach);
                    }
                    None => {
                        let waited = self.may_go_on.wait(vaults);
                        vaults = waited.unwrap_or_else(PoisonError::into_inner);
                    }
                },
            }
        }
    }

    /// This vault has answered a look: more may be under way than before.
    fn answered(&self, name: &V, reach: &(impl Reach<V> + ?Sized)) {
        let mut vaults = self.vaults();
        let Some(vault) = vaults.get_mut(name) else { return };
        if vault.open < vault.most && !reach.is_crowded() {
            vault.open = vault.most.min(vault.open + MORE_WITH_EACH);
            for _ in 0..MORE_WITH_EACH {
                self.may_go_on.notify_one();
            }
        }
        self.learn_distance(name, &mut vaults, reach);
    }

    /// This vault has been connected to. Where it is far, those who wait connect meanwhile.
    fn learn_distance(
        &self,
        name: &V,
        vaults: &mut BTreeMap<V, Waiting<T>>,
        reach: &(impl Reach<V> + ?Sized),
    ) {
        let Some(vault) = vaults.get_mut(name) else { return };
        if vault.is_far.is_none() {
            vault.is_far = Some(reach.is_far(name));
            if vault.is_far == Some(true) {
                self.may_go_on.notify_all();
            }
        }
    }

    fn vaults(&self) -> MutexGuard<'_, BTreeMap<V, Waiting<T>>> {
        self.vaults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Waiting<T> {
    fn nothing() -> Self {
        let most = AT_ONE_VAULT_IN_CALM;
        let (items, open) = (VecDeque::new(), AT_FIRST);
        Self { items, under_way: 0, open, most, is_far: None, ahead: 0 }
    }

    fn take<V: Ord + Clone>(vaults: &mut BTreeMap<V, Self>) -> Next<V, T> {
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

    /// A vault to which another connection is worth being opened ahead: never more than there will
    /// be looks for. The first tells how far a vault is, and a look will use it wherever that is. Only
    /// one at a time is tried: vaults that nobody can reach must not keep all hands.
    fn take_ahead<V: Clone>(vaults: &mut BTreeMap<V, Self>) -> Option<V> {
        let is_tried = vaults.values().any(|vault| vault.is_far.is_none() && vault.ahead > 0);
        let lacks = |vault: &Self| {
            let looks = vault.most.min(vault.under_way + vault.items.len());
            vault.is_far.unwrap_or(!is_tried) && vault.open + vault.ahead < looks
        };
        let (name, vault) = vaults.iter_mut().find(|(_, vault)| lacks(vault))?;
        vault.ahead += 1;
        Some(name.clone())
    }

    /// Vaults that are not open for another look come last, then those with many under way.
    fn occupied(&self) -> (bool, usize) {
        (self.under_way >= self.open, self.under_way)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How the machine and its vaults are.
    struct Surroundings {
        crowded: bool,
        far: bool,
        opened: Mutex<Vec<String>>,
    }

    fn surroundings(crowded: bool, far: bool) -> Surroundings {
        Surroundings { crowded, far, opened: Mutex::default() }
    }

    impl Reach<String> for Surroundings {
        fn is_crowded(&self) -> bool {
            self.crowded
        }

        fn is_far(&self, _: &String) -> bool {
            self.far
        }

        fn open_ahead(&self, vault: &String) {
            self.opened.lock().unwrap().push(vault.clone());
        }
    }

    fn quick() -> Surroundings {
        surroundings(false, false)
    }

    fn queue(counts: &[(&str, usize)]) -> Queue<String, String> {
        let items = counts.iter().flat_map(|(vault, count)| {
            (0..*count).map(move |number| ((*vault).to_owned(), true, format!("{vault}{number}")))
        });
        Queue::new(items)
    }

    #[test]
    fn everything_is_worked_off_once() {
        let queue = queue(&[("a", 3), ("b", 1)]);
        let mut seen = Vec::new();
        queue.work(&quick(), |item, _| seen.push(item));
        seen.sort();
        assert_eq!(seen, ["a0", "a1", "a2", "b0"]);
        assert_eq!(queue.hands, 4);
    }

    /// The vaults of the looks that can be under way, where those at `dead` never end.
    fn taken(queue: &Queue<String, String>) -> Vec<String> {
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

    /// Has as many looks begin as may be under way; how many are.
    fn fill(queue: &Queue<String, String>) -> usize {
        let mut vaults = queue.vaults();
        while let Next::Item(..) = Waiting::take(&mut vaults) {}
        vaults["a"].under_way
    }

    #[test]
    fn a_pass_begins_with_two_looks_and_each_that_is_answered_lets_two_more_be_under_way() {
        let queue = queue(&[("a", 1000)]);
        let mut under_way = fill(&queue);
        for expected in [2, 6, 18, 48, 48] {
            assert_eq!(under_way, expected);
            for _ in 0..under_way {
                queue.answered(&"a".into(), &quick());
                drop(queue.next(Some("a".into()), &quick()));
            }
            under_way = fill(&queue);
        }
    }

    /// How many looks may be under way before and after each says that the vault has answered, as
    /// often as it says so, and when it ends.
    fn opened_by_looks(times: usize) -> Vec<(usize, usize)> {
        let queue = queue(&[("a", 10)]);
        let open = || queue.vaults()["a"].open;
        let mut seen = Vec::new();
        queue.work(&quick(), |_, answered| {
            let before = open();
            (0..times).for_each(|_| answered());
            seen.push((before, open()));
        });
        seen
    }

    #[test]
    fn looks_begin_when_the_vault_has_answered_another_not_when_that_is_on_the_disk() {
        assert_eq!(opened_by_looks(1)[..3], [(2, 4), (4, 6), (6, 8)]);
        assert_eq!(opened_by_looks(2), opened_by_looks(1));
    }

    #[test]
    fn looks_that_ask_nobody_let_others_begin_when_they_end() {
        assert_eq!(opened_by_looks(0)[..3], [(2, 2), (4, 4), (6, 6)]);
    }

    #[test]
    fn a_vault_that_was_closed_is_asked_once_before_it_is_asked_twice() {
        let queue = queue(&[("open", 3), ("was closed", 3)]).careful_at(|vault| vault != "open");
        let opened = || {
            let vaults = queue.vaults();
            ["open", "was closed"].map(|vault| vaults[vault].open)
        };
        assert_eq!(opened(), [AT_FIRST, 1]);
        assert_eq!(Waiting::take_ahead(&mut queue.vaults()), Some("open".into()));
        assert_eq!(Waiting::take_ahead(&mut queue.vaults()), None, "before it is known to be open");
        queue.answered(&"was closed".into(), &quick());
        assert_eq!(opened(), [AT_FIRST, 1 + MORE_WITH_EACH]);
    }

    #[test]
    fn while_the_machine_does_not_keep_up_no_more_are_under_way() {
        let queue = queue(&[("a", 1000)]);
        let open = || queue.vaults.lock().unwrap()["a"].open;
        queue.answered(&"a".into(), &surroundings(true, false));
        assert_eq!(open(), AT_FIRST);
        queue.answered(&"a".into(), &quick());
        assert_eq!(open(), AT_FIRST + MORE_WITH_EACH);
    }

    #[test]
    fn whoever_waits_for_a_vault_that_is_far_connects_meanwhile() {
        let opened_ahead = |far, count| {
            let queue = queue(&[("a", count)]);
            let ahead = || Waiting::take_ahead(&mut queue.vaults());
            fill(&queue);
            let unknown = std::iter::from_fn(ahead).count();
            queue.learn_distance(&"a".into(), &mut queue.vaults(), &surroundings(false, far));
            (unknown, std::iter::from_fn(ahead).count())
        };
        assert_eq!(opened_ahead(true, 1000), (1, AT_ONE_VAULT - AT_FIRST - 1));
        assert_eq!(opened_ahead(true, 10), (1, 10 - AT_FIRST - 1), "no more than there are looks");
        assert_eq!(opened_ahead(true, 3), (1, 0));
        assert_eq!(opened_ahead(true, 2), (0, 0));
        assert_eq!(opened_ahead(false, 1000), (1, 0));
    }

    #[test]
    fn how_far_vaults_are_is_found_out_one_after_the_other() {
        let queue = queue(&[("a", 3), ("b", 3)]);
        let ahead = || Waiting::take_ahead(&mut queue.vaults());
        assert_eq!([ahead(), ahead()], [Some("a".into()), None]);
        queue.learn_distance(&"a".into(), &mut queue.vaults(), &quick());
        assert_eq!([ahead(), ahead()], [Some("b".into()), None]);
    }

    #[test]
    fn connections_that_are_opened_ahead_are_opened_by_those_who_wait() {
        let queue = queue(&[("a", 100)]);
        let reach = surroundings(false, true);
        let worked = Mutex::new(0);
        std::thread::scope(|scope| {
            for _ in 0..queue.hands {
                scope.spawn(|| queue.work(&reach, |_, _| *worked.lock().unwrap() += 1));
            }
        });
        assert_eq!(worked.into_inner().unwrap(), 100);
        assert!(reach.opened.into_inner().unwrap().len() < AT_ONE_VAULT);
    }

    #[test]
    fn threads_that_have_to_wait_work_off_everything_together() {
        let queue = queue(&[("a", 100), ("b", 100)]);
        let worked = Mutex::new(0);
        std::thread::scope(|scope| {
            for _ in 0..queue.hands {
                scope.spawn(|| queue.work(&quick(), |_, _| *worked.lock().unwrap() += 1));
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
        let first = one_missing.next(None, &quick());
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
