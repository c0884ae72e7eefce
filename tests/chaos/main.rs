//! Chaos: the packaged extension under the guest agent's own code, while processes are killed and
//! frozen, certificates rotate, settings and versions change and Azure fails, and while readers
//! look at every link all the time.
//!
//! ```text
//! chaos [--minutes N] [--seed N]     at least one round; another seed, other decisions
//! ```
//!
//! A round is a minute or less of all that at once, then calm: what is wanted then has to come
//! true. It ends with a table, and exit code 1 where a read was torn or a final state wrong.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test: it starts processes, waits for them, and tells a person what it saw"
)]

mod faults;
mod lanes;
mod plan;
mod readers;
mod verdict;
mod world;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use acceptance::Bed;

use crate::lanes::{Lanes, Tally};
use crate::plan::{Planner, Round, Step};
use crate::readers::Watch;
use crate::world::World;

const READERS: usize = 2;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [word, folder] = &arguments[..]
        && word == "read"
    {
        readers::read(Path::new(folder));
        return ExitCode::SUCCESS;
    }
    match asked(&arguments) {
        Ok((minutes, seed)) => chaos(minutes, seed),
        Err(what) => {
            eprintln!("chaos: {what}; usage: chaos [--minutes N] [--seed N]");
            ExitCode::from(2)
        }
    }
}

/// Minutes and seed.
fn asked(arguments: &[String]) -> Result<(Duration, u64), String> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (mut minutes, mut seed) = (3.0, since.as_secs());
    for pair in arguments.chunks(2) {
        let [name, value] = pair else { return Err(format!("{} needs a value", pair[0])) };
        let wrong = || format!("{name} {value}: not a number");
        match name.as_str() {
            "--minutes" => minutes = value.parse().map_err(|_| wrong())?,
            "--seed" => seed = value.parse().map_err(|_| wrong())?,
            _ => return Err(format!("{name}: unknown")),
        }
    }
    let minutes = Duration::try_from_secs_f64(minutes * 60.0).map_err(|error| error.to_string())?;
    Ok((minutes, seed))
}

/// What went wrong, in the order in which it was seen.
#[derive(Default)]
struct Findings {
    torn: Vec<String>,
    wrong: Vec<String>,
}

fn chaos(length: Duration, seed: u64) -> ExitCode {
    let began = Instant::now();
    let mut bed = Bed::new();
    let world = World::new(bed.folder().to_owned(), &bed.azure);
    let mut planner = Planner::new(seed, faults::KINDS);
    let mut watches: Vec<Watch> = (0..READERS).map(|_| Watch::start(bed.folder())).collect();
    let (tally, mut findings, mut rounds) = (Tally::default(), Findings::default(), 0);
    println!("seed {seed}, guest agent {}", bed.agent.version());
    while rounds == 0 || began.elapsed() < length {
        rounds += 1;
        let before = (findings.torn.len(), findings.wrong.len());
        play(&planner.round(), &mut bed, &world, &tally, &mut findings.wrong);
        for watch in &mut watches {
            findings.torn.extend(watch.torn(&world.truth));
        }
        let after = began.elapsed().as_secs();
        println!("round {rounds} over after {after} s, {} events so far", tally.of("events"));
        for what in findings.torn.iter().skip(before.0) {
            println!("  torn read: {what}");
        }
        for what in findings.wrong.iter().skip(before.1) {
            println!("  wrong final state: {what}");
        }
    }
    for watch in &mut watches {
        findings.torn.extend(watch.finish(&world.truth));
    }
    let reads = watches.iter().map(|watch| watch.reads).sum();
    table(seed, rounds, &tally, reads, &findings);
    if findings.torn.is_empty() && findings.wrong.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("{}", bed.evidence());
    ExitCode::FAILURE
}

/// One round, and what is wrong at its ends.
fn play(round: &Round, bed: &mut Bed, world: &World, tally: &Tally, wrong: &mut Vec<String>) {
    let environment = bed.environment().clone();
    let lanes = Lanes {
        world,
        azure: &bed.azure,
        tally,
        environment: &environment,
        withdrawn: Mutex::default(),
        agent: AtomicU32::new(bed.agent.process()),
        over: AtomicBool::new(false),
    };
    lanes.run(round, &mut bed.agent);
    for end in &round.ends {
        // An agent that was killed at the very end of the round is noticed here.
        let step = Step::GoalState(end.clone());
        if lanes.take(&step, &mut bed.agent).is_none() {
            lanes.take(&step, &mut bed.agent);
        }
        tally.count("final states");
        if let Err(what) = verdict::becomes(end, world, &mut bed.agent) {
            wrong.push(format!("{what}; wanted: {end:?}"));
        }
    }
}

fn table(seed: u64, rounds: u64, tally: &Tally, reads: u64, findings: &Findings) {
    println!("\nseed {seed}");
    let row = |what: &str, number: u64| println!("{what:<20}{number:>10}");
    row("rounds", rounds);
    for what in [
        "events",
        "goal states",
        "agent restarts",
        "handlers met",
        "handlers killed",
        "workers killed",
        "workers started",
        "agents killed",
        "freezes",
        "rotations",
        "faults",
        "files damaged",
        "final states",
    ] {
        row(what, tally.of(what));
    }
    row("reads", reads);
    row("torn reads", findings.torn.len() as u64);
    row("wrong final states", findings.wrong.len() as u64);
}
