//! Looking up names, so that a failure to do so can be told from every other.

use std::error::Error;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver as Resolve};
use ureq::unversioned::transport::NextTimeout;

/// The operating system's resolver.
#[derive(Debug, Default)]
pub(super) struct Resolver(DefaultResolver);

/// A name that has no address, and the resolver's words for it.
#[derive(Debug)]
pub(crate) struct NameNotResolved {
    pub(crate) host: String,
    cause: std::io::Error,
}

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
        self.0.resolve(uri, config, timeout).map_err(|error| match error {
            ureq::Error::Io(cause) => not_resolved(uri, cause),
            ureq::Error::HostNotFound => {
                not_resolved(uri, std::io::Error::other("the name has no address"))
            }
            other => other,
        })
    }
}

fn not_resolved(uri: &Uri, cause: std::io::Error) -> ureq::Error {
    let host = uri.host().unwrap_or_default().to_owned();
    ureq::Error::Other(Box::new(NameNotResolved { host, cause }))
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
