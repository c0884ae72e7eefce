//! The report, made of the roster. Pure.

use std::time::SystemTime;

use extension_settings::Expiry;
use worker_state::{CertificateReport, CertificateState, Report, Timestamp, WorkerReport};

use crate::delivery::hold;
use crate::moment::Moment;
use crate::roster::{Entry, Roster};
use crate::standing::Standing;

/// What a report says beside the certificates.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) worker: WorkerReport,
    pub(crate) warnings: Vec<String>,
    pub(crate) passes: u64,
    /// Those of them that somebody asked for.
    pub(crate) asked_passes: u64,
    pub(crate) last_pass: Option<SystemTime>,
    /// How little of a certificate's lifetime may be left before people are told.
    pub(crate) expiry: Expiry,
}

/// How everything stands at `now`.
pub(crate) fn report(roster: &Roster, frame: &Frame, now: Moment) -> Report {
    let certificates =
        roster.entries().iter().map(|entry| certificate(entry, frame.expiry, now)).collect();
    Report {
        report_version: Report::VERSION,
        written_at: now.wall.into(),
        worker: frame.worker.clone(),
        initial_sync: roster.initial_sync().phase(),
        passes: frame.passes,
        asked_passes: frame.asked_passes,
        last_pass_at: frame.last_pass.map(Timestamp::from),
        next_pass_at: Some(now.wall_at(roster.next_look()).into()),
        warnings: frame.warnings.clone(),
        certificates,
    }
}

fn certificate(entry: &Entry, expiry: Expiry, now: Moment) -> CertificateReport {
    let (standing, code, problem) = entry.standing(expiry, now.wall);
    let record = entry.record.as_deref().filter(|_| entry.present);
    let delivery = &entry.target.delivery;
    CertificateReport {
        name: entry.target.name().to_owned(),
        url: entry.target.id.to_string(),
        path: entry.target.link(),
        state: match standing {
            Standing::Waiting => CertificateState::Pending,
            Standing::Fine => CertificateState::Ok,
            Standing::Attention => CertificateState::Warning,
            Standing::Bad => CertificateState::Error,
        },
        code: code.number(),
        version: record.and_then(|record| Some(record.active.as_ref()?.version.clone())),
        certificate: record.and_then(|record| record.certificate.clone()),
        outputs: delivery.outputs.iter().map(|output| output.path().to_owned()).collect(),
        used_by: delivery.actions.iter().map(ToString::to_string).collect(),
        last_change: record.and_then(|record| record.history.last().cloned()),
        held_version: record.and_then(hold::held_version),
        reaction_pending: record.is_some_and(|record| record.delivery.reaction.is_some()),
        problem,
        failures: entry.failures,
        last_success_at: entry.last_success.map(Timestamp::from),
        next_attempt_at: Some(now.wall_at(entry.next).into()),
    }
}
