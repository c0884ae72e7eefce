//! State and run-time files that are lost or damaged, under the guest agent.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use acceptance::{Bed, Package, eventually};

/// What they know is nowhere else: that it is lost is told.
const TOLD: [&str; 2] = ["initial-sync.json", "made-directories.json"];
/// Of a command that was killed.
const REQUEST: &str = "run/requests/7.request";

/// Every file that outlives a process, and those that are not there now.
fn files(bed: &Bed) -> Vec<PathBuf> {
    let state = bed.state();
    let records = fs::read_dir(state.join("records")).unwrap().flatten();
    let records: Vec<PathBuf> = records.map(|entry| entry.path()).collect();
    assert!(!records.is_empty());
    let names = ["assignment.json", "report.json", "update.json"];
    let files = names.iter().chain(&TOLD).map(|name| state.join(name)).chain(records);
    let run = ["run/worker.json", REQUEST].map(|name| bed.folder().join(name));
    files.chain(run).collect()
}

fn kill_worker(bed: &Bed) {
    bed.kill(bed.worker());
    eventually("the worker's end", || bed.workers().is_empty().then_some(()));
}

fn clear(path: &Path) {
    let _ = fs::remove_file(path);
    let _ = fs::remove_dir(path);
}

/// What is done to a file, in words and in deed.
type Damage = (&'static str, fn(&Path));

#[test]
fn files_that_are_damaged_are_made_anew_by_the_next_worker() {
    let mut bed = Bed::new();
    let web = bed.issue("web");
    bed.install(&bed.settings(&["web"]));
    bed.installed(&web);
    let damages: [Damage; 5] = [
        ("truncated", |path| {
            let half = fs::read(path).unwrap_or_else(|_| b"{\"a\":1}".to_vec());
            fs::write(path, &half[..half.len() / 2]).unwrap();
        }),
        ("empty", |path| fs::write(path, "").unwrap()),
        ("garbage", |path| fs::write(path, [0xff, 0x00, b'{', 0xc3]).unwrap()),
        // What not even root can read.
        ("a link to itself", |path| {
            clear(path);
            symlink(path, path).unwrap();
        }),
        ("what others can have written", |path| {
            clear(path);
            fs::write(path, "{}").unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o666)).unwrap();
        }),
    ];
    let log = bed.folder().join("log/akvvm_service.log");
    for (what, damage) in damages {
        kill_worker(&bed);
        let damaged = files(&bed);
        damaged.iter().for_each(|path| damage(path));
        let said = fs::read_to_string(&log).unwrap().len();
        let before = fs::read_to_string(bed.link("web")).unwrap();
        let answer = bed.agent.restart();
        assert_eq!(answer.commands[0].failure, None, "{what}");
        assert_eq!(fs::read_to_string(bed.link("web")).unwrap(), before, "{what}");
        bed.agent.wait(Package::ours().handler(), "success");
        let next = bed.azure.rotate("shop", "web").unwrap();
        bed.assert_installed_whole(&next);
        bed.worker();
        let told = &fs::read_to_string(&log).unwrap()[said..];
        let record =
            damaged.iter().find(|path| path.parent().is_some_and(|it| it.ends_with("records")));
        let names = TOLD.iter().chain([&REQUEST]).map(PathBuf::from).chain(record.cloned());
        for name in names {
            let name = name.file_name().unwrap().to_str().unwrap();
            assert!(told.contains(name), "{what}: not a word of {name}: {told}");
        }
    }
}

#[test]
fn a_directory_in_place_of_the_assignment_is_named_and_the_certificates_stay() {
    let mut bed = Bed::new();
    let web = bed.issue("web");
    bed.install(&bed.settings(&["web"]));
    let before = bed.installed(&web);
    kill_worker(&bed);
    for path in files(&bed) {
        clear(&path);
        fs::create_dir(&path).unwrap();
    }
    let answer = bed.agent.restart();
    let message = &answer.handler(Package::ours().handler()).extension().message;
    let path = bed.state().join("assignment.json").display().to_string();
    assert!(message.contains(&path), "{message}");
    assert_eq!(fs::read_to_string(bed.link("web")).unwrap(), before);
    // With that out of the way, what else is in the way hinders nobody from serving.
    fs::remove_dir(bed.state().join("assignment.json")).unwrap();
    fs::remove_dir(bed.folder().join("run/worker.json")).unwrap();
    bed.agent.restart();
    bed.agent.wait(Package::ours().handler(), "success");
    let next = bed.azure.rotate("shop", "web").unwrap();
    bed.assert_installed_whole(&next);
}

#[test]
fn directories_that_are_wiped_under_a_running_worker_are_made_anew_by_it() {
    let mut bed = Bed::new();
    let web = bed.issue("web");
    bed.install(&bed.settings(&["web"]));
    bed.installed(&web);
    let worker = bed.worker();
    for name in ["run", "log", "state"] {
        let folder = bed.folder().join(name);
        fs::remove_dir_all(&folder).unwrap();
        let next = bed.azure.rotate("shop", "web").unwrap();
        bed.installed(&next);
        let proof = match name {
            "run" => "run/worker.json",
            "log" => "log/akvvm_service.log",
            _ => "state/report.json",
        };
        let proof = bed.folder().join(proof);
        eventually("a directory made anew", || proof.exists().then_some(()));
        // It is seen to serve what is wanted, so that nobody starts another.
        let answer = bed.agent.restart();
        assert_eq!(answer.commands[0].failure, None);
        assert_eq!(bed.worker(), worker, "after {name} was wiped");
    }
    let records = || fs::read_dir(bed.state().join("records")).ok();
    eventually("the record", || records()?.flatten().next());
    bed.agent.wait(Package::ours().handler(), "success");
}
