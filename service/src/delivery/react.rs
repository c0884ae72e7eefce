//! After the switch: consumers are told, and what they show is verified. A version that does not
//! work for them is taken back; what cannot be taken back is told again until it works.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::SystemTime;

use cert_store::CertificateStore;
use certified_key::Content;
use reaction::{Change, Effect, Occasion, Verification, coalesce};
use worker_state::{CertificateRecord, EventRecord, ReactionRecord};

use super::consumers;
use super::roll_back::{self, NoWayBack, Refusal};
use crate::ground::Ground;
use crate::hands::side_by_side;
use crate::item::{Item, News};
use crate::{record, schedule};

/// What of each certificate was told, and what consumers made of it.
type Answers = BTreeMap<usize, Result<(), String>>;

/// Services told or looked at at once: each may take as long as its time limit.
const AT_ONCE: usize = 8;

/// Tells the consumers of every item whose reaction is due.
pub(crate) fn react<S: CertificateStore>(
    items: &mut [Item],
    ground: &Ground<'_, S>,
    now: SystemTime,
    tell: &(dyn Fn(News) + Sync),
) {
    let due: Vec<usize> = (0..items.len()).filter(|&at| is_due(&items[at])).collect();
    let is_half = |at: &usize| items[*at].record.as_ref().is_some_and(|it| it.delivery.switching);
    let (half, due): (Vec<usize>, Vec<usize>) = due.into_iter().partition(is_half);
    let mut round = Round { items, ground, now, tell };
    for at in half {
        // Whoever reads its files now may get a key that does not fit its certificate.
        round.postpone(at, "not all of its files could be put in place yet");
    }
    let mut taken_back = Vec::new();
    for (at, answer) in round.ask(&due) {
        match answer {
            Ok(()) => round.settle(at),
            Err(why) => match round.take_back(at, &why, taken_back.len()) {
                Ok(()) => taken_back.push(at),
                Err(instead) => round.postpone(at, &format!("{why}{instead}")),
            },
        }
    }
    for (at, answer) in round.ask(&taken_back) {
        match answer {
            Ok(()) => round.settle(at),
            Err(why) => round.postpone(at, &format!("after the rollback, too: {why}")),
        }
    }
}

fn is_due(item: &Item) -> bool {
    item.reacts && item.record.as_ref().is_some_and(|record| record.delivery.reaction.is_some())
}

struct Round<'a, 'g, S> {
    items: &'a mut [Item],
    ground: &'a Ground<'g, S>,
    /// Later than the pass began by as long as consumers took to answer.
    now: SystemTime,
    tell: &'a (dyn Fn(News) + Sync),
}

impl<S: CertificateStore> Round<'_, '_, S> {
    /// Does everything that the items at `due` ask for, each action once, side by side; then looks
    /// at what their services show.
    fn ask(&mut self, due: &[usize]) -> Answers {
        let mut answers: Answers = due.iter().map(|&at| (at, Ok(()))).collect();
        let wanted = due.iter().flat_map(|&at| {
            let actions = self.items[at].target.delivery.actions.iter();
            actions.map(move |action| (action.clone(), at))
        });
        let merged = coalesce(wanted);
        let done = side_by_side(&merged, AT_ONCE, "react", |(action, asked)| {
            self.ground.consumers.react(action, &self.occasion(asked))
        });
        // Of whom nothing that would have to read the certificate anew runs.
        let mut idle: BTreeSet<usize> =
            merged.iter().flat_map(|(_, asked)| asked.iter().copied()).collect();
        for ((_, asked), result) in merged.iter().zip(done) {
            match result {
                Ok(Effect::NotRunning) => {}
                Ok(Effect::Done) => asked.iter().for_each(|at| _ = idle.remove(at)),
                Err(why) => asked.iter().for_each(|at| complain(&mut answers, *at, why.clone())),
            }
        }
        let told: Vec<usize> =
            answers.iter().filter(|(_, answer)| answer.is_ok()).map(|(at, _)| *at).collect();
        let looked =
            side_by_side(&told, AT_ONCE, "verify", |&at| self.verify(at, idle.contains(&at)));
        for (at, result) in told.iter().zip(looked) {
            if let Err(why) = result {
                complain(&mut answers, *at, why);
            }
        }
        self.now = self.ground.consumers.answered_at(self.now);
        answers
    }

    /// Where the units that use it do not run, it is enough that nobody shows another.
    fn verify(&self, at: usize, is_idle: bool) -> Result<(), String> {
        let item = &self.items[at];
        let verifications = &item.target.delivery.verifications;
        if verifications.is_empty() {
            return Ok(());
        }
        let Some(Content::Certificate(key)) = self.installed(item) else {
            return Err("the installed certificate cannot be read back to compare it".into());
        };
        let leaf = key.leaf().der();
        let consumers = self.ground.consumers;
        let has_to_show = |one: &&Verification| !(is_idle && consumers.nobody_listens(one));
        verifications.iter().filter(has_to_show).try_for_each(|one| consumers.verify(one, leaf))
    }

    fn installed(&self, item: &Item) -> Option<Content> {
        let ledger = record::ledger(item.record.as_deref());
        let active = ledger.active.as_ref()?;
        self.ground.store.recall(&item.target.place, active, &ledger).ok().flatten()
    }

    fn occasion(&self, asked: &[usize]) -> Occasion {
        Occasion { changes: asked.iter().filter_map(|&at| change(&self.items[at])).collect() }
    }

    /// Its consumers have taken it up.
    fn settle(&mut self, at: usize) {
        let Some(mut record) = self.record(at) else { return };
        let version = record::active_version(&record).to_owned();
        // What is in use is not held; what was gone back from still is.
        record.delivery.held.retain(|held| !held.version.eq_ignore_ascii_case(&version));
        record.delivery.reaction = None;
        record.tell(record::told("reacted", &version, self.now));
        self.note(at, record, Ok(()));
    }

    /// It is told again later, until its consumers take it up.
    fn postpone(&mut self, at: usize, why: &str) {
        let Some(mut record) = self.record(at) else { return };
        let version = record::active_version(&record).to_owned();
        if let Some(due) = record.delivery.reaction.take() {
            let attempts = due.attempts.saturating_add(1);
            let delay = schedule::retry_delay(attempts, self.ground.interval, None, 1.0);
            let next_attempt_at = (self.now + delay).into();
            let problem = Some(why.to_owned());
            record.delivery.reaction =
                Some(ReactionRecord { attempts, next_attempt_at, problem, ..due });
        }
        let detail = Some(why.to_owned());
        let event = record::told("reactionFailed", &version, self.now);
        record.tell(EventRecord { detail, ..event });
        self.note(at, record, Err(why.to_owned()));
    }

    /// Goes back to the version before, if there is a way; so many `others` went before it.
    ///
    /// # Errors
    /// Why there is none, as the end of a sentence.
    fn take_back(&mut self, at: usize, why: &str, others: usize) -> Result<(), String> {
        let others = u32::try_from(others).unwrap_or(u32::MAX);
        let refusal = Refusal { because: why, by_hand: false, others };
        let item = &self.items[at];
        let Some(before) = item.record.as_deref() else { return Err(String::new()) };
        let refused = record::active_version(before).to_owned();
        let (ground, now) = (self.ground, self.now);
        let record = match roll_back::roll_back(&item.target, before, refusal, ground, now) {
            Ok(record) => record,
            Err(NoWayBack { why, record }) => {
                if let Some(record) = record {
                    self.items[at].record = Some(Arc::from(record));
                }
                return Err(format!("; {why}"));
            }
        };
        let back_to = record::active_version(&record).to_owned();
        let why = format!("version {refused}: {why}; rolled back to version {back_to}");
        self.note(at, record, Err(why));
        Ok(())
    }

    fn record(&self, at: usize) -> Option<CertificateRecord> {
        self.items[at].record.as_deref().cloned()
    }

    fn note(&mut self, at: usize, record: CertificateRecord, answer: Result<(), String>) {
        if let Err(error) = (self.ground.keep)(&record) {
            (self.tell)(News::Trouble(error.to_string()));
        }
        (self.tell)(News::Reacted(self.items[at].index, Box::new(record.clone()), answer));
        self.items[at].record = Some(Arc::new(record));
    }
}

fn complain(answers: &mut Answers, at: usize, why: String) {
    if let Some(answer) = answers.get_mut(&at) {
        *answer = match std::mem::replace(answer, Ok(())) {
            Ok(()) => Err(why),
            Err(before) => Err(format!("{before}; {why}")),
        };
    }
}

fn change(item: &Item) -> Option<Change> {
    let record = item.record.as_deref()?;
    Some(Change {
        certificate: item.target.name().to_owned(),
        version: record::active_version(record).to_owned(),
        paths: item.target.paths(),
        reason: consumers::reason(&record.delivery.reaction.as_ref()?.reason),
    })
}
