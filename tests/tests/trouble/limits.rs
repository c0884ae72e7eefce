//! Little memory, and few descriptors.

use std::fs;
use std::path::{Path, PathBuf};

use acceptance::alone::{Alone, Worker};
use serde_json::Value;

const MIB: u64 = 1024 * 1024;
const LIMIT: std::time::Duration = std::time::Duration::from_secs(300);

#[track_caller]
fn assert_all_installed(worker: &mut Worker<'_>, certificates: usize) {
    let report = worker.await_passes(1, LIMIT).unwrap();
    let rows = report["certificates"].as_array().unwrap();
    let bad: Vec<&Value> = rows.iter().filter(|row| row["state"] != "ok").collect();
    assert!(
        rows.len() == certificates && bad.is_empty(),
        "{} not in order: {:?}",
        bad.len(),
        bad[0]
    );
}

/// As many as are looked at at once, in all.
const VAULTS: [&str; 6] = ["load-a", "load-b", "load-c", "load-d", "load-e", "load-f"];

#[test]
fn the_usual_1024_descriptors_are_enough_for_as_much_as_is_done_at_once() {
    let alone = Alone::across(&VAULTS, 30, 86_400);
    assert_all_installed(&mut alone.worker_under(&["prlimit", "--nofile=1024:1024"], &[]), 180);
}

#[test]
fn descriptors_as_few_as_64_only_make_it_slower() {
    let alone = Alone::across(&VAULTS, 20, 2);
    let mut worker = alone.worker_under(&["prlimit", "--nofile=64:64"], &[]);
    let mut passes = 1;
    loop {
        let report = worker.await_passes(passes, LIMIT).unwrap();
        let rows = report["certificates"].as_array().unwrap();
        if rows.len() == 120 && rows.iter().all(|row| row["state"] == "ok") {
            return;
        }
        assert!(worker.age() < LIMIT, "{report:#}");
        passes = report["passes"].as_u64().unwrap() + 1;
    }
}

/// A control group of its own with this much memory, gone with this value.
struct MemoryGroup(PathBuf);

impl MemoryGroup {
    /// `None` where this machine lets nobody make one.
    fn new(bytes: u64) -> Option<Self> {
        let root = Path::new("/sys/fs/cgroup");
        let (parent, limit) = match root.join("memory").is_dir() {
            true => (root.join("memory"), "memory.limit_in_bytes"),
            false => (root.to_owned(), "memory.max"),
        };
        let group = Self(parent.join(format!("akvvm-test-{}", std::process::id())));
        fs::create_dir(&group.0).ok()?;
        fs::write(group.0.join(limit), bytes.to_string()).ok()?;
        Some(group)
    }

    fn peak(&self) -> u64 {
        let files = ["memory.max_usage_in_bytes", "memory.peak"];
        let read = |name: &&str| fs::read_to_string(self.0.join(name)).ok()?.trim().parse().ok();
        files.iter().find_map(read).unwrap_or_default()
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

#[test]
fn a_thousand_certificates_need_no_more_than_32_mib_of_memory() {
    let alone = Alone::new(1000, 86_400);
    let Some(group) = MemoryGroup::new(32 * MIB) else {
        eprintln!("no memory control group can be made here: the peak is measured, not enforced");
        let mut worker = alone.worker();
        assert_all_installed(&mut worker, 1000);
        assert!(worker.status("VmHWM") * 1024 <= 32 * MIB, "{} KiB", worker.status("VmHWM"));
        return;
    };
    let procs = group.0.join("cgroup.procs").display().to_string();
    let enter = ["sh", "-c", "echo $$ >\"$0\" && exec \"$@\"", &procs];
    {
        let mut worker = alone.worker_under(&enter, &[]);
        assert_all_installed(&mut worker, 1000);
        let inside = fs::read_to_string(group.0.join("cgroup.procs")).unwrap();
        assert_eq!(inside.trim(), worker.pid().to_string(), "it was limited");
    }
    assert!(group.peak() <= 32 * MIB);
}
