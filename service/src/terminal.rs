//! What a person at a terminal reads.

use std::fmt::Write as _;
use std::io::Write as _;

use worker_state::{CertificateReport, CertificateState, Report};

/// Prints an answer. A reader that has gone (`| head`) is no trouble.
pub(crate) fn say(text: &str) {
    let mut output = std::io::stdout().lock();
    let _ = output.write_all(text.as_bytes()).and_then(|()| output.flush());
}

/// Prints a complaint.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "akvvm_service: {text}");
}

/// Prints how all certificates stand: a line each, aligned, and what is wrong below it.
pub(crate) fn summary(report: &Report) {
    let mut text = String::new();
    let width = |part: fn(&CertificateReport) -> usize| {
        report.certificates.iter().map(part).max().unwrap_or_default()
    };
    let names = width(|one| one.name.chars().count());
    let versions = width(|one| one.version.as_ref().map_or(1, |version| version.len()));
    for one in &report.certificates {
        let version = one.version.as_deref().unwrap_or("-");
        let until = one.certificate.as_ref().map(|leaf| format!("until {}  ", leaf.not_after));
        let until = until.unwrap_or_default();
        let path = one.path.display();
        let word = word(one.state);
        let _ = writeln!(text, "{word:8} {:names$}  {version:versions$}  {until}{path}", one.name);
        if let Some(problem) = &one.problem {
            let _ = writeln!(text, "         {problem} (code {})", one.code);
        }
    }
    let in_order = report.certificates.iter().filter(|one| one.version.is_some()).count();
    let _ = writeln!(text, "{in_order} of {} certificates installed", report.certificates.len());
    say(&text);
}

/// How a certificate stands, in a word.
pub(crate) fn word(state: CertificateState) -> &'static str {
    match state {
        CertificateState::Pending => "waiting",
        CertificateState::Ok => "ok",
        CertificateState::Warning => "warning",
        CertificateState::Error => "error",
    }
}
