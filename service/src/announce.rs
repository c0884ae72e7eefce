//! The worker's own place on the disk: its directories, its lease, and the word that it is there.

use std::time::Duration;

use worker_state::{
    Directories, Lease, LeaseError, LeaseStanding, Presence, ProcessIdentity, version,
};

use crate::clock::Clock;
use crate::machine::Machine;
use crate::order::Order;
use crate::run::Footing;

/// Handlers hold the lease for moments, to see that it is free: so long it is asked for again.
const LEASE_PATIENCE: Duration = Duration::from_secs(5);
const LEASE_GAP: Duration = Duration::from_millis(20);

/// What could not be put right, by what it is.
pub(crate) type Trouble = Vec<(&'static str, Result<(), String>)>;

impl Machine {
    /// Puts right what has been wiped: a run-time directory by an administrator, say, or a state
    /// directory by whoever wanted to begin anew.
    pub(crate) fn confirm(&self, order: &Order) -> (Footing, Trouble) {
        let made = self.directories.create().map_err(|error| error.to_string());
        let (footing, kept) = match self.confirm_lease() {
            Ok(LeaseStanding::Firm) => (Footing::Firm, Ok(())),
            Ok(LeaseStanding::Renewed) => (Footing::Renewed, Ok(())),
            Err(LeaseError::Held) => return (Footing::Lost, Vec::new()),
            // Nobody else can take it either.
            Err(error) => (Footing::Firm, Err(error.to_string())),
        };
        let announced = if self.is_announced(order) { Ok(()) } else { self.announce(order) };
        (footing, vec![("directories", made), ("lease", kept), ("announcement", announced)])
    }

    /// Says which process serves what.
    pub(crate) fn announce(&self, order: &Order) -> Result<(), String> {
        let nobody = ProcessIdentity { pid: std::process::id(), start_ticks: 0 };
        let presence = Presence {
            process: ProcessIdentity::current().unwrap_or(nobody),
            version: version::NUMBER.into(),
            assignment: served(order),
            since: self.clock.now().wall.into(),
        };
        let written = presence.announce(&self.directories, &self.lease);
        written.map_err(|error| error.to_string())
    }

    fn is_announced(&self, order: &Order) -> bool {
        let announced = Presence::announced(&self.directories);
        announced.is_some_and(|presence| {
            presence.process.pid == std::process::id() && presence.assignment == served(order)
        })
    }

    fn confirm_lease(&self) -> Result<LeaseStanding, LeaseError> {
        outlast(&self.clock, || self.lease.confirm(&self.directories))
    }
}

/// Takes the lease.
pub(crate) fn acquire(directories: &Directories, clock: &Clock) -> Result<Lease, LeaseError> {
    outlast(clock, || Lease::acquire(directories))
}

/// Asks for the lease until nobody holds it for a moment only.
fn outlast<T>(clock: &Clock, ask: impl Fn() -> Result<T, LeaseError>) -> Result<T, LeaseError> {
    let until = clock.now().steady + LEASE_PATIENCE;
    loop {
        match ask() {
            Err(LeaseError::Held) if clock.now().steady < until => clock.pause(LEASE_GAP),
            result => return result,
        }
    }
}

fn served(order: &Order) -> Option<String> {
    order.agent.as_ref().map(|_| order.identity.clone())
}
