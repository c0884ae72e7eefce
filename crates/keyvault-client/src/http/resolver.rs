//! Looking up names, so that a failure to do so can be told from every other.

use std::error::Error;
use std::fmt;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver as Resolve};
use ureq::unversioned::transport::NextTimeout;

/// The operating system's resolver.
#[derive(Debug, Default)]
pub(super) struct Resolver(DefaultResolver);

/// A name that has no address, or whose address nobody tells, and the resolver's words for it.
#[derive(Debug)]
pub(crate) struct NameNotResolved {
    host: String,
    /// No name server answered: that says nothing about the name.
    pub(crate) is_unanswered: bool,
    cause: std::io::Error,
}

/// What getaddrinfo(3) says for `EAI_AGAIN` (glibc `gai_strerror`); its number does not get here.
const UNANSWERED: &str = "Temporary failure in name resolution";

impl Resolve for Resolver {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let known = without_lookup(uri);
        if !known.is_empty() {
            let mut addresses = self.empty();
            known.into_iter().for_each(|address| addresses.push(address));
            return Ok(addresses);
        }
        self.0.resolve(uri, config, timeout).map_err(|error| told_apart(uri, error))
    }
}

fn told_apart(uri: &Uri, error: ureq::Error) -> ureq::Error {
    match error {
        ureq::Error::Io(cause) => not_resolved(uri, cause),
        ureq::Error::HostNotFound => {
            not_resolved(uri, std::io::Error::other("the name has no address"))
        }
        // The lookup's own time limit, which is not to pass for the vault's.
        ureq::Error::Timeout(_) => {
            let silence = "no name server answered in time";
            not_resolved(uri, std::io::Error::new(ErrorKind::TimedOut, silence))
        }
        other => other,
    }
}

fn not_resolved(uri: &Uri, cause: std::io::Error) -> ureq::Error {
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
    let default = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    let port = uri.port_u16().unwrap_or(default);
    addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect()
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
        for (error, is_unanswered) in [
            (ureq::Error::Io(std::io::Error::other(again)), true),
            (ureq::Error::Timeout(ureq::Timeout::Resolve), true),
            (ureq::Error::Io(std::io::Error::other("Name or service not known")), false),
            (ureq::Error::HostNotFound, false),
        ] {
            let ureq::Error::Other(error) = told_apart(&uri, error) else { panic!() };
            let error = error.downcast::<NameNotResolved>().unwrap();
            assert_eq!(error.is_unanswered, is_unanswered, "{error}");
            assert!(error.to_string().starts_with("abc.vault.azure.net: "), "{error}");
        }
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
