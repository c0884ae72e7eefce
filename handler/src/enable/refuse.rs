//! Settings that cannot be served, while others are or were.

use std::convert::Infallible;

use rustix::process::Signal;
use status_schema::{State, StatusReport};
use worker_state::{Assignment, Lease, ProcessIdentity, Refusal};

use super::Enabling;
use crate::clock::wait_for;
use crate::failure::Failure;
use crate::sole_writer::SoleWriter;
use crate::worker;

impl Enabling<'_> {
    /// Has the worker publish the refusal while it goes on with the former settings. Gives the
    /// failure back, which this does not mend.
    pub(super) fn record_refusal(
        &self,
        former: Assignment,
        failure: Failure,
        worker: Option<&ProcessIdentity>,
    ) -> Failure {
        let before = self.published();
        let refusal = self.refusal(&failure);
        if former.refusal.as_ref() == Some(&refusal) && before.is_some() {
            return failure.told();
        }
        let former = Assignment { refusal: Some(refusal), ..former };
        if let Err(trouble) = self.assign(&former).and_then(|()| hang_up(worker)) {
            self.job.complain(&trouble.sentence);
        }
        self.await_publication(before.as_ref(), failure)
    }

    /// Starts a worker that serves the former settings and publishes the refusal.
    pub(super) fn serve_former(
        &self,
        lease: Option<Lease>,
        former: Assignment,
        failure: Failure,
    ) -> Failure {
        let Some(lease) = lease else { return failure };
        self.job.directories().sweep(&lease, self.lock);
        let former = Assignment { refusal: Some(self.refusal(&failure)), ..former };
        let before = self.published();
        let launched =
            self.assign(&former).and_then(|()| self.launch(SoleWriter::holding(lease), &former));
        match launched {
            Ok(()) => self.await_publication(before.as_ref(), failure),
            Err(trouble) => {
                let sentence = format!("{}; and: {}", failure.sentence, trouble.sentence);
                Failure { sentence, ..failure }
            }
        }
    }

    /// Tells the worker that nothing newer is refused any more. Where the refusal stood under this
    /// very number, the error has to go before dependent extensions are given up because of it.
    pub(super) fn withdraw_refusal(
        &self,
        assignment: &Assignment,
        worker: Option<&ProcessIdentity>,
    ) -> Result<(), Failure> {
        let before = self.published();
        self.assign(assignment)?;
        hang_up(worker)?;
        if before.is_some() && !self.becomes(|published| published != before) {
            self.job.complain("the worker has not withdrawn the refusal in time");
        }
        self.job.say(&format!("settings {} go on being served", self.number));
        Ok(())
    }

    fn refusal(&self, failure: &Failure) -> Refusal {
        Refusal { sequence_number: self.number.value(), reason: failure.sentence.clone() }
    }

    /// The error that stands under this number, if one does.
    fn published(&self) -> Option<Vec<u8>> {
        let path = self.agent.status_folder.join(self.number.status_file_name());
        let bytes = std::fs::read(path).ok()?;
        let report = StatusReport::parse(&bytes).ok()?;
        (report.status.state == State::Error).then_some(bytes)
    }

    /// Waits for what stands under this number to become as `wanted`; whether it did in time.
    fn becomes(&self, wanted: impl Fn(Option<Vec<u8>>) -> bool) -> bool {
        let (clock, limit) = (self.job.machine.clock, self.job.machine.limits.publication);
        let seen =
            wait_for::<_, Infallible>(clock, limit, || Ok(wanted(self.published()).then_some(())));
        matches!(seen, Ok(Some(())))
    }

    fn await_publication(&self, before: Option<&Vec<u8>>, failure: Failure) -> Failure {
        if self.becomes(|published| published.is_some() && published.as_ref() != before) {
            self.job.say("the worker has published the refusal and goes on as before");
            failure.told()
        } else {
            self.job.complain("the worker has not published the refusal in time");
            failure
        }
    }
}

/// Has the worker read its assignment again.
fn hang_up(worker: Option<&ProcessIdentity>) -> Result<(), Failure> {
    worker.map_or(Ok(()), |process| worker::send(process, Signal::HUP))
}
