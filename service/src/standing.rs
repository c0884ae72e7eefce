//! How one certificate stands, in a word, a code and a sentence. Pure.

use std::time::SystemTime;

use extension_settings::Expiry;
use worker_state::{CertificateRecord, FileRecord};

use crate::code::Code;
use crate::delivery::hold;
use crate::failure::Failure;
use crate::outcome::Remark;
use crate::record;
use crate::roster::Entry;

/// How one certificate stands, in the order in which people want to hear of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    Waiting,
    Fine,
    Attention,
    Bad,
}

impl Entry {
    /// How it stands at `now`, and why.
    pub(crate) fn standing(
        &self,
        expiry: Expiry,
        now: SystemTime,
    ) -> (Standing, Code, Option<String>) {
        let told = |failure: &Failure| (failure.code, Some(failure.public.clone()));
        if let Some(expired) = self.expired(now) {
            let also = self.failure.as_ref().map(|failure| format!("; {}", failure.public));
            let text = format!("{expired}{}", also.unwrap_or_default());
            let standing = if self.never_valid() { Standing::Attention } else { Standing::Bad };
            return (standing, Code::NotValid, Some(text));
        }
        match (&self.failure, self.present) {
            (Some(failure), false) => {
                let (code, text) = told(failure);
                (Standing::Bad, code, text)
            }
            (None, false) => (Standing::Waiting, Code::Ok, None),
            (_, true) => self.in_use(expiry, now),
        }
    }

    /// How it stands while it is installed. A vault that refuses hides neither an end that comes
    /// nearer, of which it may be the cause, nor consumers that have not been told yet.
    fn in_use(&self, expiry: Expiry, now: SystemTime) -> (Standing, Code, Option<String>) {
        let mut standing = Standing::Attention;
        let mut attention = self.attention();
        if let Some((severity, remark)) = self.expires_soon(expiry, now) {
            let is_first = severity == Standing::Bad || self.failure.is_none();
            attention.insert(usize::from(!is_first), remark);
            standing = severity;
        }
        let Some(first) = attention.first() else { return (Standing::Fine, Code::Ok, None) };
        let texts: Vec<&str> = attention.iter().map(|remark| remark.text.as_str()).collect();
        (standing, first.code, Some(texts.join("; ")))
    }

    /// Whether so little is left of its lifetime that somebody should look why the vault has no
    /// newer version.
    fn expires_soon(&self, expiry: Expiry, now: SystemTime) -> Option<(Standing, Remark)> {
        let certificate = self.record.as_ref()?.certificate.as_ref()?;
        let (begins, ends) = (certificate.not_before.moment(), certificate.not_after.moment());
        let (lifetime, left) = (ends.duration_since(begins).ok()?, ends.duration_since(now).ok()?);
        let is_below = |percent: u8| left.as_secs() < lifetime.as_secs() / 100 * u64::from(percent);
        let standing = match () {
            () if is_below(expiry.error_percent) => Standing::Bad,
            () if is_below(expiry.warning_percent) => Standing::Attention,
            () => return None,
        };
        let text = format!(
            "the certificate expires at {}, and no newer version is in use; see to its renewal in \
             the vault",
            certificate.not_after
        );
        Some((standing, Remark { code: Code::ExpiresSoon, text }))
    }

    /// What people are to know of it, the most important first.
    fn attention(&self) -> Vec<Remark> {
        let record = self.record.as_deref();
        let failed = self.failure.as_ref();
        // What the last look found that did not fail is no longer what one would find.
        let remarks = self.remarks.iter().filter(|_| failed.is_none()).cloned();
        let failed =
            failed.map(|failure| Remark { code: failure.code, text: failure.public.clone() });
        let held = record.and_then(hold::remark);
        let told = record.and_then(reaction_remark);
        let taken_over = record.map(differing_remarks).into_iter().flatten();
        failed.into_iter().chain(told).chain(held).chain(remarks).chain(taken_over).collect()
    }

    pub(crate) fn expired(&self, now: SystemTime) -> Option<String> {
        let certificate = self.record.as_ref()?.certificate.as_ref()?;
        let is_over = self.present && now > certificate.not_after.moment();
        is_over.then(|| {
            let ended = certificate.not_after;
            format!(
                "the installed certificate expired at {ended}; if this machine's clock is right, \
                 issue a new version in the vault"
            )
        })
    }

    /// Was it over before it came here? Then nothing has ended: it is what the vault had at first.
    fn never_valid(&self) -> bool {
        let certificate = self.record.as_ref().and_then(|record| record.certificate.as_ref());
        certificate.is_some_and(|one| one.installed_at.moment() > one.not_after.moment())
    }
}

/// What is said while consumers have not taken up what is installed.
pub(crate) fn reaction_remark(record: &CertificateRecord) -> Option<Remark> {
    let due = record.delivery.reaction.as_ref()?;
    let problem = due.problem.as_ref()?;
    let text = format!(
        "its consumers have not taken up version {}: {problem}; they are told again at {} \
         (failed {} times since {})",
        record::active_version(record),
        due.next_attempt_at,
        due.attempts,
        due.since
    );
    Some(Remark { code: Code::ReactionFailed, text })
}

/// What is said as long as files are in use that another program wrote, and that are not quite what
/// the vault hands out.
pub(crate) fn differing_remarks(record: &CertificateRecord) -> Vec<Remark> {
    let active = record::active_version(record);
    let in_use = record
        .files
        .iter()
        .filter(|file| file.differs && file.superseded_at.is_none() && file.version == active);
    let remark = |file: &FileRecord| {
        let text = format!(
            "{:?} was there already with the right key but other certificates than the vault hands \
             out; it stays until the next version",
            record.store.join(&file.name)
        );
        Remark { code: Code::OtherCertificates, text }
    };
    in_use.map(remark).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use worker_state::{HeldRecord, ReactionRecord};

    use super::*;
    use crate::initial_sync::InitialSync;
    use crate::memory_vault::DAY;
    use crate::moment::Moment;
    use crate::run::Worker;
    use crate::simulation::{dawn, installed, refused, worker};

    /// A certificate that is installed on the first of its 90 days, with this done to it then.
    fn standing_after(
        days: u32,
        change: impl FnOnce(&mut Worker, Moment),
    ) -> (Standing, Code, String) {
        let now = Moment { wall: dawn(), steady: Duration::ZERO };
        let mut worker = worker(&["web"], InitialSync::NotRequired);
        worker.roster.note(0, installed("contoso.web", now), now);
        change(&mut worker, now);
        let entry = &worker.roster.entries()[0];
        let (standing, code, text) = entry.standing(Expiry::default(), dawn() + days * DAY);
        (standing, code, text.unwrap_or_default())
    }

    fn refuse(worker: &mut Worker, now: Moment) {
        worker.roster.note(0, refused(true), now);
    }

    #[test]
    fn an_end_that_comes_nearer_is_told_first_as_a_warning_then_as_an_error() {
        let after = |days| standing_after(days, |_, _| {});
        assert_eq!(after(60), (Standing::Fine, Code::Ok, String::new()));
        assert_eq!((after(64).0, after(64).1), (Standing::Attention, Code::ExpiresSoon));
        assert_eq!((after(82).0, after(82).1), (Standing::Bad, Code::ExpiresSoon));
        assert_eq!((after(91).0, after(91).1), (Standing::Bad, Code::NotValid));
    }

    #[test]
    fn what_had_expired_before_it_was_first_installed_is_a_warning() {
        let late = |worker: &mut Worker, _: Moment| {
            let now = Moment { wall: dawn() + 91 * DAY, steady: Duration::ZERO };
            worker.roster.note(0, installed("contoso.web", now), now);
        };
        let (standing, code, text) = standing_after(92, late);
        assert_eq!((standing, code), (Standing::Attention, Code::NotValid));
        assert!(text.ends_with("issue a new version in the vault"), "{text}");
    }

    #[test]
    fn a_vault_that_refuses_does_not_hide_an_end_that_comes_nearer() {
        let (standing, code, text) = standing_after(64, refuse);
        assert_eq!((standing, code), (Standing::Attention, Code::AccessDenied));
        assert!(text.starts_with("the vault said no; the certificate expires at"), "{text}");
        let (standing, code, text) = standing_after(82, refuse);
        assert_eq!((standing, code), (Standing::Bad, Code::ExpiresSoon));
        assert!(text.contains("expires at") && text.ends_with("; the vault said no"), "{text}");
    }

    #[test]
    fn a_file_that_was_taken_over_with_other_certificates_is_told_until_it_is_left_behind() {
        let after = |superseded_at: Option<worker_state::Timestamp>| {
            standing_after(1, |worker, now| {
                let known = installed("contoso.web", now).record.unwrap();
                let mut record = Arc::unwrap_or_clone(known);
                record.files.push(FileRecord {
                    name: "contoso.web.v1".into(),
                    version: "v1".into(),
                    digest: "d".into(),
                    superseded_at,
                    adopted: true,
                    differs: true,
                    prepared: false,
                });
                worker.roster.note_record(0, record, now);
            })
        };
        let (standing, code, text) = after(None);
        assert_eq!((standing, code), (Standing::Attention, Code::OtherCertificates));
        assert!(text.starts_with("\"/store/contoso.web.v1\" was there already"), "{text}");
        assert_eq!(after(Some(dawn().into())).0, Standing::Fine);
    }

    #[test]
    fn a_vault_that_refuses_does_not_hide_consumers_that_have_not_taken_it_up() {
        let (_, code, text) = standing_after(1, |worker, now| {
            let mut record = Arc::unwrap_or_clone(installed("contoso.web", now).record.unwrap());
            record.delivery.reaction = Some(ReactionRecord {
                reason: "rotated".into(),
                since: now.wall.into(),
                attempts: 3,
                next_attempt_at: now.wall.into(),
                problem: Some("nginx would not".into()),
            });
            record.delivery.held.push(HeldRecord {
                version: "v2".into(),
                because: "the check refused it".into(),
                since: now.wall.into(),
                attempts: 1,
                retry_at: None,
            });
            worker.roster.note_record(0, record, now);
            refuse(worker, now);
        });
        assert_eq!(code, Code::AccessDenied);
        for words in ["the vault said no", "nginx would not", "version v2 is held"] {
            assert!(text.contains(words), "{text}");
        }
    }
}
