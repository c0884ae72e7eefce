//! The loop's outside, for real: threads, files and clocks of this machine.

mod begin;
mod mailbox;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use cert_store::DirectoryStore;
use cert_store::OutputStore;
use log::{error, info, warn};
use status_schema::{Heartbeat, HeartbeatState, SequenceNumber, Status, StatusReport};
use worker_state::{
    CertificateRecord, Directories, InitialSyncRecord, Lease, OperatorRequest, RecordsFolder,
    Refusal, Report,
};

use crate::clock::Clock;
use crate::delivery::consumers::LocalServices;
use crate::delivery::obey::hand_over;
use crate::ground::Ground;
use crate::item::{Item, News};
use crate::metrics::Publisher;
use crate::moment::Moment;
use crate::notify::Notifier;
use crate::order::{self, Agent, Order, Origin, Surroundings};
use crate::pass::pass;
use crate::run::{End, Event, Footing, Outside, Reread};
use crate::sandbox::Watch;
use crate::source::VaultSource;
use crate::status;
use crate::supervision::Notice;
use crate::traffic::Traffic;
use mailbox::Mailbox;

/// This machine, as far as one order needs it.
pub(crate) struct Machine {
    pub(crate) clock: Clock,
    pub(crate) events: Receiver<Event>,
    pub(crate) mailbox: Arc<Mailbox>,
    /// Whether the process is to end; what else waits among the events does not matter then.
    pub(crate) stops: Arc<AtomicBool>,
    pub(crate) directories: Directories,
    pub(crate) surroundings: Surroundings,
    pub(crate) lease: Arc<Lease>,
    pub(crate) notifier: Notifier,
    /// How vaults have answered so far.
    pub(crate) traffic: Arc<Traffic>,
}

/// Everything on this machine that certificates reach.
pub(crate) struct Disk {
    pub(crate) store: DirectoryStore,
    pub(crate) outputs: OutputStore,
    pub(crate) consumers: LocalServices,
}

/// The machine while it serves an order.
pub(crate) struct Serving<'a> {
    pub(crate) machine: &'a Machine,
    pub(crate) origin: &'a Origin,
    pub(crate) order: &'a Order,
    pub(crate) source: Arc<VaultSource>,
    pub(crate) disk: Arc<Disk>,
    pub(crate) metrics: Publisher,
    /// What the agent was told last, by the number of the settings.
    pub(crate) told: BTreeMap<u64, Status>,
    /// What cannot be written at present, by what it is; said when it begins.
    pub(crate) trouble: BTreeMap<&'static str, String>,
    /// Looks whether the sandbox still fits, where there may be one.
    pub(crate) watch: Option<Watch>,
}

impl Outside for Serving<'_> {
    fn now(&self) -> Moment {
        self.machine.clock.now()
    }

    fn chance(&mut self) -> f64 {
        fastrand::f64()
    }

    fn wait(&mut self, until: Duration) -> Option<Event> {
        if self.machine.stops.load(Ordering::Relaxed) {
            return Some(Event::End(End::Stop));
        }
        let left = until.saturating_sub(self.now().steady);
        match self.machine.events.recv_timeout(left) {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Timeout) => self.machine.mailbox.take(),
            // The machine itself holds a sender: this cannot be.
            Err(RecvTimeoutError::Disconnected) => Some(Event::End(End::Stop)),
        }
    }

    fn start_pass(&mut self, mut items: Vec<Item>, now: Moment) {
        if self.is_misfit() {
            return;
        }
        self.bring_requests(&mut items);
        let source = Arc::clone(&self.source);
        let disk = Arc::clone(&self.disk);
        let lease = Arc::clone(&self.machine.lease);
        let directories = self.machine.directories.clone();
        let mailbox = Arc::clone(&self.machine.mailbox);
        let interval = self.order.settings.polling_interval;
        let work = move || {
            let records = RecordsFolder::of(&directories);
            let keep = |record: &CertificateRecord| records.keep(record, &lease);
            let ground = Ground {
                source: source.as_ref(),
                answered: &|| (),
                store: &disk.store,
                outputs: &disk.outputs,
                consumers: &disk.consumers,
                candidates: &directories.candidates_path(),
                keep: &keep,
                interval,
            };
            pass(items, &ground, now.wall, &|news| {
                if let News::Obeyed(_, _, request, answer) = &news
                    && let Err(trouble) = request.answer(&directories, answer, &lease)
                {
                    error!("{trouble}");
                }
                mailbox.bring(news);
            });
            source.rest();
            disk.store.rest();
            mailbox.send_after_news(Event::PassEnded);
        };
        if let Err(error) = std::thread::Builder::new().name("pass".into()).spawn(work) {
            error!("no thread for a pass: {error}");
            self.machine.mailbox.send(Event::PassEnded);
        }
    }

    fn publish(&mut self, report: &Report, refusal: Option<&Refusal>) {
        let machine = self.machine;
        let written = report.replace(&machine.directories, &machine.lease);
        self.tell_trouble("report", written.map_err(|error| error.to_string()));
        self.metrics.publish(report, &machine.traffic);
        if let Some(agent) = &self.order.agent {
            let applied = self.order.given_at.moment();
            let refused = refusal.map(|refusal| refusal.sequence_number);
            if refused != Some(agent.sequence_number) {
                let status = status::status(report, applied);
                let written = self.write_status(agent.sequence_number, status);
                self.tell_trouble("status", written);
            }
            if let Some(refusal) = refusal {
                let status = status::refusal(refusal, report, applied);
                let written = self.write_status(refusal.sequence_number, status);
                self.tell_trouble("refusal", written);
            }
        }
    }

    fn beat(&mut self, report: &Report) {
        self.is_misfit();
        let Some(agent) = &self.order.agent else { return };
        let beat =
            Heartbeat { state: HeartbeatState::Ready, code: 0, message: status::message(report) };
        let written = write_where_wanted(&agent.paths.heartbeat_file, &beat.to_json());
        self.tell_trouble("heartbeat", written);
    }

    fn keep(&mut self, initial_sync: &InitialSyncRecord) {
        let machine = self.machine;
        let kept = initial_sync.replace(&machine.directories, &machine.lease);
        self.tell_trouble("first sync", kept.map_err(|error| error.to_string()));
    }

    fn notify(&mut self, notice: &Notice) {
        self.machine.notifier.tell(notice);
    }

    fn confirm(&mut self) -> Footing {
        let (footing, found) = self.machine.confirm(self.order);
        for (what, written) in found {
            self.tell_trouble(what, written);
        }
        footing
    }

    fn reread(&mut self) -> Reread {
        let now = self.now().wall;
        info!("asked to look at everything anew");
        // Somebody may have written over what was told last: the agent does.
        self.told.clear();
        let machine = self.machine;
        match order::read(self.origin, &machine.directories, &machine.surroundings, now) {
            Ok(order) if order.identity == self.order.identity => Reread::Same(order.refusal),
            Ok(_) => Reread::Other,
            Err(error) => {
                error!("{error}; the settings in force stay");
                Reread::Same(self.order.refusal.clone())
            }
        }
    }
}

impl Serving<'_> {
    /// Says that this worker serves this order; where that cannot be written, it is tried again.
    pub(crate) fn announce(&mut self) {
        let announced = self.machine.announce(self.order);
        self.tell_trouble("announcement", announced);
    }

    /// Whether the sandbox no longer fits, and another start would mend that. An event says so to
    /// the loop.
    fn is_misfit(&self) -> bool {
        let Some(lost) = self.watch.as_ref().and_then(Watch::lost) else { return false };
        let Machine { directories, surroundings, .. } = self.machine;
        if order::read(self.origin, directories, surroundings, self.now().wall).is_err() {
            // Wiped with the state: only this process still knows what to serve.
            return false;
        }
        warn!("{}: cannot be written any more from inside this sandbox", lost.display());
        self.machine.mailbox.send(Event::End(End::Restart));
        true
    }

    /// What operators have asked meanwhile goes along with the certificates that it is about.
    fn bring_requests(&self, items: &mut [Item]) {
        let machine = self.machine;
        let taken = OperatorRequest::take_all(&machine.directories, &machine.lease);
        let (requests, damaged) = taken.unwrap_or_else(|error| (Vec::new(), vec![error]));
        for damage in damaged {
            error!("{damage}");
        }
        for request in requests {
            let Err((request, answer)) = hand_over(request, items) else { continue };
            if let Err(trouble) = request.answer(&machine.directories, &answer, &machine.lease) {
                error!("{trouble}");
            }
        }
    }

    /// Tells the agent, unless that is what it was told already: the agent does not look at the
    /// date, and it fails to remove a folder in which a file appears at that moment (WALinuxAgent
    /// `ga/exthandlers.py:1731`).
    fn write_status(&mut self, number: u64, report: StatusReport) -> Result<(), String> {
        let Some(agent) = &self.order.agent else { return Ok(()) };
        let name = SequenceNumber::new(number).status_file_name();
        let path = agent.paths.status_folder.join(name);
        if self.told.get(&number) == Some(&report.status) && path.exists() {
            return Ok(());
        }
        write_where_wanted(&path, &report.to_json())?;
        self.told.insert(number, report.status);
        Ok(())
    }

    fn tell_trouble(&mut self, what: &'static str, written: Result<(), String>) {
        let Err(trouble) = written else {
            if self.trouble.remove(what).is_some() {
                info!("the {what} can be written again");
            }
            return;
        };
        if self.trouble.get(what) != Some(&trouble) {
            error!("{trouble}");
            self.trouble.insert(what, trouble);
        }
    }
}

/// Tells the agent why its settings are not served; returns what could not be written.
pub(crate) fn tell_agent(agent: &Agent, (status, beat): &(StatusReport, Heartbeat)) -> Vec<String> {
    let name = SequenceNumber::new(agent.sequence_number).status_file_name();
    let status = write_where_wanted(&agent.paths.status_folder.join(name), &status.to_json()).err();
    let beat = write_where_wanted(&agent.paths.heartbeat_file, &beat.to_json()).err();
    status.into_iter().chain(beat).collect()
}

/// Writes into a folder of the guest agent's. Where the agent has removed the folder (it deletes
/// extensions without a word), nobody looks there, and nothing is missed.
fn write_where_wanted(path: &Path, content: &[u8]) -> Result<(), String> {
    let folder: PathBuf = path.parent().map(Path::to_path_buf).unwrap_or_default();
    if !folder.is_dir() {
        return Ok(());
    }
    atomic_file::refresh_file(path, 0o600, content).map_err(|error| error.to_string())
}
