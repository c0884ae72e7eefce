//! What a person at a terminal reads.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is the terminal")]

use worker_state::{CertificateReport, CertificateState, Report};

/// Prints an answer.
pub(crate) fn say(text: &str) {
    print!("{text}");
}

/// Prints a complaint.
pub(crate) fn complain(text: &str) {
    eprintln!("akvvm_service: {text}");
}

/// Prints how all certificates stand: a line each, aligned, and what is wrong below it.
pub(crate) fn summary(report: &Report) {
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
        println!("{word:8} {:names$}  {version:versions$}  {until}{path}", one.name);
        if let Some(problem) = &one.problem {
            println!("         {problem} (code {})", one.code);
        }
    }
    let in_order = report.certificates.iter().filter(|one| one.version.is_some()).count();
    println!("{in_order} of {} certificates installed", report.certificates.len());
}

fn word(state: CertificateState) -> &'static str {
    match state {
        CertificateState::Pending => "waiting",
        CertificateState::Ok => "ok",
        CertificateState::Warning => "warning",
        CertificateState::Error => "error",
    }
}
