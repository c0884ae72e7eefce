//! A day in the life of the worker, as fast as it goes: one poll a second stands for one a minute.
//! In each hour certificates rotate, Azure fails for a while, and somebody asks for a look.

use std::thread;
use std::time::Duration;

use acceptance::processes::Signal;
use fake_azure::{Action, FakeAzure, Place, Rule, When};

use acceptance::alone::{Alone, Worker, bytes, entries};

/// Polls that stand for an hour.
const HOUR: u64 = 60;
/// Certificates that rotate in an hour.
const ROTATIONS: usize = 10;
/// A superseded file stays for a minute of real time, in which these many hours may pass.
const HOURS_OF_GRACE: u64 = 3;
/// What the log may take on disk: five files of 5 MiB, and the lines that were the last straw.
const LOG_CAP: u64 = 5 * (5 * 1024 * 1024 + 4096);
/// Memory that an allocator may hold back.
const SLACK_KIB: u64 = 2048;
/// Connections that a vault's pool may hold or not between two polls.
const POOL: u64 = 16;
const LIMIT: Duration = Duration::from_secs(1800);

/// What was seen in one hour: the least of what comes and goes with passes, the most of the rest.
#[derive(Clone, Copy, Debug)]
struct Hour {
    memory: u64,
    threads: u64,
    descriptors: u64,
    store: u64,
    state: u64,
    log: u64,
}

/// Runs for so many simulated hours, and fails where something has grown.
pub(crate) fn soak(hours: usize, certificates: usize) -> Result<(), String> {
    let alone = Alone::new(certificates, 1);
    let mut worker = alone.worker();
    worker.await_passes(1, LIMIT)?;
    println!("{certificates} certificates, {HOUR} polls an hour\n");
    println!("hour    memory threads descriptors  store  state       log");
    let mut seen = Vec::new();
    for number in 0..hours {
        let hour = live(number, &alone, &mut worker)?;
        let Hour { memory, threads, descriptors, store, state, log } = hour;
        println!(
            "{:>4}{memory:>6} KiB{threads:>8}{descriptors:>12}{store:>7}{state:>7}{:>6} KiB",
            number + 1,
            log / 1024
        );
        seen.push(hour);
    }
    judge(&seen, certificates as u64)
}

fn live(number: usize, alone: &Alone, worker: &mut Worker<'_>) -> Result<Hour, String> {
    for index in 0..ROTATIONS {
        let name = &alone.names[(number * ROTATIONS + index) % alone.names.len()];
        alone.rotate(name);
    }
    let begun = worker.report().and_then(|report| report["passes"].as_u64()).unwrap_or_default();
    let mut seen = look(alone, worker);
    for poll in 1..=HOUR {
        match poll {
            20 => fail_for_a_while(&alone.azure),
            40 => worker.signal(Signal::HUP),
            _ => {}
        }
        worker.await_passes(begun + poll, LIMIT)?;
        // The threads of a pass end a moment after it has.
        thread::sleep(Duration::from_millis(50));
        let now = look(alone, worker);
        seen = Hour {
            memory: seen.memory.min(now.memory),
            threads: seen.threads.min(now.threads),
            descriptors: seen.descriptors.min(now.descriptors),
            ..now
        };
    }
    Ok(seen)
}

fn fail_for_a_while(azure: &FakeAzure) {
    for action in [Action::status(503), Action::Close, Action::status(429)] {
        azure.fault(Rule::new(When::at(Place::Vault), action).times(5));
    }
}

fn look(alone: &Alone, worker: &Worker<'_>) -> Hour {
    let state = ["state", "state/records", "run"].map(|name| entries(&alone.below(name)));
    Hour {
        memory: worker.status("VmRSS"),
        threads: worker.status("Threads"),
        descriptors: worker.descriptors(),
        store: entries(&alone.below("store")),
        state: state.into_iter().sum(),
        log: bytes(&alone.below("log")),
    }
}

/// The last hours against those in which everything had been done once.
fn judge(seen: &[Hour], certificates: u64) -> Result<(), String> {
    let warm = &seen[(seen.len() / 6).min(seen.len() - 1)..seen.len().div_ceil(2)];
    let late = &seen[seen.len() - seen.len().div_ceil(6)..];
    let most = |hours: &[Hour], of: fn(&Hour) -> u64| hours.iter().map(of).max().unwrap_or(0);
    // A link, the version it leads to, and the one before, where there was one; and what waits.
    let rotated = certificates.min((seen.len() * ROTATIONS) as u64);
    let store = 2 * certificates + rotated + HOURS_OF_GRACE * ROTATIONS as u64;
    let memory = most(warm, |hour| hour.memory);
    let limits: [(&str, u64, u64); 6] = [
        ("memory in KiB", most(late, |hour| hour.memory), memory + memory / 20 + SLACK_KIB),
        ("threads", most(late, |hour| hour.threads), most(warm, |hour| hour.threads)),
        ("descriptors", most(late, |it| it.descriptors), most(warm, |it| it.descriptors) + POOL),
        ("files in the store", most(seen, |hour| hour.store), store),
        ("files of the state", most(late, |hour| hour.state), most(warm, |hour| hour.state)),
        ("bytes of the log", most(seen, |hour| hour.log), LOG_CAP),
    ];
    println!();
    for (what, found, limit) in limits {
        println!("{what:<22}{found:>12}, at most {limit}");
    }
    match limits.iter().find(|(_, found, limit)| found > limit) {
        Some((what, found, limit)) => Err(format!("{what} grow: {found}, at most {limit}")),
        None => Ok(()),
    }
}
