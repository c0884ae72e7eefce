//! Certificates, folders, addresses, and services that end with their test.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use rcgen::{CertificateParams, DnType, KeyPair, SerialNumber};
use reaction::{LocalAddress, StartTls, Verification, VerificationError};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// Far more than anything here takes, so that a slow machine fails nothing.
const PATIENCE: Duration = Duration::from_secs(60);
/// Enough for a handshake or two, where none is to come out well.
const IMPATIENCE: Duration = Duration::from_millis(300);

/// A certificate with its key.
pub(crate) struct Certificate {
    pub(crate) der: Vec<u8>,
    pub(crate) chain: String,
    pub(crate) key: String,
}

impl Certificate {
    pub(crate) fn new(name: &str, serial: u64) -> Self {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.serial_number = Some(SerialNumber::from(serial));
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let (chain, key) = (certificate.pem(), key.serialize_pem());
        Self { der: certificate.der().to_vec(), chain, key }
    }

    /// As HAProxy reads it.
    pub(crate) fn combined(&self) -> String {
        format!("{}{}", self.chain, self.key)
    }
}

/// A folder that an unprivileged user can be given files in.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Self(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Replaces a file as the product does: by a rename, readable for its owner alone.
    pub(crate) fn write(&self, name: &str, text: &str, owner: Option<(u32, u32)>) -> PathBuf {
        use std::io::Write;
        let (beside, path) = (self.path().join(format!(".{name}")), self.path().join(name));
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).create(true).mode(0o600).open(&beside).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        if let Some((user, group)) = owner {
            chown(&beside, Some(user), Some(group)).unwrap();
        }
        fs::rename(&beside, &path).unwrap();
        path
    }
}

/// An address for one test: of the many that loopback has, one that no other process uses.
pub(crate) fn free_address() -> SocketAddr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [_, _, high, low] = std::process::id().to_be_bytes();
    let last = NEXT.fetch_add(1, Ordering::Relaxed);
    let host = [127, high | 0x40, low, last];
    let listener = TcpListener::bind((std::net::Ipv4Addr::from(host), 0)).unwrap();
    listener.local_addr().unwrap()
}

/// A service that is ended with its test, also where the test is killed.
pub(crate) struct Service {
    child: Child,
    log: PathBuf,
    end: Signal,
}

impl Service {
    /// Its words go to a log in the folder.
    pub(crate) fn start(folder: &Folder, argv: &[&str], end: Signal) -> Self {
        let log = folder.path().join("log");
        let words = fs::File::create(&log).unwrap();
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "TERM", "--"])
            .args(argv)
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(words.try_clone().unwrap())
            .stderr(words)
            .spawn()
            .unwrap();
        Self { child, log, end }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let pid = Pid::from_child(&self.child);
        let _ = kill_process(pid, self.end);
        let _ = self.child.wait();
        let _ = kill_process_group(pid, Signal::KILL);
    }
}

/// How a service is asked.
pub(crate) struct Question(Verification);

impl Question {
    pub(crate) fn to(address: SocketAddr) -> Self {
        Self(Verification {
            address: LocalAddress::parse(&address.to_string()).unwrap(),
            server_name: None,
            alpn: Vec::new(),
            start_tls: None,
            time_limit: PATIENCE,
        })
    }

    pub(crate) fn name(mut self, name: &str) -> Self {
        self.0.server_name = Some(name.to_owned());
        self
    }

    pub(crate) fn alpn(mut self, protocol: &str) -> Self {
        self.0.alpn = vec![protocol.into()];
        self
    }

    pub(crate) fn start_tls(mut self, kind: StartTls) -> Self {
        self.0.start_tls = Some(kind);
        self
    }

    /// Waits until the certificate is served.
    #[track_caller]
    pub(crate) fn finds(&self, certificate: &Certificate, service: &Service) {
        let found = reaction::verify(&self.0, &certificate.der);
        assert!(found.is_ok(), "{}\n{}", found.unwrap_err(), service.log());
    }

    /// How it is not served.
    pub(crate) fn misses(&self, certificate: &Certificate) -> VerificationError {
        let wanted = Verification { time_limit: IMPATIENCE, ..self.0.clone() };
        reaction::verify(&wanted, &certificate.der).unwrap_err()
    }
}
