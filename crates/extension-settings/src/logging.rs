//! `loggingSettings`: where the log is sent besides its file.

use std::fmt;
use std::net::Ipv6Addr;
use std::path::PathBuf;

use crate::claims::Claims;
use crate::field::Field;
use crate::remark::{Remarks, excerpt};
use crate::store::normalised;

/// The port on which Fluentd's forward input listens unless configured otherwise.
const FLUENTD_PORT: u16 = 24224;

/// The name under which the worker logs.
const SERVICE_NAME: &str = "akvvm_service";

/// A Fluentd receiver for the log, spoken to by the forward protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logging {
    /// Where it listens.
    pub endpoint: LogEndpoint,
    /// The tag on each event (`servicename`): 1 to 128 characters without white space.
    pub service_name: String,
}

/// Where a log receiver listens. `Display` prints the URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogEndpoint {
    /// A host name or address (IPv6 without brackets) and a port.
    Tcp {
        /// The host.
        host: String,
        /// The port.
        port: u16,
    },
    /// A Unix domain socket's path, absolute.
    Unix(PathBuf),
}

impl fmt::Display for LogEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "tcp://[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

impl Logging {
    /// Reads the keys of `loggingSettings`; without any, nothing is sent. Templates with a
    /// parameter for each make empty texts of those that were not given.
    pub(crate) fn read(mut keys: Claims, remarks: &mut Remarks) -> Option<Self> {
        keys.drop_blank(remarks);
        if keys.is_empty() {
            return None;
        }
        expect_word(keys.take("logger"), "fluentd", remarks);
        expect_word(keys.take("format"), "forward", remarks);
        let service_name = keys.take("servicename").and_then(|field| read_name(&field, remarks));
        let Some(endpoint) = keys.take("endpoint") else {
            let text = "missing: write where the receiver listens, \
                tcp://localhost:24224 or unix:///run/fluent.sock";
            remarks.problem("loggingSettings.endpoint", text);
            return None;
        };
        let endpoint = read_endpoint(&endpoint, remarks)?;
        Some(Self {
            endpoint,
            service_name: service_name.unwrap_or_else(|| SERVICE_NAME.to_owned()),
        })
    }
}

/// There is one receiver and one format so far; another word is not quietly taken for them.
fn expect_word(field: Option<Field>, word: &str, remarks: &mut Remarks) {
    let Some(field) = field else { return };
    let Some(text) = field.text(remarks) else { return };
    if !text.eq_ignore_ascii_case(word) {
        field.refuse::<()>(&format!("\"{word}\""), remarks);
    }
}

fn read_name(field: &Field, remarks: &mut Remarks) -> Option<String> {
    let name = field.text(remarks)?;
    let allowed = |c: char| !c.is_whitespace() && !c.is_control();
    if name.chars().all(allowed) && name.chars().count() <= 128 {
        return Some(name);
    }
    field.refuse("a name of 1 to 128 characters without white space", remarks)
}

fn read_endpoint(field: &Field, remarks: &mut Remarks) -> Option<LogEndpoint> {
    let text = field.text(remarks)?;
    match parse_endpoint(&text) {
        Ok(endpoint) => Some(endpoint),
        Err(reason) => {
            let text = format!(
                "\"{}\" {reason}: write tcp://localhost:24224 or unix:///run/fluent.sock",
                excerpt(&text)
            );
            remarks.problem(&field.path, text);
            None
        }
    }
}

fn parse_endpoint(text: &str) -> Result<LogEndpoint, &'static str> {
    let (scheme, rest) = text.split_once("://").ok_or("has no tcp:// or unix:// in front")?;
    match &*scheme.to_ascii_lowercase() {
        "tcp" => parse_tcp(rest.strip_suffix('/').unwrap_or(rest)),
        "unix" => normalised(rest)
            .map(LogEndpoint::Unix)
            .map_err(|_| "does not name a socket by an absolute path"),
        _ => Err("has another scheme than tcp or unix"),
    }
}

fn parse_tcp(authority: &str) -> Result<LogEndpoint, &'static str> {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => {
            let port = port.parse().ok().filter(|port| *port != 0);
            (host, port.ok_or("has a port that is not 1 to 65535")?)
        }
        _ => (authority, FLUENTD_PORT),
    };
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    if let Some(address) = address {
        let address: Ipv6Addr =
            address.parse().map_err(|_| "has no IPv6 address in the brackets")?;
        return Ok(LogEndpoint::Tcp { host: address.to_string(), port });
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if !host.is_empty() && host.len() <= 253 && host.bytes().all(allowed) {
        Ok(LogEndpoint::Tcp { host: host.to_ascii_lowercase(), port })
    } else {
        Err("has no host name or address after tcp://")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_tcp_or_unix() {
        for (text, printed) in [
            ("tcp://localhost:24224", "tcp://localhost:24224"),
            ("tcp://localhost", "tcp://localhost:24224"),
            ("TCP://Logs.Contoso.example:5000/", "tcp://logs.contoso.example:5000"),
            ("tcp://[::1]:24224", "tcp://[::1]:24224"),
            ("tcp://[::1]", "tcp://[::1]:24224"),
            ("unix:///run/fluent//./fluent.sock", "unix:///run/fluent/fluent.sock"),
        ] {
            assert_eq!(parse_endpoint(text).unwrap().to_string(), printed, "{text}");
        }
    }

    #[test]
    fn other_endpoints_are_refused_with_the_reason() {
        for (text, reason) in [
            ("localhost:24224", "no tcp:// or unix://"),
            ("http://localhost:24224", "another scheme"),
            ("tcp://", "no host name"),
            ("tcp://:24224", "no host name"),
            ("tcp://a/b:1", "no host name"),
            ("tcp://a:b", "port"),
            ("tcp://a:0", "port"),
            ("tcp://[::g]:1", "IPv6"),
            ("unix://run/fluent.sock", "absolute path"),
            ("unix:///run/../etc/x", "absolute path"),
        ] {
            let refused = parse_endpoint(text).unwrap_err();
            assert!(refused.contains(reason), "{text}: {refused}");
        }
    }
}
