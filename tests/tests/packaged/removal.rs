//! Disable, update, uninstall: the certificates stay.

use std::fs;
use std::os::unix::fs::MetadataExt;

use acceptance::{Bed, Extension, Package, eventually};

#[test]
fn disabled_it_runs_nothing_and_leaves_the_certificates() {
    let mut bed = Bed::new();
    let web = bed.issue("web");
    let extension = bed.install(&bed.settings(&["web"]));
    bed.installed(&web);
    let answer = bed.agent.goal_state(&[extension.clone().disabled()]);
    assert_eq!(answer.commands.len(), 1);
    assert_eq!(answer.commands[0].failure, None);
    let package = Package::ours();
    assert_eq!(answer.handler(package.handler()).status, "NotReady");
    assert!(bed.workers().is_empty());
    bed.installed(&web);
    // Nobody writes heartbeats any more, and none says that it is ready.
    let answer = bed.agent.age_heartbeat(package.handler(), package.version(), 590);
    assert_eq!(answer.handler(package.handler()).status, "NotReady");
    let answer = bed.agent.age_heartbeat(package.handler(), package.version(), 700);
    assert_eq!(answer.handler(package.handler()).status, "Unresponsive");
    // Enabled again, it goes on.
    let second = bed.azure.rotate("shop", "web").unwrap();
    let answer = bed.agent.goal_state(&[extension]);
    assert_eq!(answer.handler(Package::ours().handler()).status, "Ready");
    bed.installed(&second);
}

#[test]
fn uninstalled_it_leaves_nothing_but_the_certificates() {
    let mut bed = Bed::new();
    let web = bed.issue("web");
    let extension = bed.install(&bed.settings(&["web"]));
    bed.installed(&web);
    let answer = bed.agent.goal_state(&[extension.uninstalled()]);
    assert_eq!(answer.commands.len(), 2);
    assert!(answer.commands.iter().all(|ran| ran.failure.is_none()), "{answer:#?}");
    assert!(answer.handlers().is_empty());
    assert!(bed.workers().is_empty());
    assert!(!bed.state().exists(), "the state directory is still there");
    let package = Package::ours();
    assert!(!bed.agent.extension_folder(package.handler(), package.version()).exists());
    bed.installed(&web);
}

#[test]
fn uninstalled_and_installed_again_it_takes_its_files_over() {
    let mut bed = Bed::new();
    let web = bed.issue("web");
    let extension = bed.install(&bed.settings(&["web"]));
    bed.installed(&web);
    let before = fs::metadata(bed.link("web")).unwrap().ino();
    bed.agent.goal_state(&[extension.uninstalled()]);
    bed.install(&bed.settings(&["web"]));
    bed.installed(&web);
    assert_eq!(fs::metadata(bed.link("web")).unwrap().ino(), before);
    let second = bed.azure.rotate("shop", "web").unwrap();
    bed.installed(&second);
}

#[test]
fn an_update_leaves_the_files_untouched_and_the_new_version_serves_them() {
    let mut bed = Bed::new();
    let web = bed.issue("web");
    let settings = bed.settings(&["web"]);
    bed.install(&settings);
    bed.installed(&web);
    let seen = |bed: &Bed| {
        let file = fs::metadata(bed.link("web")).unwrap();
        let link = fs::symlink_metadata(bed.link("web")).unwrap();
        (file.ino(), file.mtime_nsec(), link.ino(), link.mtime_nsec())
    };
    let before = seen(&bed);
    let old = bed.worker();

    let newer = Package::ours_as("99.0.1", bed.folder());
    let answer = bed.agent.goal_state(&[Extension::new(&newer).settings(0, &settings)]);
    let version = Package::ours().version().to_owned();
    let commands = [
        format!("{version} bin/handler disable"),
        "99.0.1 bin/handler update".into(),
        format!("{version} bin/handler uninstall"),
        "99.0.1 bin/handler install".into(),
        "99.0.1 bin/handler enable".into(),
    ];
    assert_eq!(answer.command_lines(), commands);
    assert!(answer.commands.iter().all(|ran| ran.failure.is_none()), "{answer:#?}");
    bed.agent.wait(newer.handler(), "success");
    assert_ne!(bed.worker(), old);
    let program = fs::read_link(format!("/proc/{}/exe", bed.worker())).unwrap();
    assert!(program.starts_with(bed.agent.extension_folder(newer.handler(), "99.0.1")));
    let second = bed.azure.rotate("shop", "web").unwrap();
    assert_eq!(seen(&bed), before, "touched by the update");
    bed.installed(&second);
}

#[test]
fn a_downgrade_leaves_the_files_untouched_and_the_lower_version_serves_them() {
    let mut bed = Bed::new();
    let web = bed.issue("web");
    let settings = bed.settings(&["web"]);
    let higher = Package::ours_as("99.0.2", bed.folder());
    bed.agent.goal_state(&[Extension::new(&higher).settings(0, &settings)]);
    bed.agent.wait(higher.handler(), "success");
    bed.installed(&web);
    let before = fs::metadata(bed.link("web")).unwrap().ino();
    let lower = Package::ours_as("99.0.1", bed.folder());
    let answer = bed.agent.goal_state(&[Extension::new(&lower).settings(0, &settings)]);
    // It is the version that goes whose `update` is called.
    let commands = ["2 disable", "2 update", "2 uninstall", "1 install", "1 enable"];
    let commands = commands.map(|ran| format!("99.0.{}", ran.replace(' ', " bin/handler ")));
    assert_eq!(answer.command_lines(), commands);
    assert!(answer.commands.iter().all(|ran| ran.failure.is_none()), "{answer:#?}");
    bed.agent.wait(lower.handler(), "success");
    let program = fs::read_link(format!("/proc/{}/exe", bed.worker())).unwrap();
    assert!(program.starts_with(bed.agent.extension_folder(lower.handler(), "99.0.1")));
    assert_eq!(fs::metadata(bed.link("web")).unwrap().ino(), before, "touched by the downgrade");
    let second = bed.azure.rotate("shop", "web").unwrap();
    bed.installed(&second);
}

#[test]
fn a_folder_deleted_without_a_call_does_not_end_the_service() {
    let mut bed = Bed::new();
    bed.issue("web");
    bed.install(&bed.settings(&["web"]));
    let worker = bed.worker();
    // The agent cannot delete what is being written to. After the first pass there is no news.
    eventually("the first pass in the status", || {
        let answer = bed.agent.report();
        let status = answer.handler(Package::ours().handler()).extension();
        status.message.contains("1 of 1 certificates installed").then_some(())
    });
    let answer = bed.agent.goal_state(&[]);
    assert!(answer.commands.is_empty());
    let package = Package::ours();
    assert!(!bed.agent.extension_folder(package.handler(), package.version()).exists());
    let second = bed.azure.rotate("shop", "web").unwrap();
    bed.installed(&second);
    assert_eq!(bed.worker(), worker);
}

#[test]
fn a_folder_deleted_without_a_call_and_made_anew_is_told_at_once() {
    let mut bed = Bed::new();
    bed.issue("web");
    let mut settings = bed.settings(&["web"]);
    // There is no news for an hour.
    settings["secretsManagementSettings"]["pollingIntervalInS"] = "3600".into();
    let extension = bed.install(&settings);
    eventually("the first pass in the status", || {
        let answer = bed.agent.report();
        let status = answer.handler(Package::ours().handler()).extension();
        status.message.contains("1 of 1 certificates installed").then_some(())
    });
    bed.agent.goal_state(&[]);
    bed.agent.goal_state(&[extension]);
    // A heartbeat that is missing shows in the second report.
    let answer = bed.agent.report();
    let handler = answer.handler(Package::ours().handler());
    assert_eq!((handler.status.as_str(), handler.code), ("Ready", 0), "{}", handler.message);
    assert_eq!(handler.extension().status.as_deref(), Some("success"));
}
