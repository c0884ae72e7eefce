//! How one certificate stands, in a word, a code and a sentence. Pure.

use std::time::SystemTime;

use crate::code::Code;
use crate::failure::Failure;
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
    pub(crate) fn standing(&self, now: SystemTime) -> (Standing, Code, Option<String>) {
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
            (None, true) => match self.remarks.first() {
                None => (Standing::Fine, Code::Ok, None),
                Some(first) => {
                    let texts: Vec<&str> = self.remarks.iter().map(|r| r.text.as_str()).collect();
                    (Standing::Attention, first.code, Some(texts.join("; ")))
                }
            },
        }
    }

    /// When it expired, in a sentence, where that is over.
    pub(crate) fn expired(&self, now: SystemTime) -> Option<String> {
        let certificate = self.record.as_ref()?.certificate.as_ref()?;
        let is_over = self.present && now > certificate.not_after.moment();
        is_over.then(|| format!("the installed certificate expired at {}", certificate.not_after))
    }
}
