//! Addresses of this machine.

use std::error::Error;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// An address and a port that a service on this machine may listen on: `127.0.0.1:443`,
/// `[::1]:443`, `localhost:443`, or an address of a network interface. Names are not looked up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalAddress(Host, u16);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Host {
    /// Either of the loopback addresses.
    Localhost,
    Address(IpAddr),
}

impl LocalAddress {
    /// What to connect to, in order; nothing, where the address is not this machine's (now).
    pub(super) fn all(&self) -> Vec<SocketAddr> {
        let port = self.1;
        match self.0 {
            Host::Localhost => {
                let both = [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()];
                both.map(|address| SocketAddr::new(address, port)).into()
            }
            Host::Address(address) if is_own(address) => vec![SocketAddr::new(address, port)],
            Host::Address(_) => Vec::new(),
        }
    }
}

/// Whether what is sent to an address stays on this machine. The kernel sends from the very
/// address that it sends to exactly where that is its own; nothing is sent to find out. That it
/// can be bound says less: `net.ipv4.ip_nonlocal_bind` lets any be.
fn is_own(address: IpAddr) -> bool {
    let any: IpAddr = match address {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let source = || {
        let socket = UdpSocket::bind((any, 0))?;
        socket.connect((address, 9))?;
        socket.local_addr()
    };
    address.is_loopback() || source().is_ok_and(|source| source.ip() == address)
}

impl LocalAddress {
    /// An IP address, or `localhost`, with a port.
    ///
    /// # Errors
    /// Where it is something else, or stands for more than one service.
    pub fn parse(text: &str) -> Result<Self, NotALocalAddress> {
        let refused = |why| NotALocalAddress { text: text.to_owned(), why };
        let (host, port) = match text.strip_prefix("localhost:") {
            Some(port) => {
                let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
                let port = digits.then(|| port.parse().ok()).flatten();
                (Host::Localhost, port.ok_or_else(|| refused("it has no port"))?)
            }
            None => {
                let address: SocketAddr = text.parse().map_err(|_| {
                    refused("it is not an IP address, or localhost, with a port: 127.0.0.1:443")
                })?;
                (Host::Address(address.ip()), address.port())
            }
        };
        match host {
            _ if port == 0 => Err(refused("port 0 is nobody's")),
            Host::Address(address) if address.is_unspecified() => {
                Err(refused("it stands for all addresses; name one, such as 127.0.0.1"))
            }
            Host::Address(address) if address.is_multicast() => {
                Err(refused("it is a group's, not a service's"))
            }
            host => Ok(Self(host, port)),
        }
    }
}

impl fmt::Display for LocalAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Host::Localhost => write!(f, "localhost:{}", self.1),
            Host::Address(address) => SocketAddr::new(address, self.1).fmt(f),
        }
    }
}

/// Not a [`LocalAddress`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotALocalAddress {
    text: String,
    why: &'static str,
}

impl fmt::Display for NotALocalAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not where a service of this machine listens: {}", self.text, self.why)
    }
}

impl Error for NotALocalAddress {}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<LocalAddress, String> {
        LocalAddress::parse(text).map_err(|error| error.to_string())
    }

    #[test]
    fn addresses_print_as_they_are_written() {
        for text in ["127.0.0.1:443", "[::1]:8443", "localhost:5432", "10.0.0.4:443"] {
            assert_eq!(read(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_address_says_why() {
        for (text, why) in [
            ("127.0.0.1", "with a port"),
            ("443", "with a port"),
            ("", "with a port"),
            ("web.contoso.com:443", "with a port"),
            ("https://127.0.0.1:443", "with a port"),
            ("::1:443", "with a port"),
            ("localhost:", "no port"),
            ("localhost:+1", "no port"),
            ("localhost:65536", "no port"),
            ("127.0.0.1:0", "nobody's"),
            ("0.0.0.0:443", "name one"),
            ("[::]:443", "name one"),
            ("224.0.0.1:443", "a group's"),
        ] {
            let said = read(text).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
    }

    #[test]
    fn localhost_is_either_loopback_address() {
        let both = read("localhost:443").unwrap().all();
        assert_eq!(both, ["127.0.0.1:443".parse().unwrap(), "[::1]:443".parse().unwrap()]);
    }

    #[test]
    fn only_this_machines_addresses_are_asked() {
        for own in ["127.0.0.1:443", "127.0.0.2:443", "[::1]:443"] {
            assert_eq!(read(own).unwrap().all(), [own.parse().unwrap()]);
        }
        // Addresses for documentation (RFC 5737, RFC 3849), which no machine has.
        for foreign in ["192.0.2.1:443", "[2001:db8::1]:443"] {
            assert_eq!(read(foreign).unwrap().all(), []);
        }
    }

    #[test]
    fn an_address_of_an_interface_is_this_machines() {
        // What the kernel would send from, if there is a way out at all.
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        if socket.connect("192.0.2.1:9").is_ok() {
            assert!(is_own(socket.local_addr().unwrap().ip()));
        }
    }
}
