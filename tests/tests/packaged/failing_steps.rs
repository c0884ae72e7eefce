//! Each command of an update and of a removal fails, before it did anything and after it did all,
//! and the agent tries again.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use acceptance::{Answer, Bed, Extension, Package, eventually};
use fake_azure::Issued;

const OLD: &str = "98.0.1";
const NEW: &str = "99.0.1";

/// A machine with the old version at work, and what is to become of it.
struct Update {
    bed: Bed,
    web: Issued,
    old: Package,
    new: Extension,
    to: &'static str,
}

impl Update {
    fn begin() -> Self {
        Self::between(OLD, NEW)
    }

    fn between(from: &str, to: &'static str) -> Self {
        let mut bed = Bed::new();
        let web = bed.issue("web");
        let settings = bed.settings(&["web"]);
        let old = Package::ours_failing(from, bed.folder());
        let new = Package::ours_failing(to, bed.folder());
        bed.agent.goal_state(&[Extension::new(&old).settings(0, &settings)]);
        bed.agent.wait(old.handler(), "success");
        bed.installed(&web);
        let new = Extension::new(&new).settings(0, &settings);
        Self { bed, web, old, new, to }
    }

    fn fail(&self, step: &str) {
        fs::write(self.bed.folder().join("failing"), step).unwrap();
    }

    fn mend(&self) {
        fs::remove_file(self.bed.folder().join("failing")).unwrap();
    }

    /// The update with this step failing, as it is reported then.
    fn broken_by(&mut self, step: &str) -> Answer {
        self.fail(step);
        let answer = self.bed.agent.goal_state(std::slice::from_ref(&self.new));
        let failed: Vec<_> = answer.commands.iter().filter(|ran| ran.failure.is_some()).collect();
        assert_eq!(failed.len(), 1, "{answer:#?}");
        let reported = answer.handler(self.old.handler());
        assert_eq!(reported.status, readiness(step), "{step}: {answer:#?}");
        assert!(self.bed.workers().len() <= 1);
        answer
    }

    /// The agent, started again, brings the update to its end.
    fn assert_made_up_for(mut self, step: &str) {
        let seen = |bed: &Bed| {
            let link = fs::symlink_metadata(bed.link("web")).unwrap();
            (link.ino(), link.mtime_nsec())
        };
        let before = seen(&self.bed);
        self.mend();
        let answer = self.bed.agent.restart();
        assert!(answer.commands.iter().all(|ran| ran.failure.is_none()), "{step}: {answer:#?}");
        let answer = self.bed.agent.wait(self.old.handler(), "success");
        assert_eq!(answer.handler(self.old.handler()).status, "Ready", "{step}");
        let program = fs::read_link(format!("/proc/{}/exe", self.bed.worker())).unwrap();
        let folder = self.bed.agent.extension_folder(self.old.handler(), self.to);
        assert!(program.starts_with(folder), "{step}: {}", program.display());
        assert_eq!(seen(&self.bed), before, "{step}: the certificate was touched");
        let second = self.bed.azure.rotate("shop", &self.web.name).unwrap();
        self.bed.installed(&second);
    }
}

/// What the heartbeat or the agent says: the worker of an `enable` that was killed after all was
/// done is at work, and says so.
fn readiness(step: &str) -> &'static str {
    if step.ends_with("enable after") { "Ready" } else { "NotReady" }
}

/// What is reported of the new version's settings must not be a success that nobody earned.
fn assert_no_success(answer: &Answer, handler: &str, step: &str) {
    if let Some(extension) = &answer.handler(handler).extension {
        assert_ne!(extension.status.as_deref(), Some("success"), "{step}: {answer:#?}");
    }
}

fn each_way(version: &str, command: &str) {
    for point in ["before", "after"] {
        let step = format!("{version} {command} {point}");
        let mut update = Update::begin();
        let answer = update.broken_by(&step);
        // Where the new version never had a word, the agent shows the old one's status; where it
        // had the last word, the success is its own.
        let exempt = [format!("{NEW} update before"), format!("{NEW} enable after")];
        if !exempt.contains(&step) {
            assert_no_success(&answer, update.old.handler(), &step);
        }
        update.assert_made_up_for(&step);
    }
}

#[test]
fn the_old_versions_disable_fails() {
    each_way(OLD, "disable");
}

#[test]
fn the_new_versions_update_fails() {
    each_way(NEW, "update");
}

#[test]
fn the_old_versions_uninstall_fails() {
    each_way(OLD, "uninstall");
}

#[test]
fn the_new_versions_install_fails() {
    each_way(NEW, "install");
}

#[test]
fn the_new_versions_enable_fails() {
    each_way(NEW, "enable");
}

#[test]
fn the_lower_version_fails_in_a_downgrade() {
    // There the version that goes is told to update.
    for step in [format!("{NEW} update after"), format!("{OLD} enable before")] {
        let mut downgrade = Update::between(NEW, OLD);
        let answer = downgrade.broken_by(&step);
        assert_no_success(&answer, downgrade.old.handler(), &step);
        downgrade.assert_made_up_for(&step);
    }
}

#[test]
fn an_enable_that_the_agent_kills_at_its_time_limit_is_told_and_made_up_for() {
    let mut bed = Bed::new();
    let web = bed.issue("web");
    let package = Package::ours();
    let extension = Extension::new(&package).settings(0, &bed.settings(&["web"]));
    bed.agent.goal_state(std::slice::from_ref(&extension));
    bed.agent.wait(package.handler(), "success");
    bed.installed(&web);
    // A worker that comes to nothing keeps its handler waiting.
    let folder = bed.agent.extension_folder(package.handler(), package.version());
    let program = folder.join("bin").join(std::env::consts::ARCH).join("akvvm_service");
    let kept = bed.folder().join("kept");
    fs::rename(&program, &kept).unwrap();
    fs::write(&program, "#!/bin/sh\nexec sleep 10\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o744)).unwrap();
    bed.agent.time_limit(2);
    let other = extension.settings(1, &bed.settings(&["web", "absent"]));
    let answer = bed.agent.goal_state(&[other]);
    let failure = answer.commands[0].failure.clone().unwrap();
    assert!(failure.contains("Timeout(2)"), "{failure}");
    let reported = answer.handler(package.handler());
    assert_eq!(reported.status, "NotReady", "{answer:#?}");
    assert_eq!(reported.extension().status.as_deref(), Some("transitioning"));
    let handlers = acceptance::processes::of(&bed.state(), "akvvm_handler");
    assert!(handlers.is_empty(), "it was killed: {handlers:?}");
    bed.installed(&web);
    fs::rename(&kept, &program).unwrap();
    bed.agent.restart();
    let answer = bed.agent.wait(package.handler(), "success");
    let reported = answer.handler(package.handler());
    assert_eq!((reported.status.as_str(), reported.extension().sequence_number), ("Ready", 1));
    let second = bed.azure.rotate("shop", "web").unwrap();
    bed.installed(&second);
    assert_eq!(bed.workers().len(), 1);
}

#[test]
fn a_first_install_fails_and_is_repeated() {
    for point in ["before", "after"] {
        let mut bed = Bed::new();
        let web = bed.issue("web");
        let package = Package::ours_failing(NEW, bed.folder());
        let extension = Extension::new(&package).settings(0, &bed.settings(&["web"]));
        let flag = bed.folder().join("failing");
        for command in ["install", "enable"] {
            fs::write(&flag, format!("{NEW} {command} {point}")).unwrap();
            let answer = match command {
                "install" => bed.agent.goal_state(std::slice::from_ref(&extension)),
                _ => bed.agent.restart(),
            };
            let step = format!("{command} {point}");
            let reported = answer.handler(package.handler());
            assert_eq!(reported.status, readiness(&step), "{step}: {answer:#?}");
        }
        fs::remove_file(flag).unwrap();
        bed.agent.restart();
        bed.agent.wait(package.handler(), "success");
        bed.installed(&web);
        assert_eq!(bed.workers().len(), 1);
    }
}

#[test]
fn a_removal_whose_disable_fails_is_done_when_it_is_asked_for_again() {
    for point in ["before", "after"] {
        let mut update = Update::begin();
        update.fail(&format!("{OLD} disable {point}"));
        let gone = Extension::new(&update.old).uninstalled();
        update.bed.agent.goal_state(std::slice::from_ref(&gone));
        let folder = update.bed.agent.extension_folder(update.old.handler(), OLD);
        assert!(folder.exists(), "the agent gives a removal up whose disable fails");
        update.mend();
        update.bed.agent.goal_state(&[gone]);
        eventually("the end of the worker", || update.bed.workers().is_empty().then_some(()));
        assert!(!folder.exists() && !update.bed.state().exists());
        update.bed.installed(&update.web);
    }
}

#[test]
fn a_removal_whose_uninstall_fails_leaves_no_worker() {
    for point in ["before", "after"] {
        let mut update = Update::begin();
        update.fail(&format!("{OLD} uninstall {point}"));
        let gone = Extension::new(&update.old).uninstalled();
        update.bed.agent.goal_state(&[gone]);
        assert!(update.bed.workers().is_empty());
        let folder = update.bed.agent.extension_folder(update.old.handler(), OLD);
        assert!(!folder.exists(), "the agent removes it all the same");
        update.bed.installed(&update.web);
        // What the state remembers of it does not hinder a new beginning.
        update.mend();
        let settings = update.bed.settings(&["web"]);
        let again = Extension::new(&update.old).settings(0, &settings);
        update.bed.agent.goal_state(&[again]);
        update.bed.agent.wait(update.old.handler(), "success");
        assert_eq!(update.bed.workers().len(), 1);
    }
}
