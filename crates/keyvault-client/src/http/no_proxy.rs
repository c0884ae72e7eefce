//! The exceptions to a proxy (`NO_PROXY`), read as generously as the tools people know it from:
//! curl, Go and Python each understand a part of this.

use std::net::IpAddr;

/// Hosts that are reached directly.
#[derive(Debug, Default)]
pub(super) struct NoProxy(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    what: What,
    /// `None`: any.
    port: Option<u16>,
}

#[derive(Debug)]
enum What {
    Everything,
    /// A domain: itself and everything below it.
    Domain(String),
    Network {
        address: IpAddr,
        prefix: u8,
    },
}

impl NoProxy {
    /// Entries are separated by commas or white space. One that cannot be read matches nothing.
    pub(super) fn parse(list: &str) -> Self {
        let entries = list.split(|c: char| c == ',' || c.is_whitespace());
        Self(entries.filter(|entry| !entry.is_empty()).filter_map(Entry::parse).collect())
    }

    /// Whether requests to this host, with or without a port, go directly.
    pub(super) fn covers(&self, authority: &str) -> bool {
        let (host, port) = split_port(authority);
        let host = bare(host).to_ascii_lowercase();
        let address: Option<IpAddr> = host.parse().ok();
        self.0.iter().any(|entry| {
            entry.port.is_none_or(|wanted| wanted == port.unwrap_or(443))
                && entry.what.matches(&host, address)
        })
    }
}

impl Entry {
    fn parse(text: &str) -> Option<Self> {
        if let Some((address, prefix)) = text.split_once('/') {
            let address: IpAddr = bare(address).parse().ok()?;
            let prefix: u8 = prefix.parse().ok()?;
            let longest = if address.is_ipv4() { 32 } else { 128 };
            let what = What::Network { address, prefix };
            return (prefix <= longest).then_some(Self { what, port: None });
        }
        let (host, port) = split_port(text);
        let host = bare(host).to_ascii_lowercase();
        if host == "*" {
            return Some(Self { what: What::Everything, port });
        }
        if let Ok(address) = host.parse::<IpAddr>() {
            let prefix = if address.is_ipv4() { 32 } else { 128 };
            return Some(Self { what: What::Network { address, prefix }, port });
        }
        let domain = host.strip_prefix('*').unwrap_or(&host);
        let domain = domain.trim_matches('.');
        (!domain.is_empty()).then(|| Self { what: What::Domain(domain.to_owned()), port })
    }
}

impl What {
    fn matches(&self, host: &str, address: Option<IpAddr>) -> bool {
        match self {
            Self::Everything => true,
            Self::Domain(domain) => host
                .strip_suffix(domain.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.')),
            Self::Network { address: network, prefix } => {
                address.is_some_and(|address| is_inside(address, *network, *prefix))
            }
        }
    }
}

fn is_inside(address: IpAddr, network: IpAddr, prefix: u8) -> bool {
    let (address, network, bits) = match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(n)) => (u128::from(a.to_bits()), u128::from(n.to_bits()), 32),
        (IpAddr::V6(a), IpAddr::V6(n)) => (a.to_bits(), n.to_bits(), 128),
        _ => return false,
    };
    let ignored = u32::from(bits - prefix);
    // Shifting by the whole width is no shift in Rust.
    address.checked_shr(ignored).unwrap_or(0) == network.checked_shr(ignored).unwrap_or(0)
}

/// Cuts off `:port`, unless the colons are an IPv6 address's own.
fn split_port(text: &str) -> (&str, Option<u16>) {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => match port.parse() {
            Ok(port) => (host, Some(port)),
            Err(_) => (text, None),
        },
        _ => (text, None),
    }
}

fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_form_of_entry_covers_what_people_expect() {
        for (list, host, covered) in [
            ("", "a.vault.azure.net", false),
            ("*", "a.vault.azure.net", true),
            ("vault.azure.net", "a.vault.azure.net", true),
            (".vault.azure.net", "a.vault.azure.net", true),
            ("*.vault.azure.net", "a.vault.azure.net", true),
            ("VAULT.azure.net.", "a.Vault.azure.net:443", true),
            ("vault.azure.net", "vault.azure.net", true),
            ("azure.net", "notazure.net", false),
            (" foo , a.vault.azure.net ", "a.vault.azure.net", true),
            ("foo bar\ta.vault.azure.net", "a.vault.azure.net", true),
            ("a.vault.azure.net:8443", "a.vault.azure.net", false),
            ("a.vault.azure.net:443", "a.vault.azure.net", true),
            ("localhost:8443", "localhost:8443", true),
            ("localhost", "localhost:8443", true),
            ("10.0.0.0/8", "10.200.3.4", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/8", "10.example.net", false),
            ("0.0.0.0/0", "11.0.0.1:8443", true),
            ("10.1.2.3", "10.1.2.3:8443", true),
            ("fd00::/8", "[fdff::1]:8443", true),
            ("::/0", "10.0.0.1", false),
            ("::1", "[::1]", true),
            ("[::1]:8443", "[::1]:8443", true),
            ("[::1]:8443", "[::1]", false),
            ("10.0.0.0/33, ../x, :, [", "10.0.0.1", false),
        ] {
            assert_eq!(NoProxy::parse(list).covers(host), covered, "{list:?} {host}");
        }
    }

    proptest! {
        #[test]
        fn no_list_and_no_host_makes_it_panic(list in ".{0,60}", host in ".{0,60}") {
            NoProxy::parse(&list).covers(&host);
        }

        #[test]
        fn an_address_is_inside_every_network_cut_from_it(bits: u32, prefix in 0u8..=32) {
            let address = std::net::Ipv4Addr::from_bits(bits);
            let list = format!("{address}/{prefix}");
            prop_assert!(NoProxy::parse(&list).covers(&address.to_string()));
        }
    }
}
