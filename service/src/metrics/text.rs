//! The metrics as text (Prometheus, "Exposition formats", text format 0.0.4). Pure.

use std::fmt::Write;

use worker_state::{CertificateReport, CertificateState, Report, Timestamp};

/// What a metric says of one certificate, or nothing.
type Value = fn(&CertificateReport) -> Option<i64>;

/// Each metric of a certificate: its name, its help, its value.
const OF_CERTIFICATES: [(&str, &str, Value); 9] = [
    (
        "akvvm_certificate_not_after_timestamp_seconds",
        "Last moment of the installed certificate's validity.",
        |one| one.certificate.as_ref().map(|leaf| seconds(leaf.not_after)),
    ),
    (
        "akvvm_certificate_not_before_timestamp_seconds",
        "First moment of the installed certificate's validity.",
        |one| one.certificate.as_ref().map(|leaf| seconds(leaf.not_before)),
    ),
    ("akvvm_certificate_installed", "1 where a version is installed.", |one| {
        Some(one.version.is_some().into())
    }),
    (
        "akvvm_certificate_state",
        "0 in order, 1 not looked at yet, 2 wants attention, 3 failed or no longer of use.",
        |one| {
            Some(match one.state {
                CertificateState::Ok => 0,
                CertificateState::Pending => 1,
                CertificateState::Warning => 2,
                CertificateState::Error => 3,
            })
        },
    ),
    ("akvvm_certificate_status_code", "Status code, as docs/status-codes.md has it.", |one| {
        Some(one.code.into())
    }),
    (
        "akvvm_certificate_last_success_timestamp_seconds",
        "When the vault last answered for it and all was in order.",
        |one| one.last_success_at.map(seconds),
    ),
    ("akvvm_certificate_failures", "Failed tries in a row.", |one| Some(one.failures.into())),
    (
        "akvvm_certificate_reaction_pending",
        "1 while its consumers have yet to take up what is installed.",
        |one| Some(one.reaction_pending.into()),
    ),
    ("akvvm_certificate_held", "1 where a version that the vault offers stays outside.", |one| {
        Some(one.held_version.is_some().into())
    }),
];

/// Everything, ending in a newline.
pub(super) fn text(report: &Report, requests: &[(String, &'static str, u64)]) -> String {
    let mut text = String::new();
    let version = label(&report.worker.version);
    family(&mut text, "akvvm_info", "gauge", "The worker's version.");
    let _ = writeln!(text, "akvvm_info{{version=\"{version}\"}} 1");
    family(&mut text, "akvvm_passes_total", "counter", "Passes since the worker started.");
    let _ = writeln!(text, "akvvm_passes_total {}", report.passes);
    if let Some(last) = report.last_pass_at {
        let name = "akvvm_last_pass_timestamp_seconds";
        family(&mut text, name, "gauge", "When the last pass ended.");
        let _ = writeln!(text, "{name} {}", seconds(last));
    }
    for (name, help, value) in OF_CERTIFICATES {
        family(&mut text, name, "gauge", help);
        for one in &report.certificates {
            if let Some(value) = value(one) {
                let path = label(&one.path.display().to_string());
                let link = label(&one.name);
                let _ = writeln!(text, "{name}{{certificate=\"{link}\",path=\"{path}\"}} {value}");
            }
        }
    }
    let name = "akvvm_vault_requests_total";
    family(&mut text, name, "counter", "Requests for secrets, by vault and outcome.");
    for (vault, outcome, number) in requests {
        let vault = label(vault);
        let _ = writeln!(text, "{name}{{vault=\"{vault}\",outcome=\"{outcome}\"}} {number}");
    }
    text
}

fn family(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn seconds(at: Timestamp) -> i64 {
    let since = at.moment().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// A label's value: backslash, quote and newline are escaped.
fn label(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::report;

    #[test]
    fn every_family_is_described_and_documented() {
        let text = text(&report(), &[("contoso.vault.azure.net".into(), "ok", 3)]);
        let page = include_str!("../../../docs/metrics.md");
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let name = line.split(['{', ' ']).next().unwrap();
            assert!(text.contains(&format!("# TYPE {name} ")), "{line}");
            assert!(page.contains(&format!("`{name}`")), "docs/metrics.md lacks {name}");
        }
        let expires = "akvvm_certificate_not_after_timestamp_seconds\
                       {certificate=\"contoso.web\",path=\"/store/contoso.web\"} 1807776000\n";
        assert!(text.contains(expires), "{text}");
        let requests =
            "akvvm_vault_requests_total{vault=\"contoso.vault.azure.net\",outcome=\"ok\"} 3\n";
        assert!(text.ends_with(requests), "{text}");
    }

    #[test]
    fn names_cannot_break_the_format() {
        assert_eq!(label("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}
