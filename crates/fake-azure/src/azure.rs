//! Everything that the imagined services share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use crate::arc_key::KeyFiles;
use crate::certificate::{CertificateSpec, IssueError, Issued, Made, Workshop};
use crate::fault::Rules;
use crate::identity::{Identity, Tokens};
use crate::lock::locked;
use crate::options::Options;
use crate::request_log::RequestLog;
use crate::vault::access::Denial;
use crate::vault::cloud;
use crate::vault::store::{Vaults, Version};
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
    throttle: Option<Throttle>,
    workshop: Workshop,
    connections: AtomicU64,
}

impl Azure {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            identities: Mutex::new(options.identities.clone()),
            tokens: Mutex::new(Tokens::new(options.token_lifetime)),
            arc_keys: Mutex::new(options.arc_key_directory.clone().map(KeyFiles::new)),
            vaults: Mutex::default(),
            rules: Mutex::default(),
            log: RequestLog::new(options.log_limit),
            suffixes: cloud::suffixes(&options.vault_suffixes),
            proxy_credentials: options.proxy_credentials.clone(),
            throttle: options.throttle,
            workshop: Workshop::new(options.rsa_keys),
            connections: AtomicU64::new(0),
        }
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

    pub(crate) fn deny(&self, vault: &str, denial: Denial) {
        let mut vaults = locked(&self.vaults);
        vaults.made(&cloud::host_of(vault), self.throttle).denials.push(denial);
    }

    pub(crate) fn allow(&self, vault: &str) {
        let mut vaults = locked(&self.vaults);
        vaults.made(&cloud::host_of(vault), self.throttle).denials.clear();
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
