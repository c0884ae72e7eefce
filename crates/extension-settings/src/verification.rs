//! `verify`: which TLS servers of this machine must serve a new certificate.

use std::time::Duration;

use crate::address::LocalAddress;
use crate::field::{Field, word_for};
use crate::key::Level;
use crate::nested::Nested;
use crate::remark::Remarks;

/// The most servers of one certificate.
const MOST: usize = 64;

/// How long a server has where the settings do not say.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A TLS server on this machine that must serve the new certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// Where it listens.
    pub address: LocalAddress,
    /// The name that it is asked for (RFC 6066 §3): a DNS name in lower case.
    pub server_name: Option<String>,
    /// The protocols that are offered (RFC 7301), most wanted first; each 1 to 255 bytes.
    pub alpn: Vec<String>,
    /// What has to be said before TLS begins.
    pub start_tls: Option<StartTls>,
    /// How long it has to serve the new certificate; at least 1 s.
    pub timeout: Duration,
}

/// A protocol in which TLS is asked for first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartTls {
    /// PostgreSQL's `SSLRequest`.
    Postgres,
    /// SMTP's `STARTTLS` (RFC 3207).
    Smtp,
    /// IMAP's `STARTTLS` (RFC 9051 §6.2.1).
    Imap,
    /// POP3's `STLS` (RFC 2595 §4).
    Pop3,
}

const START_TLS: [(&str, StartTls); 4] = [
    ("postgres", StartTls::Postgres),
    ("smtp", StartTls::Smtp),
    ("imap", StartTls::Imap),
    ("pop3", StartTls::Pop3),
];

impl StartTls {
    /// The word for it in the settings.
    pub(crate) fn name(self) -> &'static str {
        word_for(&START_TLS, &self)
    }
}

/// Reads `verify`; what cannot be read is reported and left out.
pub(crate) fn read(field: Field, remarks: &mut Remarks) -> Vec<Verification> {
    let path = field.path.clone();
    let Some(list) = field.objects(None, remarks) else { return Vec::new() };
    if list.len() > MOST {
        remarks.problem(path, format!("has more than {MOST} servers"));
        return Vec::new();
    }
    list.into_iter().filter_map(|one| read_one(one, remarks)).collect()
}

fn read_one(field: Field, remarks: &mut Remarks) -> Option<Verification> {
    let mut keys = Nested::read(field, Level::Verify, remarks)?;
    let address = keys.required("address", "where the server listens, \"127.0.0.1:443\"", remarks);
    let address = address.and_then(|field| LocalAddress::read(&field, remarks));
    let server_name = keys.take("serverName").and_then(|field| read_name(&field, remarks));
    let alpn = keys.take("alpn").and_then(|field| read_alpn(field, remarks)).unwrap_or_default();
    let start_tls = keys.take("startTls").and_then(|field| field.word(&START_TLS, remarks));
    let timeout = keys.timeout(TIMEOUT, remarks);
    Some(Verification { address: address?, server_name, alpn, start_tls, timeout })
}

/// A DNS name (RFC 1123 §2.1), without a dot at its end.
fn read_name(field: &Field, remarks: &mut Remarks) -> Option<String> {
    let name = field.text(remarks)?.to_ascii_lowercase();
    let name = name.strip_suffix('.').unwrap_or(&name);
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(legal)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let number =
        name.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    if name.len() <= 253 && name.split('.').all(label) && !number {
        return Some(name.to_owned());
    }
    field.refuse("a DNS name such as \"www.contoso.com\"", remarks)
}

fn read_alpn(field: Field, remarks: &mut Remarks) -> Option<Vec<String>> {
    let path = field.path.clone();
    let list = field.array(remarks)?;
    if list.len() > MOST {
        remarks.problem(path, format!("has more than {MOST} protocols"));
        return None;
    }
    let read = list.iter().map(|field| match field.text(remarks) {
        Some(name) if name.len() <= 255 && name.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Some(name)
        }
        Some(_) => field.refuse("the name of a protocol such as \"h2\"", remarks),
        None => None,
    });
    Some(read.collect::<Vec<_>>().into_iter().flatten().collect())
}
