//! The handle: starts everything, changes it, ends it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use crate::azure::Azure;
use crate::certificate::{CertificateSpec, IssueError, Issued};
use crate::clock::now;
use crate::exchange::Place;
use crate::fault::Rule;
use crate::identity::Identity;
use crate::lock::locked;
use crate::net::{self, Net};
use crate::options::Options;
use crate::request_log::Recorded;
use crate::tls::{Tls, TlsError, TlsFault};
use crate::vault::access::Denial;
use crate::vault::cloud;
use crate::vault::store::AttributeChange;

/// A fake Azure that runs until this is dropped.
pub struct FakeAzure {
    azure: Arc<Azure>,
    tls: Arc<Tls>,
    ca_file: PathBuf,
    ports: crate::options::Ports,
    proxy_credentials: Option<(String, String)>,
    runtime: Option<Runtime>,
}

impl FakeAzure {
    /// Starts everything. When this returns, all ports are open and `ca.pem` is written.
    ///
    /// # Errors
    /// A port is taken, the directory cannot be written, or there is no TLS.
    pub fn start(options: Options) -> Result<Self, StartError> {
        let azure = Arc::new(Azure::new(&options));
        let tls = Arc::new(Tls::new(&azure.suffixes).map_err(StartError::Tls)?);
        let ca_file = write_ca(&options.directory, &tls.ca_pem)?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .thread_name("fake-azure")
            .build()
            .map_err(StartError::Listen)?;
        let ports = listen(&runtime, &azure, &tls, &options).map_err(StartError::Listen)?;
        let proxy_credentials = options.proxy_credentials;
        Ok(Self { azure, tls, ca_file, ports, proxy_credentials, runtime: Some(runtime) })
    }

    /// The certificate of the authority that signed the vaults': for `SSL_CERT_FILE`.
    #[must_use]
    pub fn ca_file(&self) -> &Path {
        &self.ca_file
    }

    /// The proxy: for `HTTPS_PROXY`. With its credentials, if it wants any.
    #[must_use]
    pub fn proxy_url(&self) -> String {
        let credentials = self.proxy_credentials.as_ref();
        let user = credentials.map(|(user, password)| format!("{user}:{password}@"));
        format!("http://{}127.0.0.1:{}", user.unwrap_or_default(), self.ports.proxy)
    }

    /// The identity endpoint of the virtual machine, as a setting names it.
    #[must_use]
    pub fn imds_url(&self) -> String {
        format!("http://127.0.0.1:{}/metadata/identity", self.ports.imds)
    }

    /// The identity endpoint of Azure Arc, as a setting names it.
    #[must_use]
    pub fn arc_url(&self) -> String {
        format!("http://localhost:{}/metadata/identity", self.ports.arc)
    }

    /// The vault `localhost`, reached without the proxy.
    #[must_use]
    pub fn vault_url(&self) -> String {
        format!("https://localhost:{}", self.ports.vault)
    }

    /// The ports that were chosen.
    #[must_use]
    pub fn ports(&self) -> crate::options::Ports {
        self.ports
    }

    /// Makes a certificate and puts it into a vault, as a new version if the name is taken.
    /// Vaults come into being with what is put into them: `contoso` is
    /// `contoso.vault.azure.net`, and `localhost` the one that is reached directly.
    ///
    /// # Errors
    /// The specification cannot be, or openssl is missing.
    pub fn put_certificate(
        &self,
        vault: &str,
        name: &str,
        spec: &CertificateSpec,
    ) -> Result<Issued, IssueError> {
        self.azure.put_certificate(vault, name, spec, now())
    }

    /// A new version of a certificate: as the last one, with another serial number and key.
    ///
    /// # Errors
    /// There is no such certificate, or openssl is missing.
    pub fn rotate(&self, vault: &str, name: &str) -> Result<Issued, IssueError> {
        self.azure.rotate(vault, name, now())
    }

    /// Puts a plain secret into a vault; its version.
    pub fn put_secret(
        &self,
        vault: &str,
        name: &str,
        value: &str,
        content_type: Option<&str>,
    ) -> String {
        self.azure.put_secret(vault, name, value, content_type, now())
    }

    /// Changes the attributes of a version, the newest if none is named; whether there is one.
    pub fn change(
        &self,
        vault: &str,
        name: &str,
        version: Option<&str>,
        change: AttributeChange,
    ) -> bool {
        let mut vaults = locked(&self.azure.vaults);
        let vault = vaults.of(&cloud::host_of(vault));
        vault.is_some_and(|vault| vault.change(name, version, change, now()))
    }

    /// Disables the newest version of a secret; whether there is one.
    pub fn disable(&self, vault: &str, name: &str) -> bool {
        let off = AttributeChange { enabled: Some(false), ..AttributeChange::default() };
        self.change(vault, name, None, off)
    }

    /// Deletes a secret or certificate with all versions; whether there was one.
    pub fn delete(&self, vault: &str, name: &str) -> bool {
        let mut vaults = locked(&self.azure.vaults);
        vaults.of(&cloud::host_of(vault)).is_some_and(|vault| vault.delete(name))
    }

    /// Adds a rule about what a vault does not allow; the first one that fits decides.
    pub fn deny(&self, vault: &str, denial: Denial) {
        self.azure.deny(vault, denial);
    }

    /// Takes back everything that a vault does not allow.
    pub fn allow(&self, vault: &str) {
        self.azure.allow(vault);
    }

    /// Replaces the machine's identities.
    pub fn assign_identities(&self, identities: Vec<Identity>) {
        *locked(&self.azure.identities) = identities;
    }

    /// From now on the vaults refuse all tokens that are out.
    pub fn revoke_tokens(&self) {
        locked(&self.azure.tokens).revoke();
    }

    /// Adds a rule to the script.
    pub fn fault(&self, rule: Rule) {
        locked(&self.azure.rules).add(rule);
    }

    /// Removes all rules.
    pub fn clear_faults(&self) {
        locked(&self.azure.rules).clear();
    }

    /// Makes the certificate that a vault shows wrong, or with `None` right again.
    ///
    /// # Errors
    /// The wrong certificate could not be made.
    pub fn tls_fault(&self, vault: &str, fault: Option<TlsFault>) -> Result<(), TlsError> {
        self.tls.fault(&cloud::host_of(vault), fault)
    }

    /// All requests so far, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.azure.log.all()
    }

    /// The requests so far to one service.
    #[must_use]
    pub fn requests_to(&self, place: Place) -> Vec<Recorded> {
        self.requests().into_iter().filter(|request| request.place == place).collect()
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.azure.log.clear();
    }

    /// Waits until the requests are as wanted; whether they were before the time ran out.
    pub fn wait_for(&self, timeout: Duration, wanted: impl FnMut(&[Recorded]) -> bool) -> bool {
        self.azure.log.wait(timeout, wanted)
    }

    /// What a program must find in its environment to use this Azure. `HTTPS_PROXY` and
    /// `SSL_CERT_FILE` are everybody's; `AZURE_POD_IDENTITY_AUTHORITY_HOST` is how Microsoft's
    /// own clients are told where the metadata service is.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("HTTPS_PROXY", self.proxy_url()),
            ("SSL_CERT_FILE", self.ca_file.display().to_string()),
            ("AZURE_POD_IDENTITY_AUTHORITY_HOST", format!("http://127.0.0.1:{}", self.ports.imds)),
            ("FAKE_AZURE_IMDS", self.imds_url()),
            ("FAKE_AZURE_ARC", self.arc_url()),
            ("FAKE_AZURE_VAULT", self.vault_url()),
        ]
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
        f.debug_struct("FakeAzure").field("ports", &self.ports).finish_non_exhaustive()
    }
}

#[expect(clippy::disallowed_methods, reason = "a file for other programs, written once at start")]
fn write_ca(directory: &Path, pem: &str) -> Result<PathBuf, StartError> {
    let path = directory.join("ca.pem");
    std::fs::create_dir_all(directory)
        .and_then(|()| std::fs::write(&path, pem))
        .map_err(|error| StartError::Directory(path.clone(), error))?;
    Ok(path)
}

fn listen(
    runtime: &Runtime,
    azure: &Arc<Azure>,
    tls: &Arc<Tls>,
    options: &Options,
) -> io::Result<crate::options::Ports> {
    let wanted = options.ports;
    let places = [
        (Place::Proxy, wanted.proxy),
        (Place::Vault, wanted.vault),
        (Place::Imds, wanted.imds),
        (Place::Arc, wanted.arc),
    ];
    let mut listeners = Vec::new();
    let mut ports = wanted;
    for (place, port) in places {
        let listener = net::bind(port)?;
        let port = listener.local_addr()?.port();
        match place {
            Place::Proxy => ports.proxy = port,
            Place::Vault => ports.vault = port,
            Place::Imds => ports.imds = port,
            Place::Arc => ports.arc = port,
        }
        listeners.push((place, listener));
    }
    let net = Net {
        azure: Arc::clone(azure),
        tls: Arc::clone(tls),
        latency: options.latency,
        vault_port: ports.vault,
    };
    let _inside = runtime.enter();
    for (place, listener) in listeners {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        runtime.spawn(net::accept(net.clone(), place, listener));
    }
    Ok(ports)
}

/// Why nothing was started.
#[derive(Debug)]
pub enum StartError {
    /// `ca.pem` could not be written.
    Directory(PathBuf, io::Error),
    /// A port could not be opened.
    Listen(io::Error),
    /// There is no certificate to serve with.
    Tls(TlsError),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path, error) => write!(f, "cannot write {}: {error}", path.display()),
            Self::Listen(error) => write!(f, "cannot listen on the loopback address: {error}"),
            Self::Tls(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Directory(_, error) | Self::Listen(error) => Some(error),
            Self::Tls(error) => Some(error),
        }
    }
}
