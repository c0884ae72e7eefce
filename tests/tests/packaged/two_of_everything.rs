//! Two handlers, two workers, two versions, and a person beside them: one writer, clear words.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use acceptance::{Bed, Package, eventually};

/// The worker's program, run by hand with the bed's environment.
fn by_hand(bed: &Bed, arguments: &[&str]) -> Output {
    let package = Package::ours();
    let folder = bed.agent.extension_folder(package.handler(), package.version());
    let program = folder.join("bin").join(std::env::consts::ARCH).join("akvvm_service");
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(bed.environment()).stdin(Stdio::null());
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A command of the handler in this folder, begun and not waited for.
fn begin(bed: &Bed, folder: &Path, name: &str) -> Child {
    let mut command = Command::new(folder.join("bin/handler"));
    command.arg(name).current_dir(folder).env_clear().envs(bed.environment());
    command.env("PATH", "/usr/bin:/bin").env("ConfigSequenceNumber", "0");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

#[test]
fn a_second_worker_leaves_at_once_and_says_why() {
    let mut bed = Bed::new();
    let web = bed.issue("web");
    bed.install(&bed.settings(&["web"]));
    bed.installed(&web);
    let worker = bed.worker();
    let second = by_hand(&bed, &["run"]);
    assert_eq!(second.status.code(), Some(0), "{}", text(&second.stderr));
    assert!(text(&second.stderr).contains("another worker is at work"), "{second:?}");
    assert_eq!(bed.worker(), worker);
}

#[test]
fn a_pass_by_hand_is_done_by_the_worker_that_is_at_work() {
    let mut bed = Bed::new();
    let web = bed.issue("web");
    let mut settings = bed.settings(&["web"]);
    settings["secretsManagementSettings"]["pollingIntervalInS"] = "3600".into();
    bed.install(&settings);
    bed.installed(&web);
    let worker = bed.worker();
    let second = bed.azure.rotate("shop", "web").unwrap();
    let asked = by_hand(&bed, &["sync"]);
    assert_eq!(asked.status.code(), Some(0), "{}", text(&asked.stderr));
    assert!(text(&asked.stdout).contains(&second.version), "{}", text(&asked.stdout));
    bed.installed(&second);
    assert_eq!(bed.worker(), worker);
    // Other settings than the worker's are none of its business, and nobody else's meanwhile.
    let file = bed.folder().join("other.json");
    std::fs::write(&file, bed.settings(&["web"]).to_string()).unwrap();
    let refused = by_hand(&bed, &["sync", "--settings", file.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(1));
    let said = text(&refused.stderr);
    assert!(said.contains(&format!("process {worker}")), "{said}");
    assert!(said.contains("run akvvm_service sync without --settings"), "{said}");
}

#[test]
fn handlers_of_two_versions_at_once_leave_one_worker_that_serves() {
    let mut bed = Bed::new();
    let web = bed.issue("web");
    let settings = bed.settings(&["web"]);
    bed.install(&settings);
    bed.installed(&web);
    let package = Package::ours();
    let old = bed.agent.extension_folder(package.handler(), package.version());
    // As an update that was broken off can leave it: both are unpacked.
    let new = bed.agent.extension_folder(package.handler(), "99.0.1");
    let mut copy = Command::new("cp");
    assert!(copy.arg("-a").arg(&old).arg(&new).status().unwrap().success());
    let environment = std::fs::read_to_string(new.join("HandlerEnvironment.json")).unwrap();
    let name = |folder: &Path| folder.file_name().unwrap().to_str().unwrap().to_owned();
    let environment = environment.replace(&name(&old), &name(&new));
    std::fs::write(new.join("HandlerEnvironment.json"), environment).unwrap();
    for _ in 0..3 {
        let both = [&old, &new, &old, &new].map(|folder| begin(&bed, folder, "enable"));
        for mut handler in both {
            assert!(handler.wait().unwrap().success());
        }
        assert_eq!(bed.workers().len(), 1);
    }
    let second = bed.azure.rotate("shop", "web").unwrap();
    bed.assert_installed_whole(&second);
}

#[test]
fn handlers_with_different_wishes_at_once_end_in_one_of_them() {
    let mut bed = Bed::new();
    let web = bed.issue("web");
    let extension = bed.install(&bed.settings(&["web"]));
    bed.installed(&web);
    let package = Package::ours();
    let folder = bed.agent.extension_folder(package.handler(), package.version());
    let wishes = ["enable", "disable", "enable", "disable", "enable"];
    for mut handler in wishes.map(|name| begin(&bed, &folder, name)) {
        assert!(handler.wait().unwrap().success());
    }
    assert!(bed.workers().len() <= 1);
    let answer = bed.agent.goal_state(&[extension]);
    assert_eq!(answer.handler(package.handler()).status, "Ready");
    let second = bed.azure.rotate("shop", "web").unwrap();
    bed.installed(&second);
    eventually("one worker", || (bed.workers().len() == 1).then_some(()));
}
