//! What was asked, in order: the evidence of tests.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::exchange::{Asked, Place};
use crate::lock::locked;

/// One request and what came of it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Recorded {
    /// Counts from 1 over all services.
    pub number: u64,
    /// Milliseconds since 1970.
    pub at_ms: u64,
    /// The service that was asked.
    pub place: Place,
    /// Counts connections from 1 over all services; several requests on one share it.
    pub connection: u64,
    /// Whether it came through the proxy.
    pub proxied: bool,
    /// The method; `CONNECT` for tunnels.
    pub method: String,
    /// The authority that the client named.
    pub host: String,
    /// The path, without the query.
    pub path: String,
    /// The parameters, decoded.
    pub query: Vec<(String, String)>,
    /// The identity whose token was handed out or shown, by name.
    pub identity: Option<String>,
    /// Whether there was an `Authorization` header.
    pub authorized: bool,
    /// The `User-Agent`.
    pub user_agent: Option<String>,
    /// The status answered; `None` if the script let the connection end or hang.
    pub status: Option<u16>,
    /// Whether a rule decided it.
    pub scripted: bool,
}

/// Somebody who is told of each request.
#[derive(Clone)]
pub struct Watcher(Arc<dyn Fn(&Recorded) + Send + Sync>);

impl Watcher {
    /// Calls this for each request, from whichever thread answers it.
    pub fn new(told: impl Fn(&Recorded) + Send + Sync + 'static) -> Self {
        Self(Arc::new(told))
    }

    pub(crate) fn tell(&self, recorded: &Recorded) {
        (self.0)(recorded);
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watcher")
    }
}

/// Where a request came in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    pub(crate) connection: u64,
    pub(crate) proxied: bool,
}

/// How a request ended.
pub(crate) struct Outcome {
    pub(crate) status: Option<u16>,
    pub(crate) identity: Option<String>,
    pub(crate) scripted: bool,
}

/// The log, of which the oldest entries go when it is full.
pub(crate) struct RequestLog {
    limit: usize,
    watcher: Option<Watcher>,
    entries: Mutex<Entries>,
    grown: Condvar,
}

#[derive(Default)]
struct Entries {
    kept: VecDeque<Recorded>,
    total: u64,
}

impl RequestLog {
    pub(crate) fn new(limit: usize, watcher: Option<Watcher>) -> Self {
        Self { limit: limit.max(1), watcher, entries: Mutex::default(), grown: Condvar::new() }
    }

    /// Writes a request down.
    pub(crate) fn record(&self, asked: &Asked, origin: Origin, outcome: Outcome, now: SystemTime) {
        let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let mut entries = locked(&self.entries);
        entries.total += 1;
        let recorded = Recorded {
            number: entries.total,
            at_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
            place: asked.place,
            connection: origin.connection,
            proxied: origin.proxied,
            method: asked.method.clone(),
            host: asked.host.clone(),
            path: asked.path.clone(),
            query: asked.query.clone(),
            identity: outcome.identity,
            authorized: asked.headers.contains_key("Authorization"),
            user_agent: asked.header("User-Agent").map(str::to_owned),
            status: outcome.status,
            scripted: outcome.scripted,
        };
        if entries.kept.len() == self.limit {
            entries.kept.pop_front();
        }
        if let Some(watcher) = &self.watcher {
            watcher.tell(&recorded);
        }
        entries.kept.push_back(recorded);
        self.grown.notify_all();
    }

    /// The entries after this number, oldest first.
    pub(crate) fn after(&self, number: u64) -> Vec<Recorded> {
        let entries = locked(&self.entries);
        entries.kept.iter().filter(|entry| entry.number > number).cloned().collect()
    }

    /// All entries, oldest first.
    pub(crate) fn all(&self) -> Vec<Recorded> {
        locked(&self.entries).kept.iter().cloned().collect()
    }

    /// Forgets the entries, not the count.
    pub(crate) fn clear(&self) {
        locked(&self.entries).kept.clear();
    }

    /// Waits until the entries are as wanted; whether they were before the time ran out.
    pub(crate) fn wait(
        &self,
        timeout: Duration,
        mut wanted: impl FnMut(&[Recorded]) -> bool,
    ) -> bool {
        let missing = |entries: &mut Entries| !wanted(entries.kept.make_contiguous());
        let waited = self.grown.wait_timeout_while(locked(&self.entries), timeout, missing);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

impl std::fmt::Display for Recorded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let place = match self.place {
            Place::Imds => "imds",
            Place::Arc => "arc",
            Place::Vault => "vault",
            Place::Proxy => "proxy",
        };
        write!(f, "{place:<5} {:<4} {}{}", self.method, self.host, self.path)?;
        match self.status {
            Some(status) => write!(f, " {status}")?,
            None => f.write_str(" no answer")?,
        }
        if let Some(identity) = &self.identity {
            write!(f, " as {identity}")?;
        }
        if self.scripted {
            f.write_str(" (scripted)")?;
        }
        Ok(())
    }
}
