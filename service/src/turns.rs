//! How many fetched secrets are worked on at once. Dozens of requests may wait for their answers
//! at little cost; dozens of certificates being decoded and written would only fill the memory.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// No more than so many are decoded at once, however many processors there are.
const AT_ONCE: usize = 8;
/// With so many in hand, decoded, written, or waiting for that, no further ones need be fetched.
/// Writers wait for the disk, so there is work for more than are decoded.
const CROWD: usize = 2 * AT_ONCE;

/// Turns that are taken, and whoever waits for one.
#[derive(Debug)]
pub(crate) struct Turns {
    at_once: usize,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    taken: usize,
    in_hand: usize,
}

impl Turns {
    /// One turn for each processor. Who writes waits for the disk a dozen times, each time for
    /// microseconds: with more decoders than processors, then also for some of them to end.
    pub(crate) fn new(processors: usize) -> Self {
        let at_once = processors.clamp(1, AT_ONCE);
        Self { at_once, state: Mutex::default(), freed: Condvar::new() }
    }

    /// Waits for the turn to decode.
    pub(crate) fn take(&self) -> Turn<'_> {
        let mut state = self.state();
        state.in_hand += 1;
        let state = self.freed.wait_while(state, |state| state.taken == self.at_once);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        state.taken += 1;
        Turn { turns: self, is_taken: true }
    }

    /// Whether so many are in hand that more would only wait.
    pub(crate) fn are_crowded(&self) -> bool {
        self.state().in_hand >= CROWD
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One's turn to decode, and afterwards, until it is dropped, one that is in hand.
#[derive(Debug)]
pub(crate) struct Turn<'t> {
    turns: &'t Turns,
    is_taken: bool,
}

impl Turn<'_> {
    /// Lets somebody else decode.
    pub(crate) fn pass_on(&mut self) {
        if std::mem::take(&mut self.is_taken) {
            self.turns.state().taken -= 1;
            self.turns.freed.notify_one();
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.pass_on();
        self.turns.state().in_hand -= 1;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn twice_as_many_in_hand_as_are_decoded_are_a_crowd() {
        let turns = Turns::new(AT_ONCE);
        let mut written: Vec<_> = (0..AT_ONCE).map(|_| turns.take()).collect();
        written.iter_mut().for_each(Turn::pass_on);
        let mut decoded: Vec<_> = (1..AT_ONCE).map(|_| turns.take()).collect();
        assert!(!turns.are_crowded());
        decoded.push(turns.take());
        assert!(turns.are_crowded());
        decoded.pop();
        assert!(!turns.are_crowded());
    }

    #[test]
    fn whoever_waits_for_a_turn_is_in_hand() {
        let turns = Turns::new(AT_ONCE);
        let taken: Vec<_> = (0..AT_ONCE).map(|_| turns.take()).collect();
        std::thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| turns.take());
            }
            while !turns.are_crowded() {
                std::thread::yield_now();
            }
            drop(taken);
        });
        assert!(!turns.are_crowded());
    }

    #[test]
    fn there_are_as_many_turns_as_processors_up_to_eight() {
        let at_once = [0, 1, 2, 96].map(|processors| Turns::new(processors).at_once);
        assert_eq!(at_once, [1, 1, 2, AT_ONCE]);
    }

    #[test]
    fn everyone_gets_a_turn_and_no_more_than_a_few_at_once() {
        let (turns, at_once, most, had) =
            (Turns::new(2), AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..50 {
                scope.spawn(|| {
                    let _turn = turns.take();
                    most.fetch_max(at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::yield_now();
                    had.fetch_add(1, Ordering::SeqCst);
                    at_once.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        assert_eq!(had.into_inner(), 50);
        assert!(most.into_inner() <= 2);
    }
}
