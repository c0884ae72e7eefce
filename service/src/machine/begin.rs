//! A machine that listens to signals: what a worker and a pass by hand begin with.

use std::sync::{Arc, mpsc};

use worker_state::{Directories, Lease};

use super::Machine;
use super::mailbox::Mailbox;
use crate::clock::Clock;
use crate::notify::Notifier;
use crate::order::Surroundings;
use crate::signals;

impl Machine {
    /// From now on signals are events of the loop.
    ///
    /// # Errors
    /// Where signals cannot be received.
    pub(crate) fn begin(
        clock: Clock,
        directories: Directories,
        surroundings: Surroundings,
        lease: Lease,
        notifier: Notifier,
    ) -> std::io::Result<Self> {
        let (sender, events) = mpsc::channel();
        let stops = signals::listen(sender.clone())?;
        let (lease, traffic) = (Arc::new(lease), Arc::default());
        Ok(Self {
            clock,
            events,
            mailbox: Arc::new(Mailbox::new(sender)),
            stops,
            directories,
            surroundings,
            lease,
            notifier,
            traffic,
        })
    }
}
