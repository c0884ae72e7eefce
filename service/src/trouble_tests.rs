//! The loop on a machine in trouble: clocks that are set, days without a network, a state
//! directory that is wiped.

use std::time::Duration;

use status_schema::State;
use worker_state::{CertificateState, InitialSyncPhase};

use crate::code::Code;
use crate::failure::Retry;
use crate::initial_sync::{InitialSync, TIME_LIMIT};
use crate::moment::Moment;
use crate::outcome::Outcome;
use crate::run::{End, Footing, HEARTBEAT};
use crate::simulation::{Simulation, dawn, failed, installed, refused, worker};
use crate::status;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn required() -> InitialSync {
    InitialSync::begin("a".into(), dawn().into())
}

fn first_error(outside: &Simulation) -> Option<Duration> {
    let status = |report| status::status(report, dawn()).status;
    let found = outside.reports.iter().find(|(_, report, _)| status(report).state == State::Error);
    found.map(|(at, ..)| *at)
}

#[test]
fn a_clock_that_jumps_hours_changes_neither_polls_nor_heartbeats() {
    for seconds in [9 * 3600, -9 * 3600, 40 * 365 * 24 * 3600, -40 * 365 * 24 * 3600] {
        let mut outside = Simulation::new(DAY, Box::new(installed));
        outside.clock_set = vec![(HOUR / 3, seconds), (5 * HOUR, -seconds / 2)];
        worker(&["a", "b"], InitialSync::NotRequired).serve(&mut outside, None);
        assert!((24..=27).contains(&outside.passes.len()), "{}", outside.passes.len());
        assert!(outside.beats.windows(2).all(|pair| pair[1] - pair[0] <= HEARTBEAT));
    }
}

#[test]
fn a_clock_that_is_set_at_boot_takes_nothing_from_the_first_sync_and_adds_nothing() {
    for seconds in [5 * 3600, -5 * 3600, 40 * 365 * 24 * 3600, 70 * 60] {
        let mut outside = Simulation::new(3 * HOUR, Box::new(|_, _| refused(false)));
        outside.clock_set = vec![(Duration::from_secs(20), seconds)];
        worker(&["a"], required()).serve(&mut outside, None);
        let given_up = first_error(&outside).unwrap();
        assert!((40 * MINUTE..=TIME_LIMIT).contains(&given_up), "{seconds}: {given_up:?}");
        assert_eq!(outside.kept.last().unwrap().phase, InitialSyncPhase::GaveUp);
    }
}

#[test]
fn a_first_sync_that_is_late_when_the_worker_begins_is_tried_before_it_is_given_up() {
    for missing in [true, false] {
        let script = move |name: &str, now| {
            if missing { refused(false) } else { installed(name, now) }
        };
        let mut outside = Simulation::new(HOUR, Box::new(script));
        outside.slowness = Some(MINUTE / 3);
        outside.clock_set = vec![(Duration::ZERO, 7 * 24 * 3600)];
        worker(&["a"], required()).serve(&mut outside, None);
        let expected = missing.then_some(MINUTE / 3);
        assert_eq!(first_error(&outside), expected, "after the first pass, or never");
    }
}

#[test]
fn what_was_due_while_the_machine_was_suspended_is_looked_at_when_it_wakes_up() {
    let mut outside = Simulation::new(12 * HOUR, Box::new(installed));
    outside.suspended = Some((HOUR / 2, 8 * HOUR));
    worker(&["a"], InitialSync::NotRequired).serve(&mut outside, None);
    let woken = HOUR / 2 + 8 * HOUR;
    let next = outside.passes.iter().find(|at| **at > HOUR / 2).unwrap();
    assert!((woken..=woken + MINUTE).contains(next), "{next:?}");
    assert!((4..=6).contains(&outside.passes.len()), "{:?}", outside.passes);
}

/// How many looks there were in the busiest minute of each span, at most.
fn busiest(outside: &Simulation, from: Duration, to: Duration) -> usize {
    let minutes = outside.looks.iter().map(|(at, _)| *at).filter(|at| (from..to).contains(at));
    let mut counts = std::collections::BTreeMap::new();
    minutes.for_each(|at| *counts.entry(at.as_secs() / 60).or_insert(0) += 1);
    counts.into_values().max().unwrap_or_default()
}

#[test]
fn a_network_that_is_down_for_a_day_is_tried_calmly_and_comes_back_without_a_burst() {
    let names: Vec<String> = (0..100).map(|number| format!("c{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (down, up) = (HOUR / 2, HOUR / 2 + DAY);
    let script = move |name: &str, now: Moment| match (down..up).contains(&now.steady) {
        true => failed(now.steady > Duration::ZERO, Code::VaultUnreachable, Retry::Backoff),
        false => installed(name, now),
    };
    let mut outside = Simulation::new(up + 3 * HOUR, Box::new(script));
    worker(&names, InitialSync::NotRequired).serve(&mut outside, None);

    let during = |(at, ..): &&(Duration, worker_state::Report, _)| (down..up).contains(at);
    let reports: Vec<_> = outside.reports.iter().filter(during).collect();
    assert!(
        reports
            .iter()
            .all(|(_, report, _)| { report.certificates.iter().all(|one| one.version.is_some()) })
    );
    assert!(status::message(&reports.last().unwrap().1).contains("100 of 100 want attention"));
    // All together: so many passes are so many requests to a vault that does not answer.
    let passes = outside.passes.iter().filter(|at| (down..up).contains(*at)).count();
    assert!((24 * 12..24 * 26).contains(&passes), "{passes}");
    let last = outside.last();
    assert!(last.certificates.iter().all(|one| one.state == CertificateState::Ok));
    assert!(busiest(&outside, up, up + 3 * HOUR) <= 100, "each is asked for once");
    let after = outside.looks.iter().filter(|(at, _)| *at >= up).count();
    assert!(after <= 100 * 5, "one recovery and three polls, not {after} looks");
}

#[test]
fn a_state_directory_that_is_wiped_is_filled_again_from_memory() {
    let mut outside = Simulation::new(3 * HOUR, Box::new(installed));
    outside.footing = Some((HOUR / 2, Footing::Renewed));
    let end = worker(&["a", "b"], required()).serve(&mut outside, None);
    assert_eq!(end, End::Stop);
    let kept: Vec<_> = outside.kept.iter().map(|record| record.phase).collect();
    let (pending, done) = (InitialSyncPhase::Pending, InitialSyncPhase::Done);
    assert_eq!(kept, [pending, done, done], "how the first sync stands is written again");
    assert!(outside.reports.iter().any(|(at, ..)| (HOUR / 2..HOUR / 2 + MINUTE).contains(at)));
    assert_eq!(outside.asked_to_keep, ["contoso.a", "contoso.b"], "and so are the records");
}

#[test]
fn what_cannot_be_kept_on_disk_is_told_beside_the_certificate_that_is_installed() {
    let script = |name: &str, now: Moment| {
        let full = now.steady < HOUR / 4;
        let unkept = full.then(|| "/var/lib/akvvm/records: No space left on device".to_owned());
        Outcome { unkept, ..installed(name, now) }
    };
    let mut outside = Simulation::new(3 * HOUR, Box::new(script));
    worker(&["a"], InitialSync::NotRequired).serve(&mut outside, None);
    let full = outside.reports.iter().find(|(_, report, _)| report.passes == 1).unwrap();
    let row = &full.1.certificates[0];
    assert_eq!((row.state, row.code), (CertificateState::Warning, Code::State.number()));
    let mended = outside.reports.iter().find(|(_, report, _)| {
        report.passes > 0 && report.certificates[0].state == CertificateState::Ok
    });
    let mended = mended.unwrap().0;
    assert!((HOUR / 4..HOUR / 3).contains(&mended), "long before the next poll: {mended:?}");
    assert!(outside.looks.len() < 10, "{:?}", outside.looks);
    assert!(row.version.is_some() && row.problem.as_ref().unwrap().contains("No space left"));
    assert_eq!(outside.last().certificates[0].state, CertificateState::Ok);
}

#[test]
fn a_worker_whose_lease_another_has_taken_ends() {
    let mut outside = Simulation::new(3 * HOUR, Box::new(installed));
    outside.footing = Some((HOUR / 2, Footing::Lost));
    let end = worker(&["a"], InitialSync::NotRequired).serve(&mut outside, None);
    assert_eq!(end, End::Superseded);
    assert!(outside.steady < HOUR / 2 + MINUTE);
}
