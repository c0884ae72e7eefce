//! Where tokens are asked for.

use std::error::Error;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The metadata service of Azure virtual machines.
const IMDS: &str = "http://169.254.169.254/metadata/identity/oauth2/token";

/// The port of Azure Arc's agent
/// ([managed identity on Arc](https://learn.microsoft.com/azure/azure-arc/servers/managed-identity-authentication)).
const ARC_PORT: u16 = 40342;

/// The address of a token endpoint on this machine or its link.
///
/// What it hands out is a bearer token, so it cannot be anywhere else: a name or an address
/// further away is refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdentityEndpoint {
    authority: String,
    port: u16,
    path: String,
}

/// Why a text is no identity endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndpointError {
    /// The scheme is not http.
    Scheme,
    /// No host, as in `http:///169.254.169.254/…`.
    NoHost,
    /// User name or password before the host.
    UserInfo,
    /// A host that is neither this machine nor on its link.
    Host(String),
    /// The port is no number from 1 to 65535.
    Port,
    /// A path with a query, a fragment, escapes or other characters than a path needs.
    Path,
}

impl IdentityEndpoint {
    /// The metadata service of Azure virtual machines, `169.254.169.254`.
    #[must_use]
    pub fn imds() -> Self {
        Self {
            authority: "169.254.169.254".to_owned(),
            port: 80,
            path: "/metadata/identity/oauth2/token".to_owned(),
        }
    }

    /// Reads an endpoint in any of the forms that Microsoft's pages use: with or without
    /// `/oauth2/token`, a trailing slash, or any path at all.
    ///
    /// # Errors
    /// If it is no http URL, or its host is not this machine or on its link.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let (scheme, rest) = text.trim().split_once("://").ok_or(EndpointError::Scheme)?;
        if !scheme.eq_ignore_ascii_case("http") {
            return Err(EndpointError::Scheme);
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(EndpointError::UserInfo);
        }
        let (host, port) = split_port(authority)?;
        if host.is_empty() {
            return Err(EndpointError::NoHost);
        }
        if !is_near(&host) {
            return Err(EndpointError::Host(crate::text::one_line(&host, 60)));
        }
        let authority = if port == 80 { host } else { format!("{host}:{port}") };
        Ok(Self { authority, port, path: token_path(path)? })
    }

    /// Whether this is where Azure Arc's agent listens, which asks its callers to prove that
    /// they may read its key files.
    #[must_use]
    pub fn is_arc(&self) -> bool {
        let host =
            self.authority.rsplit_once(':').map_or(self.authority.as_str(), |(host, _)| host);
        self.port == ARC_PORT && (host == "localhost" || host == "127.0.0.1")
    }
}

impl Default for IdentityEndpoint {
    fn default() -> Self {
        Self::imds()
    }
}

impl fmt::Display for IdentityEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority, self.path)
    }
}

fn split_port(authority: &str) -> Result<(String, u16), EndpointError> {
    let after_bracket = authority.rfind(']').map_or(0, |at| at + 1);
    let Some(colon) = authority[after_bracket..].find(':') else {
        return Ok((authority.to_ascii_lowercase(), 80));
    };
    let (host, port) = authority.split_at(after_bracket + colon);
    let port = port[1..].parse().ok().filter(|port| *port > 0).ok_or(EndpointError::Port)?;
    Ok((host.to_ascii_lowercase(), port))
}

fn is_near(host: &str) -> bool {
    if let Ok(address) = host.parse::<Ipv4Addr>() {
        return address.is_loopback() || address.is_link_local();
    }
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    match bare.and_then(|host| host.parse::<Ipv6Addr>().ok()) {
        Some(address) => address.is_loopback() || address.is_unicast_link_local(),
        None => host == "localhost",
    }
}

fn token_path(path: &str) -> Result<String, EndpointError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte);
    if !path.bytes().all(is_plain) || path.contains("..") {
        return Err(EndpointError::Path);
    }
    let path = path.trim_end_matches('/');
    let path = if path.is_empty() { "/metadata/identity" } else { path };
    Ok(if path.ends_with("/oauth2/token") {
        path.to_owned()
    } else {
        format!("{path}/oauth2/token")
    })
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheme => write!(f, "no http:// in front: write {IMDS}"),
            Self::NoHost => write!(f, "no host after http://: write {IMDS}"),
            Self::UserInfo => f.write_str("a user name or password before the host: remove it"),
            Self::Host(host) => write!(
                f,
                "{host:?} is neither this machine nor on its link (169.254.…, 127.…, localhost), \
                 and tokens are asked for nowhere else: write {IMDS}"
            ),
            Self::Port => f.write_str("the port is not a number from 1 to 65535"),
            Self::Path => {
                write!(f, "the path has characters that do not belong there: write {IMDS}")
            }
        }
    }
}

impl Error for EndpointError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_form_is_read() {
        for (text, printed) in [
            ("http://169.254.169.254/metadata/identity", IMDS),
            ("http://169.254.169.254/metadata/identity/", IMDS),
            (" http://169.254.169.254/metadata/identity/oauth2/token/ ", IMDS),
            ("HTTP://169.254.169.254:80", IMDS),
            (
                "http://localhost:40342/metadata/identity",
                "http://localhost:40342/metadata/identity/oauth2/token",
            ),
            ("http://[::1]:4000/x", "http://[::1]:4000/x/oauth2/token"),
        ] {
            assert_eq!(IdentityEndpoint::parse(text).unwrap().to_string(), printed);
        }
        assert_eq!(IdentityEndpoint::imds().to_string(), IMDS);
    }

    #[test]
    fn only_arcs_own_address_is_arc() {
        for (text, is_arc) in [
            ("http://localhost:40342/metadata/identity", true),
            ("http://127.0.0.1:40342/metadata/identity", true),
            ("http://127.0.0.1:40343/metadata/identity", false),
            ("http://169.254.169.254:40342/", false),
            ("http://[::1]:40342/", false),
        ] {
            assert_eq!(IdentityEndpoint::parse(text).unwrap().is_arc(), is_arc, "{text}");
        }
    }

    #[test]
    fn foreign_hosts_and_broken_urls_are_refused() {
        for (text, error) in [
            ("", EndpointError::Scheme),
            ("169.254.169.254/metadata", EndpointError::Scheme),
            ("https://169.254.169.254/metadata", EndpointError::Scheme),
            ("http:///169.254.169.254/metadata", EndpointError::NoHost),
            ("http://u:pw@localhost/", EndpointError::UserInfo),
            ("http://example.net/", EndpointError::Host("example.net".into())),
            ("http://10.0.0.4/", EndpointError::Host("10.0.0.4".into())),
            ("http://localhost.example.net/", EndpointError::Host("localhost.example.net".into())),
            ("http://localhost:x/", EndpointError::Port),
            ("http://localhost/?resource=x", EndpointError::Path),
            ("http://localhost/a/../b", EndpointError::Path),
            ("http://localhost/a b", EndpointError::Path),
        ] {
            assert_eq!(IdentityEndpoint::parse(text), Err(error), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_read_is_near_and_printing_and_parsing_agree(rest in "[a-z0-9.:@/?#\\[\\] -]{0,40}") {
            for text in [format!("http://{rest}"), format!("http://localhost{rest}")] {
                let Ok(endpoint) = IdentityEndpoint::parse(&text) else { continue };
                let host = endpoint.authority.rsplit_once(':').map_or(&*endpoint.authority, |it| it.0);
                proptest::prop_assert!(is_near(host) || is_near(&endpoint.authority));
                proptest::prop_assert_eq!(IdentityEndpoint::parse(&endpoint.to_string()), Ok(endpoint));
            }
        }
    }
}
