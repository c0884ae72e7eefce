//! Metrics for Prometheus: a file for node_exporter's textfile collector, and where the settings
//! ask for it a loopback port. `docs/metrics.md` has the names.

mod server;
mod text;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use extension_settings::Metrics;
use log::{error, info};
use worker_state::Report;

use self::server::{Page, Server};
use crate::traffic::Traffic;

/// Where metrics go; nowhere, unless the settings name a place.
pub(crate) struct Publisher {
    textfile: Option<PathBuf>,
    page: Arc<Mutex<Page>>,
    server: Option<Server>,
    /// What cannot be written at present; said when it begins.
    trouble: Option<String>,
}

impl Publisher {
    /// Begins to listen where that is asked for. A port that is taken is said in the log, and
    /// hinders nothing else.
    pub(crate) fn start(wanted: &Metrics) -> Self {
        let page = Arc::new(Mutex::new(Page::default()));
        let server = wanted.listen.as_ref().and_then(|address| {
            let started = Server::start(&address.sockets(), Arc::clone(&page));
            match started {
                Ok(server) => {
                    info!("metrics are served at http://{address}/metrics");
                    Some(server)
                }
                Err(error) => {
                    error!("metricsSettings.listen: {address}: {error}; nothing is served there");
                    None
                }
            }
        });
        Self { textfile: wanted.textfile.clone(), page, server, trouble: None }
    }

    /// For a pass by hand, which is over before anybody could ask a port.
    pub(crate) fn by_hand(wanted: &Metrics) -> Self {
        let textfile = wanted.textfile.clone();
        Self { textfile, page: Arc::default(), server: None, trouble: None }
    }

    /// What cannot be written at present.
    pub(crate) fn trouble(&self) -> Option<&String> {
        self.trouble.as_ref()
    }

    /// Publishes how everything stands.
    pub(crate) fn publish(&mut self, report: &Report, traffic: &Traffic) {
        if self.textfile.is_none() && self.server.is_none() {
            return;
        }
        let metrics = text::text(report, &traffic.counts());
        if let Some(textfile) = &self.textfile {
            // node_exporter runs as somebody who has to read it, and nothing in it is secret.
            let written = atomic_file::refresh_file(textfile, 0o644, metrics.as_bytes());
            let trouble = written.err().map(|error| format!("metricsSettings.textfile: {error}"));
            if let Some(trouble) =
                trouble.as_ref().filter(|new| Some(*new) != self.trouble.as_ref())
            {
                error!("{trouble}");
            }
            self.trouble = trouble;
        }
        let good_until = report.next_pass_at.map(|at| at.moment() + server::LATE);
        *self.page.lock().unwrap_or_else(PoisonError::into_inner) = Page { metrics, good_until };
    }
}
