//! How one certificate stands, in a word, a code and a sentence. Pure.

use std::time::SystemTime;

use extension_settings::Expiry;
use worker_state::CertificateRecord;

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
            return (Standing::Bad, Code::NotValid, Some(text));
        }
        match (&self.failure, self.present) {
            (Some(failure), false) => {
                let (code, text) = told(failure);
                (Standing::Bad, code, text)
            }
            (Some(failure), true) => {
                let (code, text) = told(failure);
                (Standing::Attention, code, text)
            }
            (None, false) => (Standing::Waiting, Code::Ok, None),
            (None, true) => self.in_use(expiry, now),
        }
    }

    /// How it stands while nothing fails.
    fn in_use(&self, expiry: Expiry, now: SystemTime) -> (Standing, Code, Option<String>) {
        let mut standing = Standing::Attention;
        let mut attention = self.attention();
        if let Some((severity, remark)) = self.expires_soon(expiry, now) {
            standing = severity;
            attention.insert(0, remark);
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
        let held = record.and_then(hold::remark);
        let told = record.and_then(reaction_remark);
        told.into_iter().chain(held).chain(self.remarks.iter().cloned()).collect()
    }

    pub(crate) fn expired(&self, now: SystemTime) -> Option<String> {
        let certificate = self.record.as_ref()?.certificate.as_ref()?;
        let is_over = self.present && now > certificate.not_after.moment();
        is_over.then(|| format!("the installed certificate expired at {}", certificate.not_after))
    }
}

/// What is said while consumers have not taken up what is installed.
fn reaction_remark(record: &CertificateRecord) -> Option<Remark> {
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
