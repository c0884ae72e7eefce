//! What was found, step by step.

use std::path::PathBuf;

use keyvault_client::Fault;

use crate::code::Code;
use crate::failure::{Failure, one_line};

/// What Microsoft's support asks for is no cause.
const REQUEST_ID: &str = "x-ms-request-id";

/// A step on the way from the settings to the files, in the order in which a pass takes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// What the settings say.
    Settings,
    /// Who runs this.
    User,
    /// The variables that steer the worker.
    Environment,
    /// The worker that is at work.
    Worker,
    /// The identity endpoint answers.
    Endpoint,
    /// It hands out a token.
    Token,
    /// The name of the vault, or of the proxy before it, has an address.
    Name,
    /// That address takes a connection.
    Connection,
    /// The proxy connects to the vault.
    Proxy,
    /// The vault can be trusted.
    Tls,
    /// It answers as vaults do.
    Answer,
    /// It lets the identity read the secret.
    Permission,
    /// The secret is a certificate with its key.
    Content,
    /// The store can be written to.
    Store,
    /// What stands there.
    Files,
    /// Those who were granted access have it.
    Access,
}

impl Step {
    /// Its name, for people and machines.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::User => "user",
            Self::Environment => "environment",
            Self::Worker => "worker",
            Self::Endpoint => "endpoint",
            Self::Token => "token",
            Self::Name => "name",
            Self::Connection => "connection",
            Self::Proxy => "proxy",
            Self::Tls => "tls",
            Self::Answer => "answer",
            Self::Permission => "permission",
            Self::Content => "content",
            Self::Store => "store",
            Self::Files => "files",
            Self::Access => "access",
        }
    }
}

/// How a step went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Well.
    Fine,
    /// Well enough, but somebody should look at it.
    Attention,
    /// It did not go on from here.
    Failed,
    /// It was not tried, because of an earlier one.
    Skipped,
}

impl Verdict {
    /// Its name, for people and machines.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::Attention => "warning",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// One step, and how it went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) step: Step,
    pub(crate) verdict: Verdict,
    /// What was met or, where it failed, why and what to do next. Never a secret.
    pub(crate) text: String,
    /// More of it, a line each.
    pub(crate) details: Vec<String>,
    /// Whose fault a failure is, and its status code.
    pub(crate) blame: Option<(Fault, Code)>,
}

impl Finding {
    fn new(step: Step, verdict: Verdict, text: impl Into<String>) -> Self {
        let text = one_line(&text.into());
        Self { step, verdict, text, details: Vec::new(), blame: None }
    }

    pub(crate) fn fine(step: Step, text: impl Into<String>) -> Self {
        Self::new(step, Verdict::Fine, text)
    }

    pub(crate) fn attention(step: Step, text: impl Into<String>) -> Self {
        Self::new(step, Verdict::Attention, text)
    }

    pub(crate) fn skipped(step: Step, text: impl Into<String>) -> Self {
        Self::new(step, Verdict::Skipped, text)
    }

    /// A failure with its sentence; what lies below it becomes details.
    pub(crate) fn failed(step: Step, fault: Fault, failure: Failure) -> Self {
        let told = |cause: String| match cause.starts_with(REQUEST_ID) {
            true => cause,
            false => format!("because: {cause}"),
        };
        let details = failure.causes.into_iter().map(told).collect();
        let blame = Some((fault, failure.code));
        Self { details, blame, ..Self::new(step, Verdict::Failed, failure.public) }
    }

    /// The same with more lines.
    pub(crate) fn with(mut self, details: impl IntoIterator<Item = String>) -> Self {
        self.details.extend(details.into_iter().map(|detail| one_line(&detail)));
        self
    }
}

/// What a section is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// What all certificates share: settings, environment, worker.
    Machine,
    /// An identity, in words.
    Identity(String),
    /// A vault, by its host.
    Vault(String),
    /// A store, by its path.
    Store(PathBuf),
    /// A certificate.
    Certificate {
        /// Its link.
        name: String,
        /// Its URL.
        url: String,
    },
}

/// The steps that belong together: of an identity, a vault, a store, a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) subject: Subject,
    pub(crate) findings: Vec<Finding>,
}

impl Section {
    /// The first step that failed.
    pub(crate) fn stop(&self) -> Option<Step> {
        self.findings.iter().find(|one| one.verdict == Verdict::Failed).map(|one| one.step)
    }
}

/// Where the way of one certificate ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stop {
    /// The certificate's link.
    pub(crate) name: String,
    /// The step.
    pub(crate) step: Step,
    /// The section that tells of it.
    pub(crate) at: Subject,
}

/// Whose fault a failure is, in words.
pub(crate) fn whose(fault: Fault) -> &'static str {
    match fault {
        Fault::Customer => "settings or vault",
        Fault::Access => "permissions",
        Fault::Azure => "Azure",
        Fault::Network => "network",
        Fault::Host => "this machine",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Retry;

    #[test]
    fn a_failure_keeps_its_sentence_apart_from_its_causes() {
        let mut failure = Failure::plain(Code::Tls, Retry::Backoff, "not\ntrusted".into());
        failure.causes = vec!["UnknownIssuer".into(), "x-ms-request-id 1".into()];
        let finding = Finding::failed(Step::Tls, Fault::Network, failure);
        let finding = finding.with(["presented: CN=x\u{1b}".to_owned()]);
        assert_eq!(finding.text, "not trusted");
        assert_eq!(
            finding.details,
            ["because: UnknownIssuer", "x-ms-request-id 1", "presented: CN=x "]
        );
    }

    #[test]
    fn a_section_stops_at_its_first_failure() {
        let failure = || Failure::plain(Code::Disk, Retry::Backoff, "no".into());
        let section = Section {
            subject: Subject::Machine,
            findings: vec![
                Finding::fine(Step::Endpoint, "a"),
                Finding::attention(Step::Token, "b"),
                Finding::failed(Step::Content, Fault::Customer, failure()),
                Finding::failed(Step::Store, Fault::Host, failure()),
            ],
        };
        assert_eq!(section.stop(), Some(Step::Content));
    }
}
