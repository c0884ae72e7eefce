//! A vault that throttles, on a simulated clock.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::code::Code;
use crate::failure::{Failure, Retry};

/// In which transactions are counted.
pub(super) const WINDOW: Duration = Duration::from_secs(10);

/// What counts against the limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Rule {
    /// Windows follow one another, and refused requests do not count.
    Fixed,
    /// Every moment ends a window, and refused requests count too.
    Sliding,
}

/// The vault.
pub(super) struct Vault {
    rule: Rule,
    limit: usize,
    counted: VecDeque<Duration>,
    /// Nobody reaches it until then.
    pub(super) dead_until: Duration,
    /// What was asked and what was refused, by the second.
    pub(super) asked: BTreeMap<u64, usize>,
    pub(super) refused: BTreeMap<u64, usize>,
}

impl Vault {
    pub(super) fn new(rule: Rule, limit: usize) -> Self {
        let (asked, refused) = (BTreeMap::new(), BTreeMap::new());
        let counted = VecDeque::new();
        Self { rule, limit, counted, dead_until: Duration::ZERO, asked, refused }
    }

    pub(super) fn ask(&mut self, now: Duration) -> Result<(), Failure> {
        if now < self.dead_until {
            let public = "the vault cannot be reached".to_owned();
            return Err(Failure::plain(Code::VaultUnreachable, Retry::Backoff, public));
        }
        *self.asked.entry(now.as_secs()).or_default() += 1;
        // A machine that is a round ahead is asked for before others of the same moment.
        let oldest =
            |counted: &VecDeque<Duration>| counted.front().map(|first| now.saturating_sub(*first));
        match self.rule {
            Rule::Fixed if oldest(&self.counted).is_some_and(|age| age >= WINDOW) => {
                self.counted.clear();
            }
            Rule::Fixed => {}
            Rule::Sliding => {
                while oldest(&self.counted).is_some_and(|age| age >= WINDOW) {
                    self.counted.pop_front();
                }
            }
        }
        let free = self.counted.len() < self.limit;
        if free || self.rule == Rule::Sliding {
            self.counted.push_back(now);
        }
        if free {
            return Ok(());
        }
        *self.refused.entry(now.as_secs()).or_default() += 1;
        let left = WINDOW.saturating_sub(oldest(&self.counted).unwrap_or_default());
        let asked = Duration::from_secs(left.as_secs_f64().ceil() as u64);
        Err(Failure::plain(Code::Throttled, Retry::After(asked), "throttled".to_owned()))
    }
}
