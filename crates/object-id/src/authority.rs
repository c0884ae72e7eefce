//! The host and port of a vault: RFC 3986 §3.2 without user-info, narrowed to what a vault's
//! address can be.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The port that https uses when a URL names none (RFC 9110 §4.2.2).
const HTTPS_PORT: u16 = 443;

/// A host that could be connected to, with its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Authority {
    /// In lower case; IPv6 without brackets and in its shortest form.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) is_address: bool,
}

/// Why a piece of text is no host and port. Each is one sentence of the public errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuthorityError {
    NoHost,
    Port,
    NotAscii,
    HostName,
}

impl Authority {
    pub(crate) fn parse(text: &str) -> Result<Self, AuthorityError> {
        let (host, port) = split_port(text)?;
        if host.is_empty() {
            return Err(AuthorityError::NoHost);
        }
        if !host.is_ascii() {
            return Err(AuthorityError::NotAscii);
        }
        if let Some(inner) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let address: Ipv6Addr = inner.parse().map_err(|_| AuthorityError::HostName)?;
            return Ok(Self { host: address.to_string(), port, is_address: true });
        }
        if let Ok(address) = host.parse::<Ipv4Addr>() {
            return Ok(Self { host: address.to_string(), port, is_address: true });
        }
        if !is_host_name(host) {
            return Err(AuthorityError::HostName);
        }
        Ok(Self { host: host.to_ascii_lowercase(), port, is_address: false })
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]", self.host)?;
        } else {
            f.write_str(&self.host)?;
        }
        if self.port != HTTPS_PORT {
            write!(f, ":{}", self.port)?;
        }
        Ok(())
    }
}

fn split_port(text: &str) -> Result<(&str, u16), AuthorityError> {
    // A colon inside brackets belongs to an IPv6 address.
    let after_bracket = text.rfind(']').map_or(0, |at| at + 1);
    let Some(colon) = text[after_bracket..].find(':') else {
        return Ok((text, HTTPS_PORT));
    };
    let (host, port) = text.split_at(after_bracket + colon);
    let digits = &port[1..];
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(AuthorityError::Port);
    }
    match digits.parse::<u16>() {
        Ok(port) if port > 0 => Ok((host, port)),
        _ => Err(AuthorityError::Port),
    }
}

/// Letters, digits and hyphens in labels of 1 to 63 (RFC 1123 §2.1). A last label of digits only
/// would be read as an IPv4 address in an unusual notation by some resolvers, so it is no name.
fn is_host_name(host: &str) -> bool {
    let last_is_numeric = host.rsplit('.').next().is_some_and(|label| {
        let digits = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
        match digits {
            Some(hex) => hex.bytes().all(|byte| byte.is_ascii_hexdigit()),
            None => label.bytes().all(|byte| byte.is_ascii_digit()),
        }
    });
    host.len() <= 253 && !last_is_numeric && host.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_printed_in_lower_case_and_without_the_usual_port() {
        for (text, printed) in [
            ("A.Vault.Azure.NET", "a.vault.azure.net"),
            ("a.vault.azure.net:443", "a.vault.azure.net"),
            ("localhost:8443", "localhost:8443"),
            ("127.0.0.1", "127.0.0.1"),
            ("[::1]:8443", "[::1]:8443"),
            ("[2001:DB8:0:0::1]", "[2001:db8::1]"),
        ] {
            assert_eq!(Authority::parse(text).unwrap().to_string(), printed);
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for (text, error) in [
            ("", AuthorityError::NoHost),
            (":443", AuthorityError::NoHost),
            ("a.b:", AuthorityError::Port),
            ("a.b:0", AuthorityError::Port),
            ("a.b:65536", AuthorityError::Port),
            ("a.b:+1", AuthorityError::Port),
            ("a:1:2", AuthorityError::Port),
            ("bücher.example", AuthorityError::NotAscii),
            ("a..b", AuthorityError::HostName),
            ("a.b.", AuthorityError::HostName),
            ("-a.b", AuthorityError::HostName),
            ("a_b.c", AuthorityError::HostName),
            ("127.1", AuthorityError::HostName),
            ("0x7f000001", AuthorityError::HostName),
            ("[::1", AuthorityError::Port),
            ("[nonsense]", AuthorityError::HostName),
            ("[::1]x", AuthorityError::HostName),
        ] {
            assert_eq!(Authority::parse(text), Err(error), "{text}");
        }
    }
}
