//! Looking up names, so that a failure to do so can be told from every other.

use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::mpsc;
use std::time::Duration;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver as Resolve};
use ureq::unversioned::transport::NextTimeout;

/// The operating system's resolver.
///
/// Not ureq's own way to it, which panics where the machine has no thread left for a lookup.
#[derive(Debug)]
pub(super) struct Resolver;

/// ureq has room for no more.
const MOST_ADDRESSES: usize = 16;

/// A name that has no address, or whose address nobody tells, and the resolver's words for it.
#[derive(Debug)]
pub(crate) struct NameNotResolved {
    host: String,
    /// No name server answered: that says nothing about the name.
    pub(crate) is_unanswered: bool,
    cause: io::Error,
}

/// What getaddrinfo(3) says for `EAI_AGAIN` (glibc `gai_strerror`); its number does not get here.
const UNANSWERED: &str = "Temporary failure in name resolution";

impl Resolve for Resolver {
    fn resolve(
        &self,
        uri: &Uri,
        _: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut found = without_lookup(uri);
        if found.is_empty() {
            let host = uri.host().unwrap_or_default();
            found = looked_up(host, port(uri), *timeout.after)
                .map_err(|cause| not_resolved(uri, cause))?;
        }
        let mut addresses = self.empty();
        found.into_iter().take(MOST_ADDRESSES).for_each(|address| addresses.push(address));
        Ok(addresses)
    }
}

/// The addresses of a host, at least one; by a thread, because a lookup itself knows no limit.
fn looked_up(host: &str, port: u16, limit: Duration) -> io::Result<Vec<SocketAddr>> {
    let (sender, answers) = mpsc::sync_channel(1);
    let name = (host.to_owned(), port);
    let lookup = move || {
        let found = name.to_socket_addrs().map(Vec::from_iter);
        // Nobody listens any more where the time was over.
        drop(sender.send(found));
    };
    std::thread::Builder::new().name("lookup".into()).spawn(lookup)?;
    let silence = |_| io::Error::new(ErrorKind::TimedOut, "no name server answered in time");
    let found = answers.recv_timeout(limit).map_err(silence)??;
    match found.is_empty() {
        true => Err(io::Error::other("the name has no address")),
        false => Ok(found),
    }
}

fn not_resolved(uri: &Uri, cause: io::Error) -> ureq::Error {
    let host = uri.host().unwrap_or_default().to_owned();
    let is_unanswered =
        cause.kind() == ErrorKind::TimedOut || cause.to_string().contains(UNANSWERED);
    ureq::Error::Other(Box::new(NameNotResolved { host, is_unanswered, cause }))
}

/// An address needs no lookup, and no thread that looks it up. Nor does `localhost`, which is this
/// machine whatever its files and name servers say (RFC 6761 §6.3): keys and tokens rely on that.
fn without_lookup(uri: &Uri) -> Vec<SocketAddr> {
    let host = uri.host().unwrap_or_default();
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let addresses: Vec<IpAddr> = match bare.parse() {
        Ok(address) => vec![address],
        Err(_) if bare.eq_ignore_ascii_case("localhost") => {
            vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
        }
        Err(_) => Vec::new(),
    };
    addresses.into_iter().map(|address| SocketAddr::new(address, port(uri))).collect()
}

fn port(uri: &Uri) -> u16 {
    let default = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    uri.port_u16().unwrap_or(default)
}

impl fmt::Display for NameNotResolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.host, self.cause)
    }
}

impl Error for NameNotResolved {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silent_name_servers_are_told_from_names_without_an_address() {
        let uri: Uri = "https://abc.vault.azure.net/".parse().unwrap();
        let again = "failed to lookup address information: Temporary failure in name resolution";
        for (cause, is_unanswered) in [
            (io::Error::other(again), true),
            (io::Error::new(ErrorKind::TimedOut, "no name server answered in time"), true),
            (io::Error::other("Name or service not known"), false),
            (io::Error::other("the name has no address"), false),
        ] {
            let ureq::Error::Other(error) = not_resolved(&uri, cause) else { panic!() };
            let error = error.downcast::<NameNotResolved>().unwrap();
            assert_eq!(error.is_unanswered, is_unanswered, "{error}");
            assert!(error.to_string().starts_with("abc.vault.azure.net: "), "{error}");
        }
    }

    #[test]
    fn a_lookup_brings_addresses_or_the_resolvers_words() {
        let minute = Duration::from_secs(60);
        let found = looked_up("127.0.0.1", 443, minute).unwrap();
        assert_eq!(found, ["127.0.0.1:443".parse().unwrap()]);
        // Longer than any label may be, so no resolver asks anybody about it.
        assert!(looked_up(&"x".repeat(64), 443, minute).is_err());
    }

    #[test]
    fn addresses_are_taken_as_they_are_and_localhost_is_this_machine() {
        for (url, addresses) in [
            ("http://169.254.169.254/metadata", &["169.254.169.254:80"][..]),
            ("https://127.0.0.1:8443/", &["127.0.0.1:8443"]),
            ("https://[::1]/", &["[::1]:443"]),
            ("http://LocalHost:40342/x", &["127.0.0.1:40342", "[::1]:40342"]),
            ("https://abc.vault.azure.net/", &[]),
        ] {
            let found = without_lookup(&url.parse().unwrap());
            let found: Vec<String> = found.iter().map(ToString::to_string).collect();
            assert_eq!(found, addresses, "{url}");
        }
    }
}
