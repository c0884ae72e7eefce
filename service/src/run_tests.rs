//! The loop, over hours and days of simulated time.

use std::time::Duration;

use status_schema::State;
use worker_state::{CertificateState, InitialSyncPhase, Refusal};

use crate::code::Code;
use crate::failure::Retry;
use crate::initial_sync::{ATTEMPTS, InitialSync, TIME_LIMIT};
use crate::moment::Moment;
use crate::run::{End, Event, HEARTBEAT, Reread};
use crate::simulation::{Simulation, dawn, failed, installed, refused, worker, worker_that_finds};
use crate::status;
use crate::supervision::Notice;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn required() -> InitialSync {
    InitialSync::begin("a".into(), dawn().into())
}

fn top(report: &worker_state::Report) -> (State, i32) {
    let status = status::status(report, dawn()).status;
    (status.state, status.code)
}

#[test]
fn without_a_required_first_sync_success_comes_before_the_first_look() {
    let mut outside = Simulation::new(HOUR, Box::new(|_, _| refused(false)));
    worker(&["a", "b"], InitialSync::NotRequired).serve(&mut outside, None);
    assert_eq!(outside.reports[0].0, Duration::ZERO);
    assert!(outside.reports.iter().all(|(_, report, _)| top(report).0 == State::Success));
    let message = status::message(outside.last());
    let expected = "0 of 2 certificates installed; missing: contoso.a, contoso.b";
    assert!(message.starts_with(expected), "{message}");
}

#[test]
fn a_required_first_sync_is_transitioning_until_everything_is_there() {
    let script = |name: &str, now: crate::moment::Moment| match name {
        "contoso.late" if now.steady < Duration::from_secs(20) => refused(false),
        _ => installed(name, now),
    };
    let mut outside = Simulation::new(HOUR / 2, Box::new(script));
    worker(&["a", "late"], required()).serve(&mut outside, None);
    let states: Vec<State> = outside.reports.iter().map(|(_, report, _)| top(report).0).collect();
    let turn = states.iter().position(|state| *state == State::Success).unwrap();
    assert!(states[..turn].iter().all(|state| *state == State::Transitioning));
    assert!(states[turn..].iter().all(|state| *state == State::Success));
    assert!(outside.reports[turn].0 < Duration::from_secs(60));
    let looks_at_a = outside.looks.iter().filter(|(_, name)| name == "contoso.a").count();
    assert_eq!(looks_at_a, 1, "what is there is not asked for again while another is missing");
    assert_eq!(outside.kept.last().unwrap().phase, InitialSyncPhase::Done);
}

#[test]
fn a_first_sync_that_never_succeeds_ends_in_error_within_80_minutes_and_heals_later() {
    let script = |name: &str, now: crate::moment::Moment| {
        if now.steady < 2 * HOUR { refused(false) } else { installed(name, now) }
    };
    let mut outside = Simulation::new(4 * HOUR, Box::new(script));
    worker(&["a"], required()).serve(&mut outside, None);
    let error = outside.reports.iter().find(|(_, report, _)| top(report).0 == State::Error);
    let (at, report, _) = error.unwrap();
    assert!(*at <= TIME_LIMIT, "{at:?}");
    assert_eq!(top(report).1, Code::InitialSyncGivenUp.number());
    assert!(status::message(report).contains("wait for each other"), "the deadlock is explained");
    let attempts = outside.kept.iter().find(|kept| kept.phase == InitialSyncPhase::GaveUp).unwrap();
    assert_eq!(attempts.attempts, ATTEMPTS);
    assert_eq!(top(outside.last()).0, State::Success);
    assert!(status::message(outside.last()).contains("must be deployed again"));
}

#[test]
fn a_restart_neither_extends_nor_repeats_the_first_sync() {
    let mut attempts = 0;
    let mut state = required();
    let mut steady = Duration::ZERO;
    while state.is_pending() {
        let mut outside =
            Simulation::new(steady + Duration::from_secs(90), Box::new(|_, _| refused(false)));
        outside.steady = steady;
        worker(&["a"], state).serve(&mut outside, None);
        let kept = outside.kept.pop().unwrap();
        assert!(kept.attempts > attempts || kept.phase != InitialSyncPhase::Pending);
        attempts = kept.attempts;
        state = InitialSync::Required(kept);
        steady = outside.steady;
    }
    assert!(attempts == ATTEMPTS && steady < TIME_LIMIT, "{attempts} {steady:?}");
}

#[test]
fn a_long_retry_after_cannot_push_the_end_of_the_first_sync_away() {
    let day_later = || failed(false, Code::Throttled, Retry::After(DAY));
    let mut outside = Simulation::new(2 * HOUR, Box::new(move |_, _| day_later()));
    worker(&["a"], required()).serve(&mut outside, None);
    let error = outside.reports.iter().find(|(_, report, _)| top(report).0 == State::Error);
    assert!(error.unwrap().0 <= TIME_LIMIT);
}

#[test]
fn a_vault_that_throttles_does_not_hold_up_the_first_sync_of_another() {
    let script = |name: &str, now: crate::moment::Moment| match name {
        "contoso.throttled" => failed(false, Code::Throttled, Retry::After(HOUR / 6)),
        _ if now.steady < Duration::from_secs(1) => refused(false),
        _ => installed(name, now),
    };
    let mut outside = Simulation::new(Duration::from_secs(60), Box::new(script));
    worker(&["throttled", "other"], required()).serve(&mut outside, None);
    assert_eq!(outside.last().certificates[1].state, CertificateState::Ok);
}

#[test]
fn what_is_well_is_polled_once_an_interval_all_together() {
    let mut outside = Simulation::new(DAY, Box::new(installed));
    worker(&["a", "b", "c"], InitialSync::NotRequired).serve(&mut outside, None);
    assert!((24..=27).contains(&outside.passes.len()), "{}", outside.passes.len());
    assert_eq!(outside.looks.len(), 3 * outside.passes.len());
}

#[test]
fn one_failing_certificate_delays_no_other_and_is_tried_more_and_more_seldom() {
    let script = |name: &str, now: crate::moment::Moment| match name {
        "contoso.bad" => failed(false, Code::SecretNotFound, Retry::NextPoll),
        _ => installed(name, now),
    };
    let mut outside = Simulation::new(HOUR, Box::new(script));
    worker(&["bad", "good"], InitialSync::NotRequired).serve(&mut outside, None);
    let good: Vec<_> = outside.looks.iter().filter(|(_, name)| name == "contoso.good").collect();
    assert!(good[0].0 == Duration::ZERO && good.len() <= 2);
    let bad: Vec<Duration> =
        outside.looks.iter().filter(|(_, name)| name == "contoso.bad").map(|(at, _)| *at).collect();
    assert!((12..40).contains(&bad.len()), "{}", bad.len());
    assert!(bad.windows(2).all(|pair| pair[1] - pair[0] >= Duration::from_secs(1)));
}

#[test]
fn a_vault_that_is_down_for_a_week_is_asked_calmly_and_recovery_is_by_itself() {
    let week = 7 * DAY;
    let script = move |name: &str, now: crate::moment::Moment| {
        let down = now.steady > HOUR / 2 && now.steady < week;
        if down {
            failed(true, Code::VaultUnreachable, Retry::Backoff)
        } else {
            installed(name, now)
        }
    };
    let mut outside = Simulation::new(week + HOUR, Box::new(script));
    worker(&["a"], InitialSync::NotRequired).serve(&mut outside, None);
    assert!(outside.looks.len() < 7 * 24 * 20, "{}", outside.looks.len());
    let during = outside.reports.iter().find(|(at, ..)| *at > 2 * DAY).unwrap();
    assert_eq!(during.1.certificates[0].state, CertificateState::Warning);
    assert_eq!(top(&during.1).0, State::Success);
    assert_eq!(outside.last().certificates[0].state, CertificateState::Ok);
    assert_eq!(outside.last().certificates[0].failures, 0);
}

#[test]
fn an_installed_certificate_that_expires_is_an_error_of_its_own() {
    let script = |name: &str, now: crate::moment::Moment| {
        if now.steady < DAY { installed(name, now) } else { refused(true) }
    };
    let mut outside = Simulation::new(91 * DAY, Box::new(script));
    worker(&["a", "b"], InitialSync::NotRequired).serve(&mut outside, None);
    let last = outside.last();
    assert_eq!(last.certificates[0].state, CertificateState::Error);
    assert_eq!(last.certificates[0].code, Code::NotValid.number());
    assert_eq!(top(last).0, State::Success);
    assert!(status::message(last).contains("2 of 2 no longer of use: contoso.a, contoso.b"));
}

#[test]
fn it_beats_every_minute_whatever_else_goes_on() {
    let mut outside = Simulation::new(HOUR, Box::new(|_, _| refused(false)));
    worker(&["a"], required()).serve(&mut outside, None);
    assert!(outside.beats[0] == Duration::ZERO && outside.beats.len() >= 60);
    assert!(outside.beats.windows(2).all(|pair| pair[1] - pair[0] <= HEARTBEAT));
}

#[test]
fn the_heartbeat_says_what_the_status_says_without_waiting_for_its_minute() {
    let mut outside = Simulation::new(HEARTBEAT / 2, Box::new(installed));
    worker(&["a"], required()).serve(&mut outside, None);
    assert_eq!(outside.beaten, status::message(outside.last()));
    assert!(outside.beaten.ends_with("1 of 1 certificates installed"), "{}", outside.beaten);
}

#[test]
fn a_reload_of_the_same_order_looks_at_everything_and_publishes_a_refusal() {
    let refusal = Refusal { sequence_number: 7, reason: "wrong".into() };
    let mut outside = Simulation::new(HOUR / 2, Box::new(installed));
    outside.visits.push_back((Duration::from_secs(100), Event::Reload));
    outside.reread = Reread::Same(Some(refusal.clone()));
    worker(&["a"], InitialSync::NotRequired).serve(&mut outside, None);
    assert_eq!(outside.passes, [Duration::ZERO, Duration::from_secs(100)]);
    assert_eq!(outside.reports.last().unwrap().2, Some(refusal));
}

#[test]
fn a_look_that_is_asked_for_during_a_pass_gets_a_pass_of_its_own() {
    let mut outside = Simulation::new(HOUR / 2, Box::new(installed));
    outside.queue.push_back(Event::Reload);
    outside.queue.push_back(Event::Reload);
    worker(&["a"], InitialSync::NotRequired).serve(&mut outside, None);
    assert_eq!((outside.last().passes, outside.last().asked_passes), (2, 1));
    assert_eq!(outside.looks.len(), 2);
}

#[test]
fn another_order_ends_the_loop_for_a_reload() {
    let mut outside = Simulation::new(HOUR, Box::new(installed));
    outside.visits.push_back((Duration::from_secs(5), Event::Reload));
    outside.reread = Reread::Other;
    let end = worker(&["a"], InitialSync::NotRequired).serve(&mut outside, None);
    assert_eq!((end, outside.steady), (End::Reload, Duration::from_secs(5)));
}

#[test]
fn a_stop_is_obeyed_while_a_pass_goes_on() {
    let mut outside = Simulation::new(HOUR, Box::new(installed));
    outside.queue.push_back(Event::End(End::Stop));
    let end = worker(&["a"], InitialSync::NotRequired).serve(&mut outside, None);
    assert_eq!((end, outside.steady), (End::Stop, Duration::ZERO));
}

/// When readiness was told.
fn ready(outside: &Simulation) -> Vec<Duration> {
    let told = outside.notices.iter().filter(|(_, notice)| *notice == Notice::Ready);
    told.map(|(at, _)| *at).collect()
}

#[test]
fn readiness_waits_for_the_first_pass_only_where_something_is_missing() {
    for (present, expected) in [(true, 0), (false, 7)] {
        let mut outside = Simulation::new(HOUR / 2, Box::new(|_, _| refused(false)));
        outside.slowness = Some(Duration::from_secs(7));
        worker_that_finds(&["a"], present, InitialSync::NotRequired).serve(&mut outside, None);
        assert_eq!(ready(&outside), [Duration::from_secs(expected)]);
    }
}

#[test]
fn a_pass_that_hangs_does_not_hold_up_the_boot() {
    let mut outside = Simulation::new(HOUR / 2, Box::new(|_, _| refused(false)));
    outside.slowness = Some(HOUR);
    worker(&["a"], required()).serve(&mut outside, None);
    assert_eq!(ready(&outside), [Duration::from_secs(30)]);
}

#[test]
fn a_watchdog_hears_of_a_loop_that_has_nothing_to_do() {
    let mut outside = Simulation::new(HOUR / 2, Box::new(installed));
    let limit = Duration::from_secs(180);
    worker(&["a"], InitialSync::NotRequired).serve(&mut outside, Some(limit));
    let alive = outside.notices.iter().filter(|(_, notice)| *notice == Notice::Alive);
    let alive: Vec<_> = alive.map(|(at, _)| *at).collect();
    assert_eq!(alive.len(), 30);
    assert!(alive.windows(2).all(|pair| pair[1] - pair[0] <= limit / 3), "{alive:?}");
}

#[test]
fn a_reload_is_told_from_beginning_to_end_and_the_status_in_words() {
    let mut outside = Simulation::new(HOUR / 2, Box::new(installed));
    outside.visits.push_back((Duration::from_secs(5), Event::Reload));
    worker(&["a"], InitialSync::NotRequired).serve(&mut outside, None);
    // Whoever waited until it is ready finds how things stand.
    let told: Vec<String> = outside.notices.iter().map(|(_, notice)| notice.to_string()).collect();
    assert_eq!(
        told,
        [
            "STATUS=0 of 1 certificates installed; missing: contoso.a",
            "STATUS=Successfully started Key Vault extension service. 1 of 1 certificates installed",
            "READY=1",
            "RELOADING=1",
            "READY=1",
        ]
    );
}

#[test]
fn what_failed_together_is_tried_together() {
    let mut roster = worker(&["a", "b", "c"], InitialSync::NotRequired).roster;
    let now = Moment { wall: dawn(), steady: Duration::ZERO };
    for index in 0..3 {
        roster.note(index, failed(false, Code::IdentityEndpoint, Retry::Backoff), now);
    }
    let mut draws = [0.1, 0.9, 0.3, 0.7, 0.5].into_iter().cycle();
    roster.end_pass(&[0, 1, 2], now, &mut || draws.next().unwrap());
    let times: Vec<Duration> = roster.entries().iter().map(|entry| entry.next).collect();
    assert!(times[0] > Duration::ZERO);
    assert_eq!(times, [times[0]; 3]);
}
