//! Disks that are full, or read-only, under all that the worker writes but the certificates. The
//! worker has them in a mount namespace of its own; `/proc/PID/root` leads there.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use acceptance::alone::{Alone, VAULT, Worker};
use acceptance::eventually;

const FOLDERS: [&str; 3] = ["state", "run", "log"];

/// Starts a worker whose state, run-time and log directories are small file systems.
fn on_small_disks(alone: &Alone) -> Worker<'_> {
    for name in FOLDERS {
        fs::create_dir(alone.below(name)).unwrap();
    }
    let folders = FOLDERS.map(|name| alone.below(name).display().to_string());
    let script = "for folder in \"$1\" \"$2\" \"$3\"; do \
                  mount -t tmpfs -o size=256k,mode=700 tmpfs \"$folder\" || exit 1; done; \
                  shift 3; exec \"$@\"";
    let [state, run, log] = &folders;
    let wrapper = [
        "unshare",
        "--mount",
        "--propagation",
        "private",
        "sh",
        "-c",
        script,
        "sh",
        state,
        run,
        log,
    ];
    alone.worker_under(&wrapper, &[])
}

/// A path as the worker sees it.
fn inside(worker: &Worker<'_>, alone: &Alone, name: &str) -> PathBuf {
    let path = alone.below(name);
    PathBuf::from(format!("/proc/{}/root{}", worker.pid(), path.display()))
}

fn report_passes(worker: &Worker<'_>, alone: &Alone) -> Option<u64> {
    let text = fs::read(inside(worker, alone, "state/report.json")).ok()?;
    serde_json::from_slice::<serde_json::Value>(&text).ok()?["passes"].as_u64()
}

fn rotate_and_await(alone: &Alone) {
    let issued = alone.rotate(&alone.names[0]);
    let (link, key) = (alone.below(&format!("store/{VAULT}.c1")), issued.key_pem());
    let is_there = || fs::read_to_string(&link).is_ok_and(|text| text.ends_with(&key));
    eventually("the rotated certificate", || is_there().then_some(()));
}

fn await_progress(worker: &Worker<'_>, alone: &Alone) {
    let before = report_passes(worker, alone).unwrap_or_default();
    eventually("a newer report", || {
        report_passes(worker, alone).filter(|passes| *passes > before + 1)
    });
}

fn await_line(worker: &Worker<'_>, alone: &Alone, words: &str) {
    let log = inside(worker, alone, "log/akvvm_service.log");
    let said = || fs::read_to_string(&log).is_ok_and(|log| log.contains(words));
    eventually(words, || said().then_some(()));
}

#[test]
fn full_disks_stop_no_certificate_and_are_written_again_when_there_is_room() {
    let alone = Alone::new(2, 1);
    let worker = on_small_disks(&alone);
    eventually("the first pass", || report_passes(&worker, &alone).filter(|passes| *passes > 0));
    let fillers = FOLDERS.map(|name| inside(&worker, &alone, &format!("{name}/filler")));
    for filler in &fillers {
        let mut file = fs::File::create(filler).unwrap();
        for size in [4096, 1] {
            while file.write_all(&vec![b'x'; size]).is_ok() {}
        }
    }
    rotate_and_await(&alone);
    rotate_and_await(&alone);
    fillers.iter().for_each(|filler| fs::remove_file(filler).unwrap());
    await_progress(&worker, &alone);
    rotate_and_await(&alone);
    let versions = fs::read_dir(inside(&worker, &alone, "state/records")).unwrap().flatten();
    let records: String = versions.map(|it| fs::read_to_string(it.path()).unwrap()).collect();
    let target = fs::read_link(alone.below(&format!("store/{VAULT}.c1"))).unwrap();
    let version = target.to_str().unwrap().rsplit('.').next().unwrap().to_owned();
    eventually("the record of what is installed", || {
        (records.contains(&version) || read_records(&worker, &alone).contains(&version))
            .then_some(())
    });
    await_line(&worker, &alone, "the report can be written again");
}

fn read_records(worker: &Worker<'_>, alone: &Alone) -> String {
    let records = fs::read_dir(inside(worker, alone, "state/records")).unwrap().flatten();
    records.map(|it| fs::read_to_string(it.path()).unwrap_or_default()).collect()
}

#[test]
fn disks_that_become_read_only_stop_no_certificate_either() {
    let alone = Alone::new(2, 1);
    let worker = on_small_disks(&alone);
    eventually("the first pass", || report_passes(&worker, &alone).filter(|passes| *passes > 0));
    // Over itself, because the worker has files there open for writing.
    let mount = |command: &str| {
        for name in FOLDERS {
            let mut enter = Command::new("nsenter");
            enter.args(["-t", &worker.pid().to_string(), "-m", "sh", "-ec", command, "sh"]);
            let said = enter.arg(alone.below(name)).output().unwrap();
            assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        }
    };
    mount("mount --bind \"$1\" \"$1\"; mount -o remount,bind,ro \"$1\"");
    rotate_and_await(&alone);
    // Later than the certificate's record, which the same pass could not write either.
    await_line(&worker, &alone, "report.json\": Read-only file system");
    mount("umount \"$1\"");
    await_progress(&worker, &alone);
    await_line(&worker, &alone, "the report can be written again");
}
