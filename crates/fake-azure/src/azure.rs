//! Everything that the imagined services share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;

use crate::arc_key::KeyFiles;
use crate::certificate::{CertificateSpec, IssueError, Issued, Made, Workshop};
use crate::fault::Rules;
use crate::identity::{Identity, Tokens};
use crate::lock::locked;
use crate::options::Options;
use crate::request_log::RequestLog;
use crate::tls::{Tls, TlsError, TlsFault};
use crate::vault::cloud;
use crate::vault::store::{AttributeChange, Vault, Vaults, Version};
use crate::vault::throttle::Throttle;

/// The state of the world.
pub(crate) struct Azure {
    pub(crate) identities: Mutex<Vec<Identity>>,
    pub(crate) tokens: Mutex<Tokens>,
    pub(crate) arc_keys: Mutex<Option<KeyFiles>>,
    pub(crate) vaults: Mutex<Vaults>,
    pub(crate) rules: Mutex<Rules>,
    pub(crate) log: RequestLog,
    pub(crate) suffixes: Vec<String>,
    pub(crate) proxy_credentials: Option<(String, String)>,
    pub(crate) tls: Tls,
    /// Somebody asks for the end, and waits for the answer to that.
    pub(crate) stopping: AtomicBool,
    /// The end.
    pub(crate) stop: Notify,
    latency_us: AtomicU64,
    throttle: Option<Throttle>,
    workshop: Workshop,
    connections: AtomicU64,
}

impl Azure {
    pub(crate) fn new(options: Options, tls: Tls) -> Self {
        let azure = Self {
            identities: Mutex::new(options.identities),
            tokens: Mutex::new(Tokens::new(options.token_lifetime)),
            arc_keys: Mutex::new(options.arc_key_directory.map(KeyFiles::new)),
            vaults: Mutex::default(),
            rules: Mutex::default(),
            log: RequestLog::new(options.log_limit, options.watcher),
            suffixes: cloud::suffixes(&options.vault_suffixes),
            proxy_credentials: options.proxy_credentials,
            tls,
            stopping: AtomicBool::new(false),
            stop: Notify::new(),
            latency_us: AtomicU64::new(0),
            throttle: options.throttle,
            workshop: Workshop::new(options.rsa_keys),
            connections: AtomicU64::new(0),
        };
        azure.move_away(options.latency);
        azure
    }

    /// What a round trip to a vault costs.
    pub(crate) fn latency(&self) -> Duration {
        Duration::from_micros(self.latency_us.load(Ordering::Relaxed))
    }

    pub(crate) fn move_away(&self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.latency_us.store(micros, Ordering::Relaxed);
    }

    pub(crate) fn tls_fault(&self, vault: &str, fault: Option<TlsFault>) -> Result<(), TlsError> {
        self.tls.fault(&cloud::host_of(vault), fault)
    }

    /// Does something with a vault, which comes into being if it must.
    pub(crate) fn in_vault<T>(&self, vault: &str, act: impl FnOnce(&mut Vault) -> T) -> T {
        act(locked(&self.vaults).made(&cloud::host_of(vault), self.throttle))
    }

    /// A number for the next connection, from 1.
    pub(crate) fn connection(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn put_secret(
        &self,
        vault: &str,
        name: &str,
        value: &str,
        content_type: Option<&str>,
        now: SystemTime,
    ) -> String {
        let version = Version::plain(value, content_type, now);
        let id = version.id.clone();
        let mut vaults = locked(&self.vaults);
        let secret = vaults.made(&cloud::host_of(vault), self.throttle).put(name, version);
        // From now on this is what the name holds; there is no certificate left to rotate.
        secret.certificate = None;
        id
    }

    pub(crate) fn put_certificate(
        &self,
        vault: &str,
        name: &str,
        spec: &CertificateSpec,
        now: SystemTime,
    ) -> Result<Issued, IssueError> {
        let made = self.workshop.make(name, spec, None, now)?;
        Ok(self.store(&cloud::host_of(vault), name, spec.clone(), made, now))
    }

    /// A new version of a certificate, made as the one before but with another key.
    pub(crate) fn rotate(
        &self,
        vault: &str,
        name: &str,
        now: SystemTime,
    ) -> Result<Issued, IssueError> {
        let host = cloud::host_of(vault);
        let held = locked(&self.vaults)
            .of(&host)
            .and_then(|vault| vault.secret(name))
            .and_then(|secret| Some((secret.name.clone(), secret.certificate.clone()?)));
        let Some((name, (spec, last))) = held else {
            return Err(IssueError::Unknown { vault: host, name: name.to_owned() });
        };
        let made = self.workshop.make(&name, &spec, Some(&last), now)?;
        Ok(self.store(&host, &name, spec, made, now))
    }

    /// Changes the attributes of a version, the newest if none is named; whether there is one.
    pub(crate) fn change(
        &self,
        vault: &str,
        name: &str,
        version: Option<&str>,
        change: AttributeChange,
        now: SystemTime,
    ) -> bool {
        let mut vaults = locked(&self.vaults);
        let vault = vaults.of(&cloud::host_of(vault));
        vault.is_some_and(|vault| vault.change(name, version, change, now))
    }

    /// Deletes a secret with all its versions; whether there was one.
    pub(crate) fn delete(&self, vault: &str, name: &str) -> bool {
        let mut vaults = locked(&self.vaults);
        vaults.of(&cloud::host_of(vault)).is_some_and(|vault| vault.delete(name))
    }

    fn store(
        &self,
        host: &str,
        name: &str,
        spec: CertificateSpec,
        made: Made,
        now: SystemTime,
    ) -> Issued {
        let version = Version::certificate(&made, spec.format.content_type(), now);
        let issued = Issued {
            vault: host.to_owned(),
            name: name.to_owned(),
            version: version.id.clone(),
            serial: made.serial.clone(),
            chain: made.chain.clone(),
            pkcs8: made.pkcs8().to_vec(),
            value: made.value.clone(),
        };
        let mut vaults = locked(&self.vaults);
        let secret = vaults.made(host, self.throttle).put(name, version);
        secret.certificate = Some((spec, Arc::new(made)));
        issued
    }
}
