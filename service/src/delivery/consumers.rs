//! The services that use certificates, as the worker meets them.

use std::time::SystemTime;

use reaction::{Action, Candidates, Command, Effect, Occasion, Reason, Surroundings, Verification};

use crate::clock;
use crate::failure::one_line;

/// Whoever uses a certificate on this machine. Every answer is awaited, within a time limit;
/// every complaint is a sentence for people.
pub(crate) trait Consumers: Send + Sync {
    /// Has `command` try files that are not in use yet.
    fn check(
        &self,
        command: &Command,
        candidates: &Candidates,
        occasion: &Occasion,
    ) -> Result<(), String>;

    /// Does what follows a change.
    fn react(&self, action: &Action, occasion: &Occasion) -> Result<Effect, String>;

    /// Whether nobody is there to show anything.
    fn nobody_listens(&self, verification: &Verification) -> bool;

    /// Looks at what a service shows, until that is `leaf` (DER).
    fn verify(&self, verification: &Verification, leaf: &[u8]) -> Result<(), String>;

    /// What the wall clock shows when those that were asked at `asked_at` have answered.
    fn answered_at(&self, asked_at: SystemTime) -> SystemTime;
}

/// The reason that a record carries, as consumers are told it.
pub(crate) fn reason(kept: &str) -> Reason {
    match kept {
        "installed" => Reason::Installed,
        "repaired" => Reason::Repaired,
        "rolledBack" => Reason::RolledBack,
        _ => Reason::Renewed,
    }
}

/// The services of this machine.
pub(crate) struct LocalServices {
    pub(crate) surroundings: Surroundings,
}

impl Consumers for LocalServices {
    fn check(
        &self,
        command: &Command,
        candidates: &Candidates,
        occasion: &Occasion,
    ) -> Result<(), String> {
        reaction::check(command, candidates, occasion, &self.surroundings)
            .map_err(|error| one_line(&error.to_string()))
    }

    fn react(&self, action: &Action, occasion: &Occasion) -> Result<Effect, String> {
        reaction::run(action, occasion, &self.surroundings)
            .map_err(|error| one_line(&error.to_string()))
    }

    fn nobody_listens(&self, verification: &Verification) -> bool {
        reaction::nobody_listens(verification)
    }

    fn verify(&self, verification: &Verification, leaf: &[u8]) -> Result<(), String> {
        reaction::verify(verification, leaf).map_err(|error| one_line(&error.to_string()))
    }

    fn answered_at(&self, _: SystemTime) -> SystemTime {
        clock::wall()
    }
}
