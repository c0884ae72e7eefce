//! Addresses that this machine has.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::field::Field;
use crate::remark::{Remarks, excerpt};

/// An address and a port at which a service on this machine may be found: `localhost`, or an IP
/// address that stands for one host. Whether the machine has the address is seen when it is used.
/// `Display` prints it as it is written in a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LocalAddress {
    /// `None` is `localhost`: IPv4 or IPv6.
    host: Option<IpAddr>,
    port: u16,
}

/// A [`LocalAddress`] that nobody outside of this machine can reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LoopbackAddress(LocalAddress);

impl LocalAddress {
    /// Reads `127.0.0.1:443`, `[::1]:443`, `localhost:443` or `10.0.0.4:443`. `None` for an empty
    /// text, or with a problem.
    pub(crate) fn read(field: &Field, remarks: &mut Remarks) -> Option<Self> {
        read(field, parse, remarks)
    }
}

impl LoopbackAddress {
    /// What to listen on: for `localhost` the IPv4 and the IPv6 address, else one.
    #[must_use]
    pub fn sockets(&self) -> Vec<SocketAddr> {
        let both = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        let hosts = self.0.host.map_or(both.to_vec(), |host| vec![host]);
        hosts.into_iter().map(|host| SocketAddr::new(host, self.0.port)).collect()
    }

    /// Reads `127.0.0.1:443`, `[::1]:443` or `localhost:443`. `None` for an empty text, or with a
    /// problem.
    pub(crate) fn read(field: &Field, remarks: &mut Remarks) -> Option<Self> {
        read(field, parse_loopback, remarks)
    }
}

impl fmt::Display for LocalAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host {
            Some(host) => SocketAddr::new(host, self.port).fmt(f),
            None => write!(f, "localhost:{}", self.port),
        }
    }
}

impl fmt::Display for LoopbackAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn read<T>(
    field: &Field,
    parse: impl Fn(&str) -> Result<T, &'static str>,
    remarks: &mut Remarks,
) -> Option<T> {
    let text = field.text(remarks)?;
    match parse(&text) {
        Ok(address) => Some(address),
        Err(reason) => {
            let text = format!(
                "\"{}\" {reason}: write an address of this machine and a port, \
                 \"127.0.0.1:443\", \"[::1]:443\" or \"localhost:443\" for example",
                excerpt(&text)
            );
            remarks.problem(&field.path, text);
            None
        }
    }
}

fn parse(text: &str) -> Result<LocalAddress, &'static str> {
    let (host, port) = text.rsplit_once(':').ok_or("has no port")?;
    let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let port = port.parse().ok().filter(|port| digits && *port != 0);
    let port = port.ok_or("has a port that is not 1 to 65535")?;
    if host.eq_ignore_ascii_case("localhost") {
        return Ok(LocalAddress { host: None, port });
    }
    let address = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(host) => host.parse().map(IpAddr::V6),
        None => host.parse().map(IpAddr::V4),
    };
    match address {
        Ok(host) if host.is_unspecified() => Err("is every address, and so no one's"),
        Ok(host) if host.is_multicast() => Err("is the address of a group"),
        Ok(host) => Ok(LocalAddress { host: Some(host), port }),
        Err(_) => Err("has no address before the port"),
    }
}

fn parse_loopback(text: &str) -> Result<LoopbackAddress, &'static str> {
    let address = parse(text)?;
    let loopback = address.host.is_none_or(|host| host.is_loopback());
    if loopback { Ok(LoopbackAddress(address)) } else { Err("is not a loopback address") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_addresses_are_read_and_printed() {
        for (text, printed, sockets) in [
            ("127.0.0.1:443", "127.0.0.1:443", 1),
            ("127.8.0.1:1", "127.8.0.1:1", 1),
            ("[::1]:65535", "[::1]:65535", 1),
            ("LocalHost:443", "localhost:443", 2),
        ] {
            let read = parse_loopback(text).unwrap();
            assert_eq!(parse(text), Ok(read.0));
            assert_eq!((read.to_string().as_str(), read.sockets().len()), (printed, sockets));
        }
    }

    #[test]
    fn other_addresses_are_refused_with_the_reason() {
        for (text, reason) in [
            ("127.0.0.1", "no port"),
            ("::1", "no address"),
            ("127.0.0.1:", "port"),
            ("127.0.0.1:0", "port"),
            ("127.0.0.1:+1", "port"),
            ("127.0.0.1:65536", "port"),
            ("0.0.0.0:443", "every address"),
            ("[::]:443", "every address"),
            ("10.0.0.4:443", "not a loopback"),
            ("contoso.example:443", "no address"),
            ("https://localhost:443", "no address"),
        ] {
            let refused = parse_loopback(text).unwrap_err();
            assert!(refused.contains(reason), "{text}: {refused}");
        }
    }

    #[test]
    fn an_address_of_this_machine_may_be_one_that_others_reach() {
        for text in ["10.0.0.4:443", "[fd00::4]:443", "localhost:5432"] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
        for text in ["0.0.0.0:443", "[::]:443", "224.0.0.1:443", "[ff02::1]:443", "contoso:443"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
