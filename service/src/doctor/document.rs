//! What was found, for machines: `schema/doctor.schema.json`. Pure.

use keyvault_client::Fault;
use serde_json::{Value, json};

use super::finding::{Finding, Section, Stop, Subject};
use crate::validate::{Reading, remarks, source};

/// The whole document. Without settings that can be served there are no sections.
pub(super) fn document(reading: &Reading, sections: &[Section], stops: &[Stop]) -> Value {
    let failed = sections.iter().any(|section| section.stop().is_some());
    json!({
        "doctorVersion": 1,
        "source": source(reading),
        "ok": reading.problems.is_empty() && !failed,
        "problems": remarks(&reading.problems),
        "warnings": remarks(&reading.warnings),
        "sections": sections.iter().map(section).collect::<Vec<_>>(),
        "stops": stops.iter().map(stop).collect::<Vec<_>>(),
    })
}

fn section(section: &Section) -> Value {
    json!({
        "subject": subject(&section.subject),
        "steps": section.findings.iter().map(finding).collect::<Vec<_>>(),
    })
}

fn subject(subject: &Subject) -> Value {
    let (kind, name, url) = match subject {
        Subject::Machine => ("machine", None, None),
        Subject::Identity(identity) => ("identity", Some(identity.clone()), None),
        Subject::Vault(host) => ("vault", Some(host.clone()), None),
        Subject::Store(path) => ("store", Some(path.display().to_string()), None),
        Subject::Certificate { name, url } => ("certificate", Some(name.clone()), Some(url)),
    };
    json!({ "kind": kind, "name": name, "url": url })
}

fn finding(finding: &Finding) -> Value {
    json!({
        "step": finding.step.word(),
        "verdict": finding.verdict.word(),
        "text": finding.text,
        "details": finding.details,
        "fault": finding.blame.map(|(fault, _)| word(fault)),
        "code": finding.blame.map(|(_, code)| code.number()),
    })
}

fn word(fault: Fault) -> &'static str {
    match fault {
        Fault::Customer => "customer",
        Fault::Access => "access",
        Fault::Azure => "azure",
        Fault::Network => "network",
        Fault::Host => "host",
    }
}

fn stop(stop: &Stop) -> Value {
    json!({
        "certificate": stop.name,
        "step": stop.step.word(),
        "at": subject(&stop.at),
    })
}
