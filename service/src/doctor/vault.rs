//! The way to a vault, as the client walked it. Pure.

use std::net::{IpAddr, SocketAddr};

use certified_key::Certificate;
use keyvault_client::{Probe, ProbeStep};
use worker_state::Timestamp;

use super::finding::{Finding, Step};
use crate::source::failure;

/// More addresses than these are counted.
const MOST_SHOWN: usize = 4;

/// The steps of the way to the vault at `host`.
pub(super) fn findings(host: &str, probe: &Probe) -> Vec<Finding> {
    let all = [
        ProbeStep::Name,
        ProbeStep::Connection,
        ProbeStep::Proxy,
        ProbeStep::Tls,
        ProbeStep::Answer,
    ];
    let taken = all.into_iter().filter(|step| *step != ProbeStep::Proxy || probe.proxy.is_some());
    taken.map(|step| finding(step, host, probe)).collect()
}

/// The step that a step of the probe is called by here.
pub(super) fn step(step: ProbeStep) -> Step {
    match step {
        ProbeStep::Name => Step::Name,
        ProbeStep::Connection => Step::Connection,
        ProbeStep::Proxy => Step::Proxy,
        ProbeStep::Tls => Step::Tls,
        ProbeStep::Answer => Step::Answer,
    }
}

fn finding(step: ProbeStep, host: &str, probe: &Probe) -> Finding {
    let name = self::step(step);
    let met = match step {
        ProbeStep::Name => named(probe),
        ProbeStep::Connection => connected(probe),
        ProbeStep::Proxy => format!("connects to {host}"),
        ProbeStep::Tls => "trusted".to_owned(),
        ProbeStep::Answer => answered(probe),
    };
    let finding = match &probe.stop {
        Some((at, error)) if *at == step => Finding::failed(name, error.fault(), failure(error)),
        Some((at, _)) if *at < step => return Finding::skipped(name, "not reached"),
        _ => Finding::fine(name, met),
    };
    match step {
        ProbeStep::Tls => finding.with(presented(probe)),
        _ => finding,
    }
}

fn named(probe: &Probe) -> String {
    let addresses = addresses(&probe.addresses);
    match &probe.proxy {
        Some(proxy) => format!("the proxy {proxy} is {addresses}; it looks up the vault's name"),
        None => addresses,
    }
}

/// Addresses, and whether they lie in a private network.
pub(super) fn addresses(all: &[SocketAddr]) -> String {
    let shown: Vec<String> = all.iter().take(MOST_SHOWN).map(|one| one.ip().to_string()).collect();
    let mut text = shown.join(", ");
    if let Some(more @ 1..) = all.len().checked_sub(MOST_SHOWN) {
        text.push_str(&format!(" and {more} more"));
    }
    let private = all.iter().filter(|one| is_private(one.ip())).count();
    match (private, all.len()) {
        (0, _) => text,
        (private, all) if private == all => text + " (private)",
        _ => text + " (some of them private)",
    }
}

/// Whether an address is what a private endpoint has (RFC 1918, RFC 4193).
pub(super) fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private(),
        IpAddr::V6(address) => address.is_unique_local(),
    }
}

fn connected(probe: &Probe) -> String {
    match (probe.connected, &probe.proxy) {
        (Some(address), Some(_)) => format!("{address}, the proxy, takes connections"),
        (Some(address), None) => format!("{address} takes connections"),
        (None, _) => "connected".to_owned(),
    }
}

fn answered(probe: &Probe) -> String {
    let Some(wanted) = &probe.wanted else { return "answers".to_owned() };
    let tenant = wanted.tenant_id.as_ref();
    let tenant = tenant.map(|tenant| format!(" of the tenant {tenant}")).unwrap_or_default();
    format!("as a key vault: wants a token for {}{tenant}", wanted.resource)
}

/// Whom the vault's certificate is for, and who vouches for it: a proxy that inspects TLS shows
/// by its name.
fn presented(probe: &Probe) -> Option<String> {
    let leaf = probe.presented.first().and_then(|der| Certificate::read(der))?;
    let until = Timestamp::from(leaf.not_after());
    let (subject, issuer) = (leaf.subject(), leaf.issuer());
    Some(format!("presented: {subject}, issued by {issuer}, valid until {until}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(list: &[&str]) -> String {
        let all: Vec<SocketAddr> =
            list.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 443)).collect();
        addresses(&all)
    }

    #[test]
    fn private_addresses_are_told_from_public_ones() {
        assert_eq!(shown(&["20.0.0.1"]), "20.0.0.1");
        assert_eq!(shown(&["10.1.2.3"]), "10.1.2.3 (private)");
        assert_eq!(shown(&["fd00::1", "172.16.0.1"]), "fd00::1, 172.16.0.1 (private)");
        assert_eq!(shown(&["10.1.2.3", "20.0.0.1"]), "10.1.2.3, 20.0.0.1 (some of them private)");
    }

    #[test]
    fn many_addresses_are_counted() {
        let many = ["20.0.0.1"; 7];
        assert!(shown(&many).ends_with("20.0.0.1 and 3 more"));
    }
}
