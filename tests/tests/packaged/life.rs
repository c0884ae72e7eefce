//! Install, enable, serve, rotate, outlive.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use acceptance::{Bed, Extension, Package, eventually};

#[test]
fn installed_and_enabled_it_reports_success_and_the_certificates_are_on_disk() {
    let mut bed = Bed::new();
    let (web, api) = (bed.issue("web"), bed.issue("api"));
    let package = Package::ours();
    let extension = Extension::new(&package).settings(0, &bed.settings(&["web", "api"]));
    let answer = bed.agent.goal_state(&[extension]);
    let version = package.version();
    let commands = ["install", "enable"].map(|name| format!("{version} bin/handler {name}"));
    assert_eq!(answer.command_lines(), commands);
    for ran in &answer.commands {
        assert_eq!(ran.failure, None);
    }
    let answer = bed.agent.wait(package.handler(), "success");
    assert_eq!(answer.handler(package.handler()).status, "Ready");
    for issued in [&web, &api] {
        bed.assert_installed_whole(issued);
    }
}

#[test]
fn files_are_private_and_links_are_relative() {
    let mut bed = Bed::new();
    let web = bed.issue("web");
    bed.install(&bed.settings(&["web"]));
    bed.installed(&web);
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(bed.link("web")), 0o600);
    assert_eq!(mode(bed.store()), 0o700);
    assert!(fs::read_link(bed.link("web")).unwrap().is_relative());
}

#[test]
fn a_rotated_certificate_moves_the_link_and_the_previous_version_stays() {
    let mut bed = Bed::new();
    let first = bed.issue("web");
    bed.install(&bed.settings(&["web"]));
    let before = bed.installed(&first);
    let file = bed.link("web").canonicalize().unwrap();
    let second = bed.azure.rotate("shop", "web").unwrap();
    assert_ne!(bed.installed(&second), before);
    assert_eq!(fs::read_to_string(file).unwrap(), before);
}

#[test]
fn what_has_not_changed_is_not_written() {
    let mut bed = Bed::new();
    let web = bed.issue("web");
    bed.install(&bed.settings(&["web"]));
    bed.installed(&web);
    let seen = |path: &Path| {
        let metadata = fs::symlink_metadata(path).unwrap();
        (metadata.ino(), metadata.mtime_nsec(), metadata.ctime_nsec())
    };
    let all = || [bed.store(), bed.link("web"), bed.link("web").canonicalize().unwrap()];
    let before = all().map(|path| seen(&path));
    let polls = bed.azure.requests().len() + 6;
    eventually("some more polls", || (bed.azure.requests().len() > polls).then_some(()));
    assert_eq!(all().map(|path| seen(&path)), before);
}

#[test]
fn enabled_again_by_a_restarted_agent_it_leaves_the_worker_alone() {
    let mut bed = Bed::new();
    let web = bed.issue("web");
    bed.install(&bed.settings(&["web"]));
    bed.installed(&web);
    let worker = bed.worker();
    let answer = bed.agent.restart();
    let version = Package::ours().version().to_owned();
    assert_eq!(answer.command_lines(), [format!("{version} bin/handler enable")]);
    assert_eq!(answer.commands[0].failure, None);
    assert_eq!(bed.worker(), worker);
    let status = answer.handler(Package::ours().handler()).extension();
    assert_eq!(status.status.as_deref(), Some("success"));
}

#[test]
fn enabled_again_because_of_another_extension_it_touches_nothing() {
    let mut bed = Bed::new();
    let web = bed.issue("web");
    let extension = bed.install(&bed.settings(&["web"]));
    bed.installed(&web);
    let worker = bed.worker();
    let assignment = bed.state().join("assignment.json");
    let before = fs::metadata(&assignment).unwrap().ino();
    let other = Package::other("Test.Other", "true", bed.folder());
    let other = Extension::new(&other).settings(0, &serde_json::json!({}));
    let answer = bed.agent.goal_state(&[extension, other]);
    let ours = answer.commands.iter().filter(|ran| ran.handler == Package::ours().handler());
    let ours: Vec<_> = ours.map(|ran| (ran.command.as_str(), ran.failure.is_none())).collect();
    assert_eq!(ours, [("bin/handler enable", true)]);
    assert_eq!(bed.worker(), worker);
    assert_eq!(fs::metadata(assignment).unwrap().ino(), before);
    let status = answer.handler(Package::ours().handler()).extension();
    assert_eq!(status.status.as_deref(), Some("success"));
}

#[test]
fn a_worker_that_was_killed_comes_back_with_the_next_enable() {
    let mut bed = Bed::new();
    let web = bed.issue("web");
    bed.install(&bed.settings(&["web"]));
    bed.installed(&web);
    let killed = bed.worker();
    bed.kill(killed);
    eventually("the worker's end", || bed.workers().is_empty().then_some(()));
    bed.agent.restart();
    assert_ne!(bed.worker(), killed);
    let second = bed.azure.rotate("shop", "web").unwrap();
    bed.installed(&second);
}

#[test]
fn what_killed_programs_left_half_written_is_removed_by_the_next_worker() {
    let mut bed = Bed::new();
    let web = bed.issue("web");
    bed.install(&bed.settings(&["web"]));
    bed.installed(&web);
    bed.kill(bed.worker());
    eventually("the worker's end", || bed.workers().is_empty().then_some(()));
    let package = bed.agent.extension_folder(Package::ours().handler(), Package::ours().version());
    let written = [bed.store(), bed.state(), bed.state().join("records"), package.join("status")];
    let folders = written.into_iter().chain([bed.folder().join("run"), package]);
    let remains: Vec<_> = folders.map(|it| it.join(".akvvm-0123456789abcdef.tmp")).collect();
    remains.iter().for_each(|path| fs::write(path, "half").unwrap());
    bed.agent.restart();
    for path in remains {
        eventually("a tidy folder", || (!path.exists()).then_some(()));
    }
}

#[test]
fn the_worker_outlives_the_agent() {
    let mut bed = Bed::new();
    bed.issue("web");
    bed.install(&bed.settings(&["web"]));
    let worker = bed.worker();
    bed.agent.stop();
    let second = bed.azure.rotate("shop", "web").unwrap();
    bed.installed(&second);
    assert_eq!(bed.worker(), worker);
}

#[test]
fn a_heartbeat_that_stops_is_noticed() {
    let mut bed = Bed::new();
    bed.issue("web");
    bed.install(&bed.settings(&["web"]));
    bed.kill(bed.worker());
    let package = Package::ours();
    let answer = bed.agent.age_heartbeat(package.handler(), package.version(), 700);
    assert_eq!(answer.handler(package.handler()).status, "Unresponsive");
}

#[test]
fn no_log_and_no_status_has_a_key_or_a_token() {
    let mut bed = Bed::new();
    let web = bed.issue("web");
    bed.install(&bed.settings(&["web"]));
    bed.installed(&web);
    let key = web.key_pem();
    let key_line = key.lines().nth(1).unwrap();
    let package = bed.agent.extension_folder(Package::ours().handler(), Package::ours().version());
    // The programs themselves know what a key looks like.
    fs::remove_dir_all(package.join("bin")).unwrap();
    let written = ["agent/log", "agent/waagent.log", "log", "state", "run"].map(Path::new);
    for folder in written.into_iter().chain([package.as_path()]) {
        each_file(&bed.folder().join(folder), &mut |path, content| {
            let text = String::from_utf8_lossy(content);
            for secret in [key_line, &web.value[..64], "eyJ", "PRIVATE KEY"] {
                assert!(!text.contains(secret), "{secret} in {}", path.display());
            }
        });
    }
}

fn each_file(path: &Path, look: &mut impl FnMut(&Path, &[u8])) {
    match fs::read_dir(path) {
        Ok(entries) => entries.flatten().for_each(|entry| each_file(&entry.path(), look)),
        Err(_) => fs::read(path).iter().for_each(|content| look(path, content)),
    }
}
