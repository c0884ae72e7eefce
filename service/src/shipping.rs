//! The log's way to a Fluentd receiver, where the settings name one.

use std::sync::{Mutex, PoisonError, mpsc};
use std::time::{Duration, SystemTime};

use extension_settings::{LogEndpoint, Logging};
use fluent_forward::{Endpoint, Event, Forwarder};
use log::{Level, Record};

use crate::clock;
use crate::log_fields;
use crate::sink::Sink;

/// How long the end of a pass by hand waits for a receiver.
const MOMENT: Duration = Duration::from_secs(2);

/// Where the lines go at present. There is one log in a process, and settings come later.
static RECEIVER: Mutex<Option<(Logging, Forwarder)>> = Mutex::new(None);

/// Ships to where `wanted` says from now on; to nobody where it is `None`.
pub(crate) fn ship_to(wanted: Option<&Logging>) {
    let mut receiver = RECEIVER.lock().unwrap_or_else(PoisonError::into_inner);
    if receiver.as_ref().map(|(logging, _)| logging) == wanted {
        return;
    }
    let former = receiver.take();
    let started = wanted.map(|wanted| {
        Forwarder::start(endpoint(&wanted.endpoint), wanted.service_name.clone())
            .map(|forwarder| (wanted.clone(), forwarder))
    });
    let trouble = match started.transpose() {
        Ok(started) => {
            *receiver = started;
            None
        }
        Err(error) => Some(error),
    };
    drop(receiver); // what is logged from here on needs it
    // The former one makes a last try to deliver, which may take as long as its receiver likes; and
    // where there is no thread to be had, so may this.
    let _ = std::thread::Builder::new().name("farewell".into()).spawn(move || drop(former));
    if let Some(error) = trouble {
        log::error!("loggingSettings: the log is not sent anywhere: {error}");
    }
}

/// Gives what was said last a moment to arrive, before a process ends that has done its one pass.
/// Nobody waits longer for a receiver that is away.
pub(crate) fn farewell() {
    let former = RECEIVER.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(former) = former else { return };
    let (done, is_done) = mpsc::channel::<()>();
    let leave = move || {
        drop(former);
        drop(done);
    };
    if std::thread::Builder::new().name("farewell".into()).spawn(leave).is_ok() {
        let _ = is_done.recv_timeout(MOMENT);
    }
}

fn endpoint(wanted: &LogEndpoint) -> Endpoint {
    match wanted {
        LogEndpoint::Tcp { host, port } => Endpoint::Tcp { host: host.clone(), port: *port },
        LogEndpoint::Unix(path) => Endpoint::Unix(path.clone()),
    }
}

/// What stands in front of it. It never waits for the receiver.
#[derive(Debug)]
pub(crate) struct Shipping;

impl Sink for Shipping {
    fn take(&self, record: &Record<'_>) {
        let receiver = RECEIVER.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, forwarder)) = receiver.as_ref() {
            forwarder.send(event(record, clock::wall()));
        }
    }
}

fn event(record: &Record<'_>, time: SystemTime) -> Event {
    let mut fields =
        vec![("level", level(record.level()).to_owned()), ("message", record.args().to_string())];
    fields.extend(log_fields::fields(record));
    Event { time, fields }
}

/// A level's name, as JSON lines and receivers have it.
pub(crate) fn level(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug | Level::Trace => "debug",
    }
}
