//! What a look comes to: the vault is asked, its answer is compared with what is installed, and
//! nothing is written.

use cert_store::{CertificateStore, Form, Output, Standing};
use certified_key::{CertifiedKey, Content};
use keyvault_client::Secret;
use zeroize::Zeroizing;

use crate::code::Code;
use crate::delivery::hold;
use crate::failure::{Failure, Retry, store_failure};
use crate::guard::{self, Dates, Guards, Traits, Validity, Verdict};
use crate::install::Version;
use crate::offer::{dates_of, decode, disabled, leaf_dates};
use crate::outcome::Remark;
use crate::record;
use crate::situation::Situation;
use crate::turns::Turn;

/// What a look came to.
pub(crate) enum Decision {
    /// All stays as it is.
    Stay(Vec<Remark>),
    /// A version goes in, for the first time or again.
    Install(Box<Version>),
}

impl<S: CertificateStore> Situation<'_, '_, S> {
    /// Asks the vault and decides. Writes nothing. What has been decoded stays in hand as long as
    /// `turn` lives.
    pub(crate) fn decide<'t>(&'t self, turn: &mut Option<Turn<'t>>) -> Result<Decision, Failure> {
        if self.is_pinned_and_intact() {
            return Ok(Decision::Stay(self.date_remark(Validity::ALWAYS)));
        }
        let secret = self.ground.source.secret(&self.target.id, self.target, self.now);
        (self.ground.answered)();
        let secret = secret?;
        if !secret.attributes.enabled {
            return Err(disabled(&secret));
        }
        if self.is_active(&secret.version) && self.is_intact() {
            return Ok(Decision::Stay(self.date_remark(dates_of(&secret))));
        }
        if !self.is_active(&secret.version)
            && hold::held(self.record, &secret.version, self.now).is_some()
        {
            return self.stay(Vec::new()); // what there is to say, the record says
        }
        *turn = self.ground.source.turn();
        let decoded = self.content(&secret);
        if let Some(turn) = turn {
            turn.pass_on();
        }
        let (content, notes) = decoded?;
        let remarks = match self.verdict(&secret, &content)? {
            Verdict::Install => Vec::new(),
            Verdict::InstallAnyway(objection) => match self.found() {
                Some(version) => return Ok(take_over(version, held_back(&secret, &objection))),
                None => vec![not_valid(&objection)],
            },
            Verdict::Hold(objection) => {
                let remark = held_back(&secret, &objection);
                return match self.found() {
                    Some(version) => Ok(take_over(version, remark)),
                    None => self.stay(vec![remark]),
                };
            }
        };
        let Secret { version, value, .. } = secret;
        let value = Some(value);
        Ok(Decision::Install(Box::new(Version { version, content, value, notes, remarks })))
    }

    /// A pinned version never changes: what stands intact needs no question.
    pub(crate) fn is_pinned_and_intact(&self) -> bool {
        let pinned = self.target.id.version();
        self.is_intact() && pinned.is_some_and(|pinned| self.is_active(pinned))
    }

    fn is_active(&self, version: &str) -> bool {
        record::is_active(self.record, version)
    }

    fn installed_validity(&self) -> Option<Validity> {
        let record = self.record.filter(|record| record::is_of(record, self.target))?;
        record.certificate.as_ref().map(record::validity)
    }

    /// A version that applications use and may go on using, although nothing is known of it: the
    /// record was lost, or another extension has installed it.
    fn found(&self) -> Option<Version> {
        if self.standing != Standing::Absent || self.target.id.version().is_some() {
            return None;
        }
        let (version, key) = self.ground.store.found(&self.target.place).ok()??;
        if leaf_dates(&key).objection(self.now).is_some() {
            return None;
        }
        // What the vault has of it may have more issuers than what was found.
        self.installed(&version)
            .ok()
            .or_else(|| Some(Version::again(&version, Content::Certificate(key))))
    }

    /// The version that is installed already is put back where it was lost, whatever its dates.
    fn confirm(&self, offered: Dates) -> Verdict {
        offered.objection(self.now).map_or(Verdict::Install, Verdict::InstallAnyway)
    }

    fn date_remark(&self, secret: Validity) -> Vec<Remark> {
        let leaf = self.record.and_then(|record| record.certificate.as_ref());
        let dates = Dates { certificate: leaf.map_or(Validity::ALWAYS, record::validity), secret };
        dates.objection(self.now).iter().map(|objection| not_valid(objection)).collect()
    }

    fn verdict(&self, secret: &Secret, content: &Content) -> Result<Verdict, Failure> {
        let certificate = match content {
            Content::Certificate(key) => leaf_dates(key),
            Content::Opaque(_) => Validity::ALWAYS,
        };
        let offered = Dates { certificate, secret: dates_of(secret) };
        if self.is_active(&secret.version) {
            return Ok(self.confirm(offered));
        }
        let verdict = guard::judge(offered, self.installed_validity(), self.now);
        // A version that the settings pin is their choice, and may be the way back.
        let is_pinned = self.target.id.version().is_some();
        let guarded = !is_pinned && self.target.delivery.guards != Guards::default();
        match (&verdict, content) {
            (Verdict::Install, Content::Certificate(key)) if guarded => {
                Ok(self.loss(key).map_or(verdict, Verdict::Hold))
            }
            _ => Ok(verdict),
        }
    }

    /// What consumers would lose with `offered`, compared with what is installed, wherever that can
    /// be had: files that somebody has removed must not let a worse version in.
    fn loss(&self, offered: &CertifiedKey) -> Option<String> {
        let record = self.record.filter(|record| record::is_of(record, self.target));
        let installed = match record.and_then(|record| record.active.as_ref()) {
            Some(active) => self.installed(&active.version).ok()?,
            None => self.found()?,
        };
        let Content::Certificate(installed) = installed.content else { return None };
        let (offered, installed) = (Traits::of(offered.leaf()), Traits::of(installed.leaf()));
        guard::loss(&offered, &installed, self.target.delivery.guards, self.now)
    }

    /// The offered version stays outside; what is installed is still kept whole.
    fn stay(&self, remarks: Vec<Remark>) -> Result<Decision, Failure> {
        let active = self.record.and_then(|record| record.active.as_ref());
        let Some(active) = active.filter(|_| !self.is_intact()) else {
            return Ok(Decision::Stay(remarks));
        };
        let version = Version { remarks, ..self.installed(&active.version)? };
        Ok(Decision::Install(Box::new(version)))
    }

    /// What is installed, read back from the disk or, where it is lost there, from the vault.
    fn installed(&self, version: &str) -> Result<Version, Failure> {
        let known = |content, value, notes| {
            let version = version.to_owned();
            Version { version, content, value, notes, remarks: Vec::new() }
        };
        if let Some(content) = self.recall().map_err(|error| store_failure(&error))? {
            // The store has not the value that an output may want; without it the rest is made.
            let value = self.wants_value().then(|| self.secret_at(version).ok()).flatten();
            return Ok(known(content, value.map(|secret| secret.value), Vec::new()));
        }
        let secret = self.secret_at(version)?;
        let (content, notes) = self.content(&secret)?;
        Ok(known(content, Some(secret.value), notes))
    }

    /// Whether an output that is to be written takes the secret's value as the vault has it.
    fn wants_value(&self) -> bool {
        let takes = |output: &Output| match output {
            Output::File { form, .. } => *form == Form::Raw,
            Output::Directory { files, .. } => files.iter().any(|file| file.form == Form::Raw),
        };
        !self.output_drifts.is_empty() && self.target.delivery.outputs.iter().any(takes)
    }

    /// The version that is installed, from the vault, whatever it offers now.
    fn secret_at(&self, version: &str) -> Result<Secret, Failure> {
        let malformed =
            |error: object_id::ObjectIdError| Failure::of(&error, Code::State, Retry::NextPoll);
        let id = self.target.id.at_version(version).map_err(malformed)?;
        self.ground.source.secret(&id, self.target, self.now)
    }

    /// What a secret holds. Where the settings want no certificate of it, it may be anything.
    fn content(&self, secret: &Secret) -> Result<(Content, Vec<String>), Failure> {
        match decode(secret) {
            Ok((key, notes)) => Ok((Content::Certificate(key), notes)),
            Err(_) if self.target.delivery.accepts_any_secret => {
                let bytes = Zeroizing::new(secret.value.as_bytes().to_vec());
                Ok((Content::Opaque(bytes), Vec::new()))
            }
            Err(failure) => Err(failure),
        }
    }
}

/// Keeps what applications use already, and says why the vault's newest version stays outside.
fn take_over(version: Version, remark: Remark) -> Decision {
    Decision::Install(Box::new(Version { remarks: vec![remark], ..version }))
}

fn held_back(secret: &Secret, objection: &str) -> Remark {
    let text = format!(
        "version {} is held back because it {objection}; the installed version stays until the \
         vault offers a better one",
        secret.version
    );
    Remark { code: Code::HeldBack, text }
}

fn not_valid(objection: &str) -> Remark {
    let text = format!(
        "the certificate {objection}; if this machine's clock is right, issue a new version in the \
         vault"
    );
    Remark { code: Code::NotValid, text }
}
