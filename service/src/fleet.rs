//! Ten thousand machines against one vault, on a simulated clock: what the worker's own schedule
//! ([`Roster`], [`ClosedVaults`], [`crate::schedule`]) leads to where a vault throttles.
//!
//! Key Vault carries out 4,000 transactions in 10 s for each vault and region; how its windows move
//! and whether refused requests count is not documented, so both extremes are tried
//! (<https://learn.microsoft.com/azure/key-vault/general/service-limits>). The tests hold a smaller
//! fleet with a smaller limit; `make fleet` prints the whole (FLEET names the number of machines).

mod machine;
mod vault;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::closed_vaults::ClosedVaults;
use crate::initial_sync::InitialSync;
use crate::roster::{Known, Roster};
use crate::simulation::{dawn, target};

use machine::{Machine, moment};
use vault::{Rule, Vault, WINDOW};

const CERTIFICATES: usize = 4;
const INTERVAL: Duration = Duration::from_secs(3600);

struct Fleet {
    vault: Vault,
    machines: Vec<Machine>,
    due: BinaryHeap<Reverse<(Duration, usize)>>,
    chance: fastrand::Rng,
}

impl Fleet {
    /// Machines that are all deployed within the same second; with `required`, they wait for a
    /// first sync.
    fn deployed(machines: usize, limit: usize, rule: Rule, required: bool) -> Self {
        Self::seeded(7, machines, limit, rule, required)
    }

    fn seeded(seed: u64, machines: usize, limit: usize, rule: Rule, required: bool) -> Self {
        let mut chance = fastrand::Rng::with_seed(seed);
        let names: Vec<String> = (0..CERTIFICATES).map(|number| format!("c{number}")).collect();
        let mut due = BinaryHeap::new();
        let machine = |number| {
            let begins = Duration::from_secs_f64(chance.f64());
            due.push(Reverse((begins, number)));
            let known =
                |name: &String| Known { target: target(name), record: None, present: false };
            let initial_sync = match required {
                true => InitialSync::begin("a".into(), dawn().into()),
                false => InitialSync::NotRequired,
            };
            let known = names.iter().map(known).collect();
            let roster = Roster::new(known, INTERVAL, initial_sync, moment(begins));
            Machine { roster, closed: ClosedVaults::default(), current: None }
        };
        let machines = (0..machines).map(machine).collect();
        Self { vault: Vault::new(rule, limit), machines, due, chance }
    }

    /// Lets time pass until then.
    fn run(&mut self, until: Duration) {
        while let Some(&Reverse((at, number))) = self.due.peek() {
            if at > until {
                return;
            }
            self.due.pop();
            let Some(machine) = self.machines.get_mut(number) else { continue };
            let ended = machine.pass(&mut self.vault, at, &mut self.chance);
            self.due.push(Reverse((machine.roster.next_look().max(ended), number)));
        }
    }

    /// The settings of all machines are assigned anew, or a new version is wanted at once.
    fn all_at_once(&mut self, from: Duration) {
        self.due.clear();
        for (number, machine) in self.machines.iter_mut().enumerate() {
            machine.current = None;
            let at = from + Duration::from_secs_f64(self.chance.f64());
            machine.roster.look_at_all(moment(at));
            self.due.push(Reverse((at, number)));
        }
    }

    fn current(&self) -> usize {
        self.machines.iter().filter(|machine| machine.current.is_some()).count()
    }

    /// When the last became current, in seconds after `from`.
    fn converged(&self, from: Duration) -> Option<f64> {
        let last: Option<Vec<Duration>> = self.machines.iter().map(|one| one.current).collect();
        last?.into_iter().max().map(|last| last.saturating_sub(from).as_secs_f64())
    }

    /// Most requests in a second, and the share refused, in these seconds.
    fn load(&self, from: Duration, until: Duration) -> (usize, f64) {
        let seconds = from.as_secs()..until.as_secs();
        let asked: Vec<usize> = self.vault.asked.range(seconds.clone()).map(|(_, n)| *n).collect();
        let refused: usize = self.vault.refused.range(seconds).map(|(_, n)| n).sum();
        let all: usize = asked.iter().sum();
        (asked.into_iter().max().unwrap_or_default(), refused as f64 / all.max(1) as f64)
    }
}

fn say(line: &str) {
    use std::io::Write;
    // Where nobody reads it, nobody misses it.
    _ = writeln!(std::io::stderr(), "{line}");
}

/// The least time that it can take, in seconds: windows follow one another, each used up.
fn floor(machines: usize, limit: usize) -> f64 {
    let windows = (machines * CERTIFICATES).div_ceil(limit).saturating_sub(1);
    WINDOW.as_secs_f64() * windows as f64
}

/// What is to come out: seconds after which everyone is current, the most requests in a second, the
/// share of them refused.
fn burst(fleet: &mut Fleet, what: &str, from: Duration, limit: usize) -> (f64, f64) {
    let floor = floor(fleet.machines.len(), limit);
    fleet.run(from + 3 * INTERVAL);
    let converged = fleet.converged(from);
    // Later polls would make the share small.
    let until = from + converged.map_or(3 * INTERVAL, |time| Duration::from_secs_f64(time.ceil()));
    let (peak, refused) = fleet.load(from, until);
    let time = converged.map_or("not converged".to_owned(), |time| format!("{time:.0} s"));
    say(&format!(
        "{what:<44} {:>7} of {}  {time:>14} (floor {floor:.0} s)  peak {peak:>6}/s  refused {:>4.1} %",
        fleet.current(),
        fleet.machines.len(),
        refused * 100.0
    ));
    (converged.unwrap_or(f64::INFINITY), refused)
}

/// A fleet as large as FLEET says, with Key Vault's limit where that is 10,000.
fn size() -> (usize, usize) {
    let machines = option_env!("FLEET").and_then(|text| text.parse().ok()).unwrap_or(1000);
    (machines, machines * 4000 / 10_000)
}

#[test]
fn a_fleet_that_is_deployed_at_once_converges_under_both_rules() {
    let (machines, limit) = size();
    for rule in [Rule::Fixed, Rule::Sliding] {
        for required in [false, true] {
            let mut fleet = Fleet::deployed(machines, limit, rule, required);
            let what = format!("deployed at once, {rule:?}, first sync {required}");
            let (time, refused) = burst(&mut fleet, &what, Duration::ZERO, limit);
            assert!(time <= 2.5 * floor(machines, limit), "{rule:?} {required}: {time}");
            assert!(refused <= 0.35, "{rule:?} {required}: {refused}");
        }
    }
}

#[test]
fn fifty_machines_converge_though_a_few_more_in_a_window_are_too_many() {
    let (machines, limit) = (50, 20);
    for rule in [Rule::Fixed, Rule::Sliding] {
        for seed in 0..20 {
            let mut fleet = Fleet::seeded(seed, machines, limit, rule, false);
            fleet.run(INTERVAL);
            let time = fleet.converged(Duration::ZERO).unwrap_or(f64::INFINITY);
            assert!(time <= 3.0 * floor(machines, limit), "{rule:?}, seed {seed}: {time}");
        }
    }
}

#[test]
fn ten_times_as_many_machines_as_a_vault_is_meant_for_converge_too() {
    let (machines, limit) = (size().0, size().1 / 10);
    for rule in [Rule::Fixed, Rule::Sliding] {
        let mut fleet = Fleet::deployed(machines, limit, rule, false);
        let what = format!("ten times as many, {rule:?}");
        let (time, _) = burst(&mut fleet, &what, Duration::ZERO, limit);
        assert!(time <= 6.0 * floor(machines, limit), "{rule:?}: {time}");
    }
}

#[test]
fn a_steady_fleet_is_never_refused_and_a_mass_rotation_reaches_all_by_their_polls() {
    let (machines, limit) = size();
    for rule in [Rule::Fixed, Rule::Sliding] {
        let mut fleet = Fleet::deployed(machines, limit, rule, false);
        fleet.run(INTERVAL / 2);
        // Every version is new from here on: whoever polls has it.
        let (from, until) = (INTERVAL / 2, INTERVAL * 6);
        fleet.machines.iter_mut().for_each(|machine| machine.current = None);
        fleet.run(until);
        let (peak, refused) = fleet.load(from, until);
        let time = fleet.converged(from).unwrap_or(f64::INFINITY);
        say(&format!(
            "steady, {rule:?}: rotated everywhere in {time:.0} s, peak {peak}/s, refused {:.2} %",
            refused * 100.0
        ));
        assert!(refused < 1e-9, "{rule:?}: {refused}");
        assert!(time <= INTERVAL.as_secs_f64(), "{rule:?}: {time}");
    }
}

#[test]
fn the_end_of_an_outage_brings_no_wave_that_stays() {
    let (machines, limit) = size();
    for rule in [Rule::Fixed, Rule::Sliding] {
        let mut fleet = Fleet::deployed(machines, limit, rule, false);
        fleet.run(INTERVAL * 2);
        let (begin, end) = (INTERVAL * 2, INTERVAL * 3);
        fleet.vault.dead_until = end;
        fleet.run(end);
        fleet.machines.iter_mut().for_each(|machine| machine.current = None);
        let what = format!("after an outage of {} s, {rule:?}", (end - begin).as_secs());
        let (time, refused) = burst(&mut fleet, &what, end, limit);
        assert!(refused <= 0.35 && time.is_finite(), "{rule:?}: {refused} {time}");
        fleet.run(end + INTERVAL * 4);
        let (peak, later) = fleet.load(end + Duration::from_secs(900), end + INTERVAL * 4);
        say(&format!("{:<44} peak {peak}/s, refused {:.2} %", "… and from then on", later * 100.0));
        assert!(later < 1e-9, "{rule:?}: {later}");
    }
}

#[test]
fn everyone_who_asks_at_once_is_served_again() {
    let (machines, limit) = size();
    for rule in [Rule::Fixed, Rule::Sliding] {
        let mut fleet = Fleet::deployed(machines, limit, rule, false);
        fleet.run(INTERVAL * 2);
        fleet.all_at_once(INTERVAL * 2);
        let what = format!("all asked to look at once, {rule:?}");
        let (time, refused) = burst(&mut fleet, &what, INTERVAL * 2, limit);
        // One machine that is refused three times in a row is the last.
        assert!(time <= 4.0 * floor(machines, limit), "{rule:?}: {time}");
        assert!(refused <= 0.35, "{rule:?}: {refused}");
    }
}

#[test]
fn a_machine_that_is_deployed_alone_is_not_delayed() {
    for rule in [Rule::Fixed, Rule::Sliding] {
        let mut fleet = Fleet::deployed(1, 4000, rule, true);
        fleet.run(Duration::from_secs(10));
        let begun = 1.0;
        assert!(fleet.converged(Duration::ZERO).is_some_and(|time| time < begun + 0.1));
    }
}
