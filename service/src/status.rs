//! What the guest agent is told: the report in the agent's words, within the agent's limits.
//!
//! This is the only prose for the portal. Pure.

use std::time::SystemTime;

use status_schema::{Heartbeat, HeartbeatState, State, Status, StatusReport, Substatus};
use worker_state::{CertificateReport, CertificateState, InitialSyncPhase, Refusal, Report};

use crate::code::Code;

/// The agent cuts a status file beyond 128 KiB to pieces, and loses the whole machine's report
/// where it cannot (WALinuxAgent `ga/exthandlers.py:2397-2420`). Stay well below.
pub(crate) const LARGEST_STATUS: usize = 96 * 1024;
/// A substatus' message, in bytes.
const LONGEST_MESSAGE: usize = 1024;
/// Names that a message lists before it says "and 7 more".
const NAMES: usize = 10;

const NAME: &str = "Key Vault";
const OPERATION: &str = "Service start.";
/// The line that the official extension writes, and that people's checks look for.
pub(crate) const STARTED: &str = "Successfully started Key Vault extension service.";

/// The status of the settings that are being served since `applied`.
pub(crate) fn status(report: &Report, applied: SystemTime) -> StatusReport {
    let (state, code) = top(report);
    let mut substatuses: Vec<(CertificateState, Substatus)> =
        report.certificates.iter().map(|one| (one.state, substatus(one))).collect();
    let whole = |substatuses: Vec<Substatus>| StatusReport {
        written: report.written_at.moment(),
        status: Status {
            name: NAME.into(),
            operation: OPERATION.into(),
            applied,
            state,
            code: code.number(),
            message: message(report),
            substatuses,
        },
    };
    let complete = whole(substatuses.iter().map(|(_, one)| one.clone()).collect());
    if complete.to_json().len() <= LARGEST_STATUS {
        return complete;
    }
    order(&mut substatuses, report);
    whole(shortened(substatuses))
}

/// The status of settings that cannot be served, while older ones are, since `applied`.
pub(crate) fn refusal(refusal: &Refusal, report: &Report, applied: SystemTime) -> StatusReport {
    StatusReport {
        written: report.written_at.moment(),
        status: Status {
            name: NAME.into(),
            operation: OPERATION.into(),
            applied,
            state: State::Error,
            code: Code::SettingsRefused.number(),
            message: format!("{}; the previous settings stay in force", refusal.reason),
            substatuses: Vec::new(),
        },
    }
}

/// The status and the heartbeat of a worker that has to end because its settings are wrong.
pub(crate) fn unusable(why: &str, now: SystemTime) -> (StatusReport, Heartbeat) {
    let code = Code::SettingsRefused.number();
    let status = Status {
        name: NAME.into(),
        operation: OPERATION.into(),
        applied: now,
        state: State::Error,
        code,
        message: why.into(),
        substatuses: Vec::new(),
    };
    let beat = Heartbeat { state: HeartbeatState::NotReady, code, message: why.into() };
    (StatusReport { written: now, status }, beat)
}

fn top(report: &Report) -> (State, Code) {
    match report.initial_sync {
        Some(InitialSyncPhase::Pending) => (State::Transitioning, Code::Ok),
        Some(InitialSyncPhase::GaveUp) => (State::Error, Code::InitialSyncGivenUp),
        Some(InitialSyncPhase::Done | InitialSyncPhase::Healed) | None => {
            (State::Success, Code::Ok)
        }
    }
}

/// One sentence after the other, the worst first.
pub(crate) fn message(report: &Report) -> String {
    let all = report.certificates.len();
    let missing: Vec<&CertificateReport> =
        report.certificates.iter().filter(|one| one.version.is_none()).collect();
    let installed = all - missing.len();
    let mut parts = Vec::new();
    let counts = format!("{installed} of {all} certificates installed");
    if missing.is_empty() {
        parts.push(format!("{STARTED} {}", worst_first(report, counts)));
    } else {
        let counts = format!("{counts}; missing: {}", names(&missing));
        let others = worst_first(report, String::new());
        parts.push(if others.is_empty() { counts } else { format!("{counts}; {others}") });
    }
    parts.extend(initial_sync(report.initial_sync));
    if report.initial_sync.is_some_and(|phase| phase != InitialSyncPhase::Done) {
        parts.extend(deadlock_hint(&missing));
    }
    if !report.warnings.is_empty() {
        parts.push(format!(
            "{} in the settings, see the log",
            count(report.warnings.len(), "warning")
        ));
    }
    parts.join(". ")
}

/// What is installed but not as it should be, and then `counts`.
fn worst_first(report: &Report, counts: String) -> String {
    let in_state = |state| {
        let installed = report.certificates.iter().filter(|one| one.version.is_some());
        installed.filter(move |one| one.state == state).collect::<Vec<_>>()
    };
    let all = report.certificates.len();
    let (ending, bad): (Vec<_>, Vec<_>) = in_state(CertificateState::Error)
        .into_iter()
        .partition(|one| one.code == Code::ExpiresSoon.number());
    let odd = in_state(CertificateState::Warning);
    let mut parts = Vec::new();
    if !bad.is_empty() {
        parts.push(format!("{} of {all} no longer of use: {}", bad.len(), names(&bad)));
    }
    if !ending.is_empty() {
        parts.push(format!("{} of {all} about to expire: {}", ending.len(), names(&ending)));
    }
    if !odd.is_empty() {
        parts.push(format!("{} of {all} want attention: {}", odd.len(), names(&odd)));
    }
    parts.extend(Some(counts).filter(|counts| !counts.is_empty()));
    parts.join("; ")
}

fn initial_sync(phase: Option<InitialSyncPhase>) -> Option<String> {
    let text = match phase? {
        InitialSyncPhase::Pending | InitialSyncPhase::Done => return None,
        InitialSyncPhase::GaveUp => {
            "The required first sync was given up after its 25 attempts or 80 minutes; the worker \
             goes on trying"
        }
        InitialSyncPhase::Healed => {
            "The required first sync had been given up before: extensions that depend on this one \
             were skipped and must be deployed again"
        }
    };
    Some(text.into())
}

/// A template that itself grants the access waits for this extension, which waits for the access.
fn deadlock_hint(missing: &[&CertificateReport]) -> Option<String> {
    let permission = [Code::AccessDenied, Code::VaultFirewall, Code::Identity].map(Code::number);
    missing.iter().any(|one| permission.contains(&one.code)).then(|| {
        "If the same template grants this machine's identity access to the vault, the two wait \
         for each other: use a user-assigned identity that has the access before the deployment"
            .into()
    })
}

fn names(certificates: &[&CertificateReport]) -> String {
    let shown: Vec<&str> = certificates.iter().take(NAMES).map(|one| one.name.as_str()).collect();
    match certificates.len().saturating_sub(NAMES) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

fn substatus(one: &CertificateReport) -> Substatus {
    let installed = one.certificate.as_ref().zip(one.version.as_ref()).map(|(leaf, version)| {
        format!("version {version}, valid until {}, {}", leaf.not_after, one.path.display())
    });
    let message = match (&one.problem, installed) {
        (Some(problem), Some(installed)) => format!("{problem} ({installed})"),
        (Some(problem), None) => problem.clone(),
        (None, Some(installed)) => installed,
        (None, None) => "not looked at yet".into(),
    };
    let state = match one.state {
        CertificateState::Pending => State::Transitioning,
        CertificateState::Ok => State::Success,
        CertificateState::Warning => State::Warning,
        CertificateState::Error => State::Error,
    };
    Substatus { name: one.name.clone(), state, code: one.code, message: cut(message) }
}

fn cut(mut message: String) -> String {
    if message.len() > LONGEST_MESSAGE {
        message.truncate(message.floor_char_boundary(LONGEST_MESSAGE - '…'.len_utf8()));
        message.push('…');
    }
    message
}

/// Failing ones first, then those that expire soonest.
fn order(substatuses: &mut Vec<(CertificateState, Substatus)>, report: &Report) {
    let ends = |one: &CertificateReport| one.certificate.as_ref().map(|leaf| leaf.not_after);
    let taken = std::mem::take(substatuses);
    let mut keyed: Vec<_> = taken.into_iter().zip(report.certificates.iter().map(ends)).collect();
    keyed.sort_by_key(|((state, _), ends)| (std::cmp::Reverse(*state), ends.is_none(), *ends));
    *substatuses = keyed.into_iter().map(|(one, _)| one).collect();
}

/// As many as fit, and what is said of the rest together.
fn shortened(ordered: Vec<(CertificateState, Substatus)>) -> Vec<Substatus> {
    const ROOM_FOR_THE_REST: usize = 4 * 1024;
    const FRAME: usize = 8 * 1024;
    const SHAPE_OF_ONE: usize = 128;
    let mut used = FRAME + ROOM_FOR_THE_REST;
    let mut shown = Vec::new();
    let mut rest = [0_usize; 4];
    for (state, one) in ordered {
        // Escaping at worst makes six characters of one.
        let escaped = |text: &str| serde_json_length(text);
        used += escaped(&one.name) + escaped(&one.message) + SHAPE_OF_ONE;
        match used <= LARGEST_STATUS {
            true => shown.push(one),
            false => rest[state as usize] += 1,
        }
    }
    let summaries = [
        (CertificateState::Error, State::Error, "more that failed"),
        (CertificateState::Warning, State::Warning, "more that want attention"),
        (CertificateState::Pending, State::Transitioning, "more not looked at yet"),
        (CertificateState::Ok, State::Success, "more in order"),
    ];
    for (index, state, name) in summaries {
        let number = rest[index as usize];
        if number > 0 {
            let message = format!("{}; report.json lists each", count(number, "certificate"));
            shown.push(Substatus { name: name.into(), state, code: 0, message });
        }
    }
    shown
}

/// The bytes of a text as a JSON string, at most.
fn serde_json_length(text: &str) -> usize {
    let of = |character: char| match character {
        '"' | '\\' => 2,
        character if character.is_control() => 6,
        character => character.len_utf8(),
    };
    text.chars().map(of).sum()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use worker_state::{InstalledCertificate, WorkerReport};

    use super::*;

    fn certificate(name: &str, state: CertificateState, days: u64) -> CertificateReport {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(days * 24 * 3600);
        let leaf = InstalledCertificate {
            subject: "CN=x".into(),
            issuer: "CN=ca".into(),
            serial: "01".into(),
            not_before: at.into(),
            not_after: at.into(),
            installed_at: at.into(),
        };
        let there = !matches!(state, CertificateState::Pending | CertificateState::Error);
        CertificateReport {
            name: name.into(),
            url: format!("https://contoso.vault.azure.net/secrets/{name}"),
            path: format!("/store/{name}").into(),
            state,
            code: if state == CertificateState::Error { 20 } else { 0 },
            version: there.then(|| "0".repeat(32)),
            certificate: there.then_some(leaf),
            outputs: Vec::new(),
            used_by: Vec::new(),
            last_change: None,
            held_version: None,
            reaction_pending: false,
            problem: (state != CertificateState::Ok && state != CertificateState::Pending)
                .then(|| "\"\u{7}\\ä".repeat(400)),
            failures: 0,
            last_success_at: None,
            next_attempt_at: None,
        }
    }

    fn report(certificates: Vec<CertificateReport>) -> Report {
        Report {
            report_version: Report::VERSION,
            written_at: SystemTime::UNIX_EPOCH.into(),
            worker: WorkerReport {
                pid: 1,
                version: "1.0.0".into(),
                started_at: SystemTime::UNIX_EPOCH.into(),
                sequence_number: Some(1),
            },
            initial_sync: None,
            passes: 1,
            asked_passes: 0,
            last_pass_at: None,
            next_pass_at: None,
            warnings: Vec::new(),
            certificates,
        }
    }

    #[test]
    fn each_certificate_has_a_substatus_in_the_settings_order() {
        let certificates = vec![
            certificate("b", CertificateState::Ok, 9),
            certificate("a", CertificateState::Error, 9),
        ];
        let status = status(&report(certificates), SystemTime::UNIX_EPOCH).status;
        let names: Vec<&str> = status.substatuses.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["b", "a"]);
        assert_eq!(status.substatuses[1].code, 20);
        assert!(status.substatuses.iter().all(|one| one.message.len() <= LONGEST_MESSAGE));
        assert_eq!(status.message, "1 of 2 certificates installed; missing: a");
    }

    #[test]
    fn a_status_of_ten_thousand_stays_within_the_limit_worst_and_soonest_first() {
        let states = [CertificateState::Ok, CertificateState::Warning, CertificateState::Error];
        for worst in states {
            let of = |number: usize| {
                let state = if number.is_multiple_of(1000) { worst } else { CertificateState::Ok };
                certificate(&format!("contoso.c{number}"), state, 20_000 - number as u64)
            };
            let report = report((0..10_000).map(of).collect());
            let status = status(&report, SystemTime::UNIX_EPOCH);
            let length = status.to_json().len();
            assert!(length <= LARGEST_STATUS && length > LARGEST_STATUS / 2, "{length}");
            let shown = &status.status.substatuses;
            let worst_first = matches!(shown[0].state, State::Error | State::Warning);
            assert_eq!(worst_first, worst != CertificateState::Ok);
            let last = shown.last().unwrap();
            assert!(last.name == "more in order" && last.message.contains("report.json"));
            let fine: Vec<&str> = shown
                .iter()
                .filter(|one| one.name.starts_with("contoso"))
                .map(|one| one.name.as_str())
                .collect();
            let soonest = if worst == CertificateState::Ok { 0 } else { 10 };
            assert_eq!(fine[soonest], "contoso.c9999");
        }
    }

    #[test]
    fn ten_thousand_that_all_fail_are_told_within_the_limit() {
        let of = |number: usize| certificate(&format!("c{number}"), CertificateState::Error, 1);
        let status = status(&report((0..10_000).map(of).collect()), SystemTime::UNIX_EPOCH);
        assert!(status.to_json().len() <= LARGEST_STATUS);
        assert!(
            status.status.message.ends_with("c8, c9 and 9990 more"),
            "{}",
            status.status.message
        );
    }

    #[test]
    fn a_missing_certificate_does_not_hide_an_expired_one() {
        let mut expired = certificate("old", CertificateState::Ok, 1);
        expired.state = CertificateState::Error;
        let gone = certificate("gone", CertificateState::Error, 1);
        let text = message(&report(vec![expired, gone]));
        let expected = "1 of 2 certificates installed; missing: gone; 1 of 2 no longer of use: old";
        assert_eq!(text, expected);
    }

    #[test]
    fn success_keeps_the_line_that_checks_look_for() {
        let text = message(&report(vec![certificate("a", CertificateState::Ok, 1)]));
        assert_eq!(text, format!("{STARTED} 1 of 1 certificates installed"));
    }
}
