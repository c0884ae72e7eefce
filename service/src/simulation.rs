//! A machine for tests of the loop: its clock jumps to whatever is waited for, its passes are
//! answered by a script, and what it was told is kept for assertions.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cert_store::{Change, Layout, Retain, StoreLocation};
use extension_settings::{Expiry, Identity, IdentitySelector};
use object_id::{ObjectId, VaultSuffixes};
use worker_state::{
    CertificateRecord, DeliveryRecord, GenerationRecord, InitialSyncRecord, InstalledCertificate,
    Refusal, Report, WorkerReport,
};

use crate::code::Code;
use crate::delivery::Delivery;
use crate::failure::{Failure, Retry};
use crate::initial_sync::InitialSync;
use crate::item::{Item, News};
use crate::moment::Moment;
use crate::outcome::{Done, Outcome};
use crate::report::Frame;
use crate::roster::{Known, Roster};
use crate::run::{End, Event, Footing, Outside, Reread, Worker};
use crate::status;
use crate::supervision::Notice;
use crate::target::Target;

/// When every simulation begins.
pub(crate) fn dawn() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

/// What the script decides for one certificate at one moment.
pub(crate) type Script = Box<dyn FnMut(&str, Moment) -> Outcome>;

/// The simulated machine.
pub(crate) struct Simulation {
    pub(crate) steady: Duration,
    pub(crate) script: Script,
    pub(crate) queue: VecDeque<Event>,
    /// Stops the worker at this moment.
    pub(crate) until: Duration,
    /// Events that come from outside, each at its moment, in order.
    pub(crate) visits: VecDeque<(Duration, Event)>,
    /// A pass ends so long after it began, at once if none.
    pub(crate) slowness: Option<Duration>,
    pub(crate) reread: Reread,
    /// When somebody sets the wall clock, and by how many seconds.
    pub(crate) clock_set: Vec<(Duration, i64)>,
    /// What is found from a moment on, once.
    pub(crate) footing: Option<(Duration, Footing)>,
    /// When the machine is suspended, and for how long.
    pub(crate) suspended: Option<(Duration, Duration)>,
    /// What passes were asked to keep on disk, though nothing about it was new.
    pub(crate) asked_to_keep: Vec<String>,
    pub(crate) looks: Vec<(Duration, String)>,
    pub(crate) passes: Vec<Duration>,
    pub(crate) reports: Vec<(Duration, Report, Option<Refusal>)>,
    pub(crate) beats: Vec<Duration>,
    /// What the last heartbeat said.
    pub(crate) beaten: String,
    pub(crate) kept: Vec<InitialSyncRecord>,
    pub(crate) notices: Vec<(Duration, Notice)>,
}

impl Simulation {
    pub(crate) fn new(until: Duration, script: Script) -> Self {
        Self {
            steady: Duration::ZERO,
            script,
            queue: VecDeque::new(),
            until,
            visits: VecDeque::new(),
            slowness: None,
            reread: Reread::Same(None),
            clock_set: Vec::new(),
            footing: None,
            suspended: None,
            asked_to_keep: Vec::new(),
            looks: Vec::new(),
            passes: Vec::new(),
            reports: Vec::new(),
            beats: Vec::new(),
            beaten: String::new(),
            kept: Vec::new(),
            notices: Vec::new(),
        }
    }

    pub(crate) fn last(&self) -> &Report {
        &self.reports.last().unwrap().1
    }
}

impl Outside for Simulation {
    fn now(&self) -> Moment {
        let mut wall = dawn() + self.steady;
        for (_, seconds) in self.clock_set.iter().filter(|(at, _)| *at <= self.steady) {
            let by = Duration::from_secs(seconds.unsigned_abs());
            wall = if *seconds < 0 { wall - by } else { wall + by };
        }
        Moment { wall, steady: self.steady }
    }

    fn chance(&mut self) -> f64 {
        0.5
    }

    fn wait(&mut self, until: Duration) -> Option<Event> {
        if let Some(event) = self.queue.pop_front() {
            return Some(event);
        }
        let visit = self.visits.front().map(|(at, _)| *at);
        let next = visit.into_iter().chain([until, self.until]).min().unwrap();
        assert!(next > self.steady || next == self.until || visit == Some(next), "a tight loop");
        self.steady = self.steady.max(next);
        if let Some((_, span)) = self.suspended.take_if(|(at, _)| *at <= next) {
            self.steady += span;
        }
        if visit == Some(next) {
            return self.visits.pop_front().map(|(_, event)| event);
        }
        (next == self.until).then_some(Event::End(End::Stop))
    }

    fn start_pass(&mut self, items: Vec<Item>, now: Moment) {
        self.passes.push(now.steady);
        for item in items.into_iter().filter(|item| item.due) {
            let name = item.target.name().to_owned();
            let outcome = (self.script)(&name, now);
            self.asked_to_keep.extend(item.unkept.then(|| name.clone()));
            self.looks.push((now.steady, name));
            self.queue.push_back(Event::News(vec![News::Looked(item.index, Box::new(outcome))]));
        }
        match self.slowness {
            Some(slowness) => {
                self.visits.push_back((now.steady + slowness, Event::PassEnded));
            }
            None => self.queue.push_back(Event::PassEnded),
        }
    }

    fn publish(&mut self, report: &Report, refusal: Option<&Refusal>) {
        self.reports.push((self.steady, report.clone(), refusal.cloned()));
    }

    fn beat(&mut self, report: &Report) {
        self.beats.push(self.steady);
        self.beaten = status::message(report);
    }

    fn keep(&mut self, initial_sync: &InitialSyncRecord) {
        self.kept.push(initial_sync.clone());
    }

    fn notify(&mut self, notice: &Notice) {
        self.notices.push((self.steady, notice.clone()));
    }

    fn confirm(&mut self) -> Footing {
        let found = self.footing.take_if(|(at, _)| *at <= self.steady);
        found.map_or(Footing::Firm, |(_, footing)| footing)
    }

    fn reread(&mut self) -> Reread {
        std::mem::replace(&mut self.reread, Reread::Same(None))
    }
}

/// A target `contoso.NAME` in `/store`.
pub(crate) fn target(name: &str) -> Target {
    let url = format!("https://contoso.vault.azure.net/secrets/{name}");
    let id = ObjectId::parse(&url, &VaultSuffixes::known()).unwrap();
    let place = cert_store::Target {
        location: StoreLocation::Directory { path: PathBuf::from("/store"), is_default: false },
        id: id.clone(),
        link_name: format!("contoso.{name}"),
        layouts: vec![Layout::Combined],
        grants: Vec::new(),
        retain: Retain::Versions(2),
    };
    let identity = Identity { endpoint: None, selector: IdentitySelector::Unspecified };
    let (delivery, read_before) = (Delivery::default(), cert_store::ReadBefore::default());
    Target { id, identity, place, delivery, read_before }
}

/// A worker for certificates of these names, polling every hour.
pub(crate) fn worker(names: &[&str], initial_sync: InitialSync) -> Worker {
    worker_that_finds(names, false, initial_sync)
}

/// The same, where all of them are installed already, or none.
pub(crate) fn worker_that_finds(
    names: &[&str],
    present: bool,
    initial_sync: InitialSync,
) -> Worker {
    let known = |name: &&str| Known { target: target(name), record: None, present };
    let begun = Moment { wall: dawn(), steady: Duration::ZERO };
    let known = names.iter().map(known).collect();
    let roster = Roster::new(known, Duration::from_secs(3600), initial_sync, begun);
    let worker = WorkerReport {
        pid: 1,
        version: "1.0.0".into(),
        started_at: dawn().into(),
        sequence_number: Some(0),
    };
    let frame = Frame {
        worker,
        warnings: Vec::new(),
        passes: 0,
        asked_passes: 0,
        last_pass: None,
        expiry: Expiry::default(),
    };
    Worker::new(roster, frame, None)
}

/// The certificate of this name was installed just now, and is valid for 90 days.
pub(crate) fn installed(name: &str, now: Moment) -> Outcome {
    let day = Duration::from_secs(24 * 3600);
    let record = CertificateRecord {
        store: "/store".into(),
        link: name.into(),
        url: "https://contoso.vault.azure.net/secrets/x".into(),
        active: Some(GenerationRecord { version: "v1".into(), digest: "d".into() }),
        previous: None,
        files: Vec::new(),
        directories: Vec::new(),
        grantees: Vec::new(),
        certificate: Some(InstalledCertificate {
            subject: "CN=x".into(),
            issuer: "CN=ca".into(),
            serial: "01".into(),
            not_before: dawn().into(),
            not_after: (dawn() + 90 * day).into(),
            installed_at: now.wall.into(),
        }),
        delivery: DeliveryRecord::default(),
        history: Vec::new(),
    };
    let done = Done { change: Change::New, remarks: Vec::new() };
    let (unkept, notes) = (None, Vec::new());
    Outcome { present: true, result: Ok(done), record: Some(Arc::new(record)), unkept, notes }
}

/// The vault refused access.
pub(crate) fn refused(present: bool) -> Outcome {
    failed(present, Code::AccessDenied, Retry::Backoff)
}

/// A failed look.
pub(crate) fn failed(present: bool, code: Code, retry: Retry) -> Outcome {
    let failure = Failure::plain(code, retry, "the vault said no".into());
    let (record, unkept, notes) = (None, None, Vec::new());
    Outcome { present, result: Err(failure), record, unkept, notes }
}

/// A report of two certificates: `contoso.web` has just been installed, `contoso.api` waits.
pub(crate) fn report() -> Report {
    let now = Moment { wall: dawn(), steady: Duration::ZERO };
    let mut worker = worker(&["web", "api"], InitialSync::NotRequired);
    worker.roster.note(0, installed("web", now), now);
    crate::report::report(&worker.roster, &worker.frame, now)
}
