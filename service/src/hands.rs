//! Several threads at one piece of work. A machine that is out of threads has fewer hands: the
//! caller's own does it all, if need be.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{Builder, scope};

/// What `hand` found in each of at most `number` threads, one of them the caller's, in no order.
/// The others are called `name`, of which Linux shows 15 bytes.
pub(crate) fn lend<R: Send>(number: usize, name: &str, hand: impl Fn() -> Vec<R> + Sync) -> Vec<R> {
    scope(|scope| {
        let more = || Builder::new().name(name.into()).spawn_scoped(scope, &hand);
        let threads: Vec<_> = (1..number).map_while(|_| more().ok()).collect();
        let mut found = hand();
        for thread in threads {
            found.extend(thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        found
    })
}

/// Does `work` for each of `all`, at most `number` at once; the results are in the order of `all`.
pub(crate) fn side_by_side<T: Sync, R: Send>(
    all: &[T],
    number: usize,
    name: &str,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let begun = AtomicUsize::new(0);
    let next = || {
        let at = begun.fetch_add(1, Ordering::Relaxed);
        all.get(at).map(|one| (at, work(one)))
    };
    let mut done = lend(number.min(all.len()), name, || std::iter::from_fn(next).collect());
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn results_keep_their_order() {
        let all: Vec<usize> = (0..100).collect();
        assert_eq!(
            side_by_side(&all, 8, "test", |one| one * 2),
            (0..200).step_by(2).collect::<Vec<_>>()
        );
        assert_eq!(side_by_side(&[], 8, "test", |one: &usize| *one), Vec::<usize>::new());
        assert_eq!(side_by_side(&[7], 0, "test", |one| *one), [7]);
    }

    #[test]
    fn one_that_waits_keeps_nobody_else_waiting() {
        // The first ends only when the last does, with two hands for all six.
        let both = Barrier::new(2);
        let wait = |one: &usize| {
            if [0, 5].contains(one) {
                both.wait();
            }
            *one
        };
        assert_eq!(side_by_side(&[0, 1, 2, 3, 4, 5], 2, "test", wait), [0, 1, 2, 3, 4, 5]);
    }
}
