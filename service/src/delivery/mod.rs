//! The last mile: from the store to the services that use a certificate.
//!
//! ```text
//! prepare outputs → check → record → switch      (install)
//!   → react → verify → settled                   (react)
//!        └──failed──▶ roll back → react → held
//! ```
//!
//! Nothing in here happens to a certificate whose settings ask for nothing of it.

pub(crate) mod candidates;
pub(crate) mod consumers;
pub(crate) mod hold;
pub(crate) mod obey;
pub(crate) mod outputs;
pub(crate) mod react;
mod roll_back;
#[cfg(test)]
mod tests;
pub(crate) mod wanted;

use cert_store::Output;
use reaction::{Action, Command, Verification};

use crate::guard::Guards;

/// What the settings ask for beside the store, for one certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// The files that consumers open.
    pub(crate) outputs: Vec<Output>,
    /// What tries a new version before it is switched to.
    pub(crate) check: Option<Command>,
    /// What follows a change.
    pub(crate) actions: Vec<Action>,
    /// What has to show the new certificate afterwards.
    pub(crate) verifications: Vec<Verification>,
    /// Which losses hold a version back.
    pub(crate) guards: Guards,
    /// Whether a version that does not work for its consumers is taken back.
    pub(crate) rolls_back: bool,
    /// Whether the secret may be anything, because only its value is wanted.
    pub(crate) accepts_any_secret: bool,
}

impl Delivery {
    /// What happens around a switch, each in a line for people.
    pub(crate) fn steps(&self) -> Vec<String> {
        let check = self.check.as_ref().map(|command| format!("check: {command}"));
        check.into_iter().chain(self.steps_after()).collect()
    }

    /// Those of them that follow it.
    pub(crate) fn steps_after(&self) -> Vec<String> {
        let actions = self.actions.iter().map(|action| format!("then: {action}"));
        let verify = self.verifications.iter().map(|one| format!("verify: {}", one.address));
        actions.chain(verify).collect()
    }

    /// Whether consumers are to hear of a change.
    pub(crate) fn reacts(&self) -> bool {
        !self.actions.is_empty() || !self.verifications.is_empty()
    }
}
