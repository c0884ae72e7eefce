//! How many fetched secrets are worked on at once. Dozens of requests may wait for their answers
//! at little cost; dozens of certificates being decoded and written would only fill the memory.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// More than a machine's few processors, since writers wait for the disk.
const AT_ONCE: usize = 8;

/// Turns that are taken, and whoever waits for one.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    taken: usize,
    awaited: usize,
}

impl Turns {
    /// Waits for a turn; it ends when it is dropped.
    pub(crate) fn take(&self) -> Turn<'_> {
        let mut state = self.state();
        state.awaited += 1;
        let state = self.freed.wait_while(state, |state| state.taken == AT_ONCE);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        state.awaited -= 1;
        state.taken += 1;
        Turn(self)
    }

    /// Whether as many wait for a turn as can have one: more would only wait, too.
    pub(crate) fn are_crowded(&self) -> bool {
        self.state().awaited >= AT_ONCE
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One's turn.
#[derive(Debug)]
pub(crate) struct Turn<'t>(&'t Turns);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.state().taken -= 1;
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn as_many_that_wait_as_have_a_turn_are_a_crowd() {
        let turns = Turns::default();
        let taken: Vec<_> = (0..AT_ONCE).map(|_| turns.take()).collect();
        assert!(!turns.are_crowded());
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
    fn everyone_gets_a_turn_and_no_more_than_a_few_at_once() {
        let (turns, at_once, most, had) =
            (Turns::default(), AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
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
        assert!(most.into_inner() <= AT_ONCE);
    }
}
