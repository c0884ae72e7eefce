//! The handle: starts everything, tells where it is, ends it.

mod error;
mod play;
mod world;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};

pub use self::error::StartError;

use crate::admin;
use crate::azure::Azure;
use crate::endpoints::Endpoints;
use crate::exchange::Place;
use crate::net::{self, Net};
use crate::options::{Options, Ports};
use crate::tls::Tls;

/// A fake Azure that runs until this is dropped.
pub struct FakeAzure {
    azure: Arc<Azure>,
    endpoints: Arc<Endpoints>,
    runtime: Option<Runtime>,
}

impl FakeAzure {
    /// Starts everything. When this returns, all ports are open and `ca.pem` is written.
    ///
    /// # Errors
    /// A port is taken, the directory cannot be written, or there is no TLS.
    pub fn start(options: Options) -> Result<Self, StartError> {
        let tls = Tls::new(&options.vault_suffixes).map_err(StartError::Tls)?;
        let ca_file = write_ca(&options.directory, &tls.ca_pem)?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .thread_name("fake-azure")
            .build()
            .map_err(StartError::Listen)?;
        let listeners = Listeners::bind(options.ports).map_err(StartError::Listen)?;
        let endpoints = Arc::new(Endpoints {
            ports: listeners.ports,
            ca_file,
            proxy_credentials: options.proxy_credentials.clone(),
        });
        let azure = Arc::new(Azure::new(options, tls));
        listeners.serve(&runtime, &azure, &endpoints).map_err(StartError::Listen)?;
        Ok(Self { azure, endpoints, runtime: Some(runtime) })
    }

    /// The certificate of the authority that signed the vaults': for `SSL_CERT_FILE`.
    #[must_use]
    pub fn ca_file(&self) -> &Path {
        &self.endpoints.ca_file
    }

    /// The proxy: for `HTTPS_PROXY`. With its credentials, if it wants any.
    #[must_use]
    pub fn proxy_url(&self) -> String {
        self.endpoints.proxy()
    }

    /// The identity endpoint of the virtual machine, as a setting names it.
    #[must_use]
    pub fn imds_url(&self) -> String {
        self.endpoints.imds()
    }

    /// The identity endpoint of Azure Arc, as a setting names it.
    #[must_use]
    pub fn arc_url(&self) -> String {
        self.endpoints.arc()
    }

    /// The vault `localhost`, reached without the proxy.
    #[must_use]
    pub fn vault_url(&self) -> String {
        self.endpoints.vault()
    }

    /// The admin API, which README.md describes.
    #[must_use]
    pub fn admin_url(&self) -> String {
        self.endpoints.admin()
    }

    /// The ports that were chosen.
    #[must_use]
    pub fn ports(&self) -> Ports {
        self.endpoints.ports
    }

    /// What a program must find in its environment to use this Azure. `HTTPS_PROXY` and
    /// `SSL_CERT_FILE` are everybody's; `AZURE_POD_IDENTITY_AUTHORITY_HOST` is how Microsoft's
    /// own clients are told where the metadata service is.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        self.endpoints.environment()
    }

    /// From now on SIGTERM and SIGINT ask for the end instead of making it.
    ///
    /// # Errors
    /// The signals cannot be caught.
    pub fn stop_on_signals(&self) -> io::Result<()> {
        let Some(runtime) = &self.runtime else { return Ok(()) };
        let _inside = runtime.enter();
        for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
            let mut signals = signal(kind)?;
            let azure = Arc::clone(&self.azure);
            runtime.spawn(async move {
                signals.recv().await;
                azure.stop.notify_one();
            });
        }
        Ok(())
    }

    /// Waits until somebody asks for the end: by the admin API, or by a signal after
    /// [`FakeAzure::stop_on_signals`].
    pub fn wait_until_stopped(&self) {
        if let Some(runtime) = &self.runtime {
            runtime.block_on(self.azure.stop.notified());
        }
    }
}

impl Drop for FakeAzure {
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        if tokio::runtime::Handle::try_current().is_ok() {
            // Waiting is not allowed here.
            runtime.shutdown_background();
        } else {
            runtime.shutdown_timeout(Duration::from_secs(1));
        }
    }
}

impl fmt::Debug for FakeAzure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeAzure").field("endpoints", &self.endpoints).finish_non_exhaustive()
    }
}

#[expect(clippy::disallowed_methods, reason = "a file for other programs, written once at start")]
fn write_ca(directory: &Path, pem: &str) -> Result<PathBuf, StartError> {
    let path = directory.join("ca.pem");
    std::fs::create_dir_all(directory)
        .and_then(|()| std::fs::write(&path, pem))
        .and_then(|()| std::path::absolute(&path))
        .map_err(|error| StartError::Directory(path, error))
}

/// Open ports that nobody serves yet.
struct Listeners {
    ports: Ports,
    places: Vec<(Place, std::net::TcpListener)>,
    admin: std::net::TcpListener,
}

impl Listeners {
    fn bind(wanted: Ports) -> io::Result<Self> {
        let mut ports = wanted;
        let mut places = Vec::new();
        for (place, port) in [
            (Place::Proxy, &mut ports.proxy),
            (Place::Vault, &mut ports.vault),
            (Place::Imds, &mut ports.imds),
            (Place::Arc, &mut ports.arc),
        ] {
            places.push((place, net::bind(port)?));
        }
        let admin = net::bind(&mut ports.admin)?;
        Ok(Self { ports, places, admin })
    }

    fn serve(
        self,
        runtime: &Runtime,
        azure: &Arc<Azure>,
        endpoints: &Arc<Endpoints>,
    ) -> io::Result<()> {
        let net = Net { azure: Arc::clone(azure), vault_port: self.ports.vault };
        // Sockets register with the runtime that is entered.
        let _inside = runtime.enter();
        for (place, listener) in self.places {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            runtime.spawn(net::accept(net.clone(), place, listener));
        }
        let listener = tokio::net::TcpListener::from_std(self.admin)?;
        runtime.spawn(admin::accept(Arc::clone(azure), Arc::clone(endpoints), listener));
        Ok(())
    }
}
