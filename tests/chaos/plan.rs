//! What happens and in which order: all of it follows from the seed, none of it from what the
//! machine does.

use std::time::Duration;

use fastrand::Rng;

use crate::world::CERTIFICATES;

/// The versions that the extension is updated to, up and down.
pub(crate) const VERSIONS: [&str; 3] = ["0.1.0", "0.2.0", "0.10.0"];
/// Settings come back under numbers that were used before, and numbers go down.
const NUMBERS: u64 = 6;

/// What Azure wants of this machine.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) state: Wish,
    pub(crate) version: &'static str,
    pub(crate) number: u64,
    /// Which certificates are observed, by their place in the list of all.
    pub(crate) observed: Vec<usize>,
    pub(crate) interval: u64,
    pub(crate) initial_sync: bool,
}

/// The state of the extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Served,
    /// With settings that cannot be served.
    Refused,
    Disabled,
    Uninstalled,
}

/// What the guest agent does next.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    GoalState(Wanted),
    /// Another process of the agent, with the goal state that it had.
    Restart,
}

/// What the machine, or Azure, does to us.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    KillWorker,
    /// As a supervisor does that restarts what has ended; or beside one that runs.
    StartWorker,
    FreezeWorker(Duration),
    KillAgent,
    FreezeAgent(Duration),
    Rotate(usize),
    /// The newest version is disabled in the vault.
    Withdraw(usize),
    /// By its place in the list of all.
    Fault(usize),
    ClearFaults,
    RevokeTokens,
    WipeRuntime,
    WipeState,
    DamageReport,
}

/// What becomes of the next process of the handler.
#[derive(Clone, Debug)]
pub(crate) enum Fate {
    Lives,
    DiesAfter(Duration),
    FreezesAfter(Duration, Duration),
}

/// Some deeds and some goal states at the same time, then calm.
pub(crate) struct Round {
    pub(crate) deeds: Vec<(Duration, Deed)>,
    pub(crate) steps: Vec<(Duration, Step)>,
    pub(crate) fates: Vec<Fate>,
    /// What must come true when nothing disturbs any more; the first of them serves certificates.
    pub(crate) ends: Vec<Wanted>,
}

/// Draws rounds.
pub(crate) struct Planner {
    rng: Rng,
    wanted: Wanted,
    faults: usize,
}

impl Planner {
    /// `faults` is how many kinds of them there are.
    pub(crate) fn new(seed: u64, faults: usize) -> Self {
        let wanted = Wanted {
            state: Wish::Served,
            version: VERSIONS[0],
            number: 0,
            observed: (0..CERTIFICATES.len()).collect(),
            interval: 1,
            initial_sync: false,
        };
        Self { rng: Rng::with_seed(seed), wanted, faults }
    }

    pub(crate) fn round(&mut self) -> Round {
        let deeds = (0..self.rng.usize(40..80)).map(|_| (self.pause(700), self.deed())).collect();
        let steps = (0..self.rng.usize(3..7)).map(|_| (self.pause(1500), self.step())).collect();
        let fates = (0..80).map(|_| self.fate()).collect();
        Round { deeds, steps, fates, ends: self.ends() }
    }

    fn pause(&mut self, most: u64) -> Duration {
        Duration::from_millis(self.rng.u64(0..most))
    }

    fn deed(&mut self) -> Deed {
        let certificate = self.rng.usize(0..CERTIFICATES.len());
        match self.rng.u32(0..100) {
            0..14 => Deed::KillWorker,
            14..28 => Deed::StartWorker,
            28..35 => Deed::FreezeWorker(self.pause(3000)),
            35..39 => Deed::KillAgent,
            39..42 => Deed::FreezeAgent(self.pause(3000)),
            42..62 => Deed::Rotate(certificate),
            62..66 => Deed::Withdraw(certificate),
            66..82 => Deed::Fault(self.rng.usize(0..self.faults)),
            82..92 => Deed::ClearFaults,
            92..95 => Deed::RevokeTokens,
            95..97 => Deed::WipeRuntime,
            97..98 => Deed::WipeState,
            _ => Deed::DamageReport,
        }
    }

    fn step(&mut self) -> Step {
        let state = match self.rng.u32(0..100) {
            0..15 => return Step::Restart,
            15..80 => Wish::Served,
            80..88 => Wish::Refused,
            88..94 => Wish::Disabled,
            _ => Wish::Uninstalled,
        };
        Step::GoalState(self.want(state))
    }

    /// Something else is wanted, or the same again: another extension's goal state.
    fn want(&mut self, state: Wish) -> Wanted {
        self.wanted.state = state;
        match self.rng.u32(0..100) {
            0..25 => {}
            25..65 => {
                self.wanted.number = self.rng.u64(0..NUMBERS);
                self.wanted.observed = self.some();
                self.wanted.interval = self.rng.u64(1..4);
                self.wanted.initial_sync = self.rng.bool();
            }
            _ => self.wanted.version = VERSIONS[self.rng.usize(0..VERSIONS.len())],
        }
        self.wanted.clone()
    }

    /// At least one certificate.
    fn some(&mut self) -> Vec<usize> {
        let always = self.rng.usize(0..CERTIFICATES.len());
        (0..CERTIFICATES.len()).filter(|index| *index == always || self.rng.u32(0..3) > 0).collect()
    }

    fn fate(&mut self) -> Fate {
        match self.rng.u32(0..100) {
            0..35 => Fate::DiesAfter(self.pause(120)),
            35..50 => Fate::FreezesAfter(self.pause(120), self.pause(2500)),
            _ => Fate::Lives,
        }
    }

    fn ends(&mut self) -> Vec<Wanted> {
        let mut ends = vec![self.want(Wish::Served)];
        match self.rng.u32(0..10) {
            0..2 => ends.push(self.want(Wish::Refused)),
            2..4 => ends.push(self.want(Wish::Disabled)),
            4..6 => ends.push(self.want(Wish::Uninstalled)),
            _ => {}
        }
        ends
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decisions(seed: u64) -> String {
        let mut planner = Planner::new(seed, 10);
        let rounds = (0..5).map(|_| planner.round());
        let told = rounds.map(|r| format!("{:?}{:?}{:?}{:?}", r.deeds, r.steps, r.fates, r.ends));
        told.collect()
    }

    #[test]
    fn a_seed_decides_everything() {
        assert_eq!(decisions(7), decisions(7));
        assert_ne!(decisions(7), decisions(8));
    }
}
