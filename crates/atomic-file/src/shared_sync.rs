//! One sync of a directory for all who wait for one: what it brings to the disk is everything that
//! had been changed before it began, whoever changed it.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rustix::io::{self, Errno};

/// The syncs of one opened directory.
#[derive(Debug, Default)]
pub(crate) struct SharedSync {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// So many have begun, one after the other.
    begun: u64,
    /// Whether the last of them has not ended yet.
    under_way: bool,
    /// The last that failed, as a number of those that have begun. The kernel tells an error only
    /// once to those who share an open file (`fsync(2)`), so it is passed on.
    failed: Option<(u64, Errno)>,
}

impl SharedSync {
    /// Returns once a sync has ended that began after this call: the caller's own, which is `make`,
    /// or another thread's.
    pub(crate) fn sync(&self, make: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        self.follow(self.state(), make)
    }

    fn follow(
        &self,
        mut state: MutexGuard<'_, State>,
        make: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        // One that is under way may have begun before what the caller has changed.
        let wanted = state.begun + 1;
        while state.ended() < wanted {
            if !state.under_way {
                return self.lead(state, make);
            }
            state = self.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        match state.failed {
            Some((number, error)) if number >= wanted => Err(error),
            _ => Ok(()),
        }
    }

    fn lead(
        &self,
        mut state: MutexGuard<'_, State>,
        make: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        state.begun += 1;
        state.under_way = true;
        let number = state.begun;
        drop(state);
        let made = make();
        let mut state = self.state();
        state.under_way = false;
        if let Err(error) = made {
            state.failed = Some((number, error));
        }
        self.ended.notify_all();
        made
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn ended(&self) -> u64 {
        self.begun - u64::from(self.under_way)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::channel;
    use std::thread;

    use super::*;

    /// One sync is under way while three more are asked for; how these end, and how many were made
    /// for them, where each that is made ends so.
    fn while_one_is_under_way(each: io::Result<()>) -> (Vec<io::Result<()>>, usize) {
        let (shared, made) = (SharedSync::default(), AtomicUsize::new(0));
        let ended = thread::scope(|scope| {
            let (begins, has_begun) = channel();
            let (end, ends) = channel::<()>();
            let first = scope.spawn(|| {
                let (begins, ends) = (begins, ends);
                shared.sync(|| {
                    begins.send(()).unwrap();
                    ends.recv().unwrap();
                    Ok(())
                })
            });
            has_begun.recv().unwrap();
            let (asks, asked) = channel();
            let (shared, made) = (&shared, &made);
            let more: Vec<_> = (0..3)
                .map(|_| {
                    let asks = asks.clone();
                    scope.spawn(move || {
                        // The lock is held when this is sent, and given up only to wait.
                        let state = shared.state();
                        asks.send(()).unwrap();
                        shared.follow(state, || {
                            made.fetch_add(1, Ordering::SeqCst);
                            each
                        })
                    })
                })
                .collect();
            (0..3).for_each(|_| asked.recv().unwrap());
            drop(shared.state()); // all three wait now
            end.send(()).unwrap();
            first.join().unwrap().unwrap();
            more.into_iter().map(|one| one.join().unwrap()).collect()
        });
        (ended, made.into_inner())
    }

    #[test]
    fn one_sync_serves_all_who_asked_before_it_began() {
        assert_eq!(while_one_is_under_way(Ok(())), (vec![Ok(()); 3], 1));
    }

    #[test]
    fn all_whom_it_served_hear_of_a_failure() {
        let broken = Err(Errno::IO);
        assert_eq!(while_one_is_under_way(broken), (vec![broken; 3], 1));
    }

    #[test]
    fn a_failure_is_not_told_to_who_comes_later() {
        let shared = SharedSync::default();
        assert_eq!(shared.sync(|| Err(Errno::NOSPC)), Err(Errno::NOSPC));
        assert_eq!(shared.sync(|| Ok(())), Ok(()));
    }
}
