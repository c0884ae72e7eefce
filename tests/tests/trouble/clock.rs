//! The wall clock of a running worker is set, by libfaketime. The other clocks go on as they do on
//! a machine whose clock somebody sets.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use acceptance::alone::{Alone, VAULT, Worker};
use acceptance::processes::Signal;
use acceptance::{LONG, eventually};
use serde_json::Value;

/// The library, wherever Debian has it for this processor.
fn library() -> String {
    let folders = fs::read_dir("/usr/lib").unwrap().flatten();
    let mut paths = folders.map(|entry| entry.path().join("faketime/libfaketime.so.1"));
    let found = paths.find(|path: &PathBuf| path.exists());
    found.expect("libfaketime: run `make prerequisites`").display().to_string()
}

fn rotate_and_await(alone: &Alone) {
    for name in &alone.names {
        let issued = alone.rotate(name);
        let (link, key) = (alone.below(&format!("store/{VAULT}.{name}")), issued.key_pem());
        let is_there = || fs::read_to_string(&link).is_ok_and(|text| text.ends_with(&key));
        eventually("the rotated certificate", || is_there().then_some(()));
    }
}

/// The hour and minute that the worker's report was written at, and those of now.
fn minutes_off(worker: &Worker<'_>) -> i64 {
    let report: Value = worker.report().unwrap();
    let written = report["writtenAt"].as_str().unwrap();
    let time = |text: &str| -> i64 {
        let number = |range: std::ops::Range<usize>| text[range].parse::<i64>().unwrap();
        number(8..10) * 1440 + number(11..13) * 60 + number(14..16)
    };
    let now = std::process::Command::new("date").args(["-u", "+%FT%TZ"]).output().unwrap();
    let month = 31 * 1440;
    let off = time(written) - time(&String::from_utf8_lossy(&now.stdout));
    if off.abs() > month / 2 { off - month * off.signum() } else { off }
}

#[test]
fn a_clock_that_is_set_by_hours_while_the_worker_runs_or_sleeps_changes_nothing() {
    let alone = Alone::new(3, 1);
    let offset = alone.below("offset");
    let set = |by: &str| {
        fs::write(offset.with_extension("new"), format!("{by}\n")).unwrap();
        fs::rename(offset.with_extension("new"), &offset).unwrap();
    };
    set("+0");
    let (library, file) = (library(), offset.display().to_string());
    let variables = [
        ("LD_PRELOAD", library.as_str()),
        ("FAKETIME_TIMESTAMP_FILE", &file),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];
    let mut worker = alone.worker_under(&[], &variables);
    worker.await_passes(2, LONG).unwrap();
    let pid = worker.pid();
    for (by, minutes) in [("+9h", 540), ("-9h", -540), ("+0", 0)] {
        set(by);
        rotate_and_await(&alone);
        assert!((minutes_off(&worker) - minutes).abs() <= 2, "{by}: {}", minutes_off(&worker));
    }
    // Suspended for two hours, as far as it can tell.
    worker.signal(Signal::STOP);
    set("+2h");
    worker.signal(Signal::CONT);
    rotate_and_await(&alone);
    let log = fs::read_to_string(alone.below("log/akvvm_service.log")).unwrap();
    let set: Vec<&str> =
        log.lines().filter_map(|line| line.split("the clock was ").nth(1)).collect();
    let about = |line: &str, way: &str, seconds: i64| {
        let by =
            line.strip_prefix(way).and_then(|rest| rest.strip_suffix(" s")?.parse::<i64>().ok());
        by.is_some_and(|by| (by - seconds).abs() <= 2)
    };
    for (way, seconds) in [("forward", 32_400), ("back", 64_800), ("forward", 7200)] {
        let way = format!("set {way} by ");
        assert!(set.iter().any(|line| about(line, &way, seconds)), "{way}{seconds}: {set:?}");
    }
    let passes = worker.report().unwrap()["passes"].as_u64().unwrap();
    let seconds = worker.age().as_secs() + 2;
    assert!(passes <= 2 * seconds, "{passes} passes in {seconds} s: a burst");
    assert_eq!(worker.await_passes(passes + 2, LONG).unwrap()["worker"]["pid"], pid);
    assert!(worker.age() > Duration::ZERO);
}
