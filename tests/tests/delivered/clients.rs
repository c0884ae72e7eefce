//! Clients that shake hands with a service all the time, and remember what they were shown.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::site::Site;

/// Several clients, in a process of their own (Python, so that it is another TLS implementation).
pub(crate) struct Clients {
    process: Child,
}

/// What they have seen.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) handshakes: u64,
    pub(crate) failures: Vec<String>,
    /// The serial numbers in the order in which they were shown first, upper case hexadecimal.
    pub(crate) serials: Vec<String>,
    /// The last one that was shown.
    pub(crate) last: String,
}

/// Rotates the site's certificate 50 times while clients connect: none of them fails, and the last
/// one is shown the newest version.
#[track_caller]
pub(crate) fn rotate_50_times(site: &Site, address: SocketAddr, start_tls: &str) -> Seen {
    let clients = Clients::of(address, start_tls);
    for _ in 0..50 {
        let issued = site.issue();
        site.sync_to(&issued);
    }
    let seen = clients.stop();
    assert!(seen.failures.is_empty(), "{seen:?}");
    assert_eq!(seen.last, site.azure_serial(), "{seen:?}");
    seen
}

impl Clients {
    /// Begins to connect; `start_tls` is `postgres` or nothing.
    pub(crate) fn of(address: SocketAddr, start_tls: &str) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/delivered/clients.py");
        let mut python = Command::new("/usr/bin/python3");
        python.arg("-B").arg(script).arg(address.ip().to_string()).arg(address.port().to_string());
        python.arg(start_tls).stdin(Stdio::piped()).stdout(Stdio::piped());
        Self { process: python.spawn().expect("python3 starts") }
    }

    /// Lets every client begin and end one more handshake, and stops them.
    pub(crate) fn stop(mut self) -> Seen {
        let mut input = self.process.stdin.take().expect("piped");
        input.write_all(b"stop\n").unwrap();
        drop(input);
        let ended = self.process.wait_with_output().unwrap();
        let seen: Value = serde_json::from_slice(&ended.stdout).expect("a document");
        let texts = |value: &Value| -> Vec<String> {
            value.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
        };
        Seen {
            handshakes: seen["handshakes"].as_u64().unwrap(),
            failures: texts(&seen["failures"]),
            serials: texts(&seen["serials"]).iter().map(|one| serial(one)).collect(),
            last: serial(seen["last"].as_str().unwrap_or_default()),
        }
    }
}

/// OpenSSL fills up to whole bytes.
fn serial(printed: &str) -> String {
    printed.trim_start_matches('0').to_owned()
}
