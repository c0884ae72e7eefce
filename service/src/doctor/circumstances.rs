//! What all certificates share on this machine: settings, user, environment, worker.

use worker_state::{Directories, Environment, Presence, Report, environment_name as name};

use super::finding::{Finding, Section, Step, Subject};
use crate::order::{Given, Surroundings};
use crate::target::Target;
use crate::validate::Reading;
use crate::wording;

/// The first section.
pub(super) fn section(
    reading: &Reading,
    given: &Given,
    (targets, odd): (&[Target], Vec<String>),
    (directories, surroundings): (&Directories, &Surroundings),
) -> Section {
    let root = rustix::process::geteuid();
    let mut findings = vec![settings(reading, targets, odd)];
    findings.extend((!root.is_root()).then(|| user(root.as_raw())));
    findings.extend(environment(given, surroundings));
    findings.push(worker(directories, given));
    Section { subject: Subject::Machine, findings }
}

fn settings(reading: &Reading, targets: &[Target], odd: Vec<String>) -> Finding {
    let mut vaults: Vec<&str> = targets.iter().map(|target| target.id.vault().host()).collect();
    vaults.sort_unstable();
    vaults.dedup();
    let certificates = wording::count(targets.len(), "certificate");
    let text = format!("{certificates} of {}", wording::count(vaults.len(), "vault"));
    let mut lines: Vec<String> = reading.warnings.iter().map(ToString::to_string).collect();
    lines.extend(odd);
    match lines.is_empty() {
        true => Finding::fine(Step::Settings, text),
        false => Finding::attention(Step::Settings, text).with(lines),
    }
}

fn user(id: u32) -> Finding {
    Finding::attention(
        Step::User,
        format!(
            "this runs as user {id}, a worker as root as a rule: what is found of the identity \
             endpoint, the worker and the stores holds for this user"
        ),
    )
}

/// Which variables steer the worker, and whether it sees the same ones as this process.
fn environment(given: &Given, surroundings: &Surroundings) -> Option<Finding> {
    let mut lines = Vec::new();
    let mut is_odd = false;
    for variable in name::STEERING {
        let own = surroundings.process.value(variable);
        let workers = given.handed_over.value(variable);
        let differs = given.agent.is_some() && own.is_some() && own != workers;
        is_odd |= differs;
        lines.extend(own.or(workers).map(|value| line(variable, value, differs, own.is_some())));
    }
    if lines.is_empty() {
        return None;
    }
    let text = "these variables steer the worker";
    let finding = match is_odd {
        false => Finding::fine(Step::Environment, text),
        true => Finding::attention(
            Step::Environment,
            format!(
                "{text}, but the one that the guest agent starts does not see those of this \
                 shell: write them into {}, or unset them here",
                Environment::FILE
            ),
        ),
    };
    Some(finding.with(lines))
}

fn line(variable: &str, value: &str, differs: bool, is_own: bool) -> String {
    let from = match (is_own, differs) {
        (true, true) => "this shell only",
        (true, false) => "this process's environment",
        (false, _) => "handed over, or from /etc/akvvm/environment",
    };
    format!("{variable}={} ({from})", masked(value))
}

/// A proxy's address without user name and password.
fn masked(value: &str) -> String {
    let Some((before, host)) = value.rsplit_once('@') else { return value.to_owned() };
    let scheme = before.split_once("://").map(|(scheme, _)| format!("{scheme}://"));
    format!("{}***@{host}", scheme.unwrap_or_default())
}

/// Looks at the worker without its lease, so that nothing is disturbed.
fn worker(directories: &Directories, given: &Given) -> Finding {
    let Some(worker) = Presence::announced(directories) else {
        return match given.agent {
            None => Finding::fine(Step::Worker, "none at work; this needs none"),
            Some(_) => Finding::attention(
                Step::Worker,
                "none at work, though the guest agent's handler assigned settings: \
                 `systemctl status akvvm_service`",
            ),
        };
    };
    let pid = worker.process.pid;
    let text = format!("process {pid} is at work since {}", worker.since);
    let report = Report::read(directories).ok().flatten();
    let report = report.filter(|report| report.worker.pid == pid);
    match report.map(|report| last_pass(&report)) {
        Some(words) => Finding::fine(Step::Worker, format!("{text}; {words}")),
        None => Finding::fine(Step::Worker, text),
    }
}

fn last_pass(report: &Report) -> String {
    let Some(last) = report.last_pass_at else { return "its first pass is under way".into() };
    let failing = report.certificates.iter().filter(|one| one.failures > 0).count();
    let next = report.next_pass_at.map(|next| format!(", the next one is due at {next}"));
    let next = next.unwrap_or_default();
    format!("its last pass ended at {last} with {}{next}", wording::count(failing, "failure"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxys_user_and_password_are_not_shown() {
        for (value, shown) in [
            ("http://proxy:3128", "http://proxy:3128"),
            ("http://us:p@ss/word@proxy:3128", "http://***@proxy:3128"),
            ("us:hunter2@proxy", "***@proxy"),
        ] {
            assert_eq!(masked(value), shown);
        }
    }

    #[test]
    fn where_a_variable_comes_from_is_told() {
        let shown = line("NO_PROXY", "localhost", true, true);
        assert_eq!(shown, "NO_PROXY=localhost (this shell only)");
        assert!(line("NO_PROXY", "localhost", false, false).contains("/etc/akvvm/environment"));
    }
}
