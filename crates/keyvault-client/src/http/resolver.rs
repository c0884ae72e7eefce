//! Looking up names, so that a failure to do so can be told from every other.

use std::error::Error;
use std::fmt;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};

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
        if let Some(address) = literal(uri) {
            let mut addresses = self.empty();
            addresses.push(address);
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

/// An address needs no lookup, and no thread that looks it up.
fn literal(uri: &Uri) -> Option<SocketAddr> {
    let host = uri.host()?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let address: IpAddr = bare.parse().ok()?;
    let default = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    Some(SocketAddr::new(address, uri.port_u16().unwrap_or(default)))
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
    fn addresses_are_taken_as_they_are() {
        for (url, address) in [
            ("http://169.254.169.254/metadata", Some("169.254.169.254:80")),
            ("https://127.0.0.1:8443/", Some("127.0.0.1:8443")),
            ("https://[::1]/", Some("[::1]:443")),
            ("https://localhost/", None),
        ] {
            let found = literal(&url.parse().unwrap()).map(|address| address.to_string());
            assert_eq!(found.as_deref(), address);
        }
    }
}
