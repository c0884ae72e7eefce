//! The address of a proxy (`HTTPS_PROXY`).

use std::error::Error;
use std::fmt;

use ureq::{Proxy, ProxyProtocol};
use zeroize::Zeroizing;

use crate::percent;

/// A proxy that is asked to CONNECT (RFC 9110 §9.3.6).
pub(super) struct ProxyServer {
    speaks_tls: bool,
    host: String,
    port: u16,
    user: Option<String>,
    password: Option<Zeroizing<String>>,
}

/// The value of `HTTPS_PROXY` is no proxy's address. Quotes no password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyError {
    /// SOCKS, or no proxy's scheme at all.
    Scheme,
    /// No host.
    Host,
    /// The port is no number from 1 to 65535.
    Port,
    /// The escapes in user name or password are no UTF-8.
    UserInfo,
}

impl ProxyServer {
    /// Reads `[http[s]://][user[:password]@]host[:port][/]`.
    pub(super) fn parse(value: &str) -> Result<Self, ProxyError> {
        let value = value.trim();
        let (scheme, rest) = value.split_once("://").unwrap_or(("http", value));
        let speaks_tls = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return Err(ProxyError::Scheme),
        };
        // A password may hold a slash, so the host begins after the last @.
        let (user_info, rest) = match rest.rsplit_once('@') {
            Some((user_info, rest)) => (Some(user_info), rest),
            None => (None, rest),
        };
        let authority = rest.split('/').next().unwrap_or_default();
        let (host, port) = host_and_port(authority, if speaks_tls { 443 } else { 80 })?;
        let (user, password) = match user_info {
            Some(user_info) => credentials(user_info)?,
            None => (None, None),
        };
        Ok(Self { speaks_tls, host, port, user, password })
    }

    pub(super) fn for_ureq(&self) -> Result<Proxy, ProxyError> {
        let protocol = if self.speaks_tls { ProxyProtocol::Https } else { ProxyProtocol::Http };
        let mut builder = Proxy::builder(protocol).host(&self.host).port(self.port);
        if let Some(user) = &self.user {
            builder = builder.username(user);
        }
        if let Some(password) = &self.password {
            builder = builder.password(password);
        }
        builder.build().map_err(|_| ProxyError::Host)
    }
}

fn host_and_port(authority: &str, default: u16) -> Result<(String, u16), ProxyError> {
    let after_bracket = authority.rfind(']').map_or(0, |at| at + 1);
    let (host, port) = match authority[after_bracket..].find(':') {
        Some(colon) => {
            let (host, port) = authority.split_at(after_bracket + colon);
            let port = port[1..].parse().ok().filter(|port| *port > 0);
            (host, port.ok_or(ProxyError::Port)?)
        }
        None => (authority, default),
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    if host.is_empty() || !host.chars().all(is_plain) {
        return Err(ProxyError::Host);
    }
    Ok((host.to_ascii_lowercase(), port))
}

type Credentials = (Option<String>, Option<Zeroizing<String>>);

fn credentials(user_info: &str) -> Result<Credentials, ProxyError> {
    let decoded = |text: &str| percent::decode(text).ok_or(ProxyError::UserInfo);
    match user_info.split_once(':') {
        Some((user, password)) => {
            Ok((Some(decoded(user)?), Some(Zeroizing::new(decoded(password)?))))
        }
        None => Ok((Some(decoded(user_info)?), None)),
    }
}

/// The address without user name and password.
impl fmt::Display for ProxyServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.speaks_tls { "https" } else { "http" };
        let user_info = if self.user.is_some() { "***@" } else { "" };
        write!(f, "{scheme}://{user_info}{}:{}", self.host, self.port)
    }
}

impl fmt::Debug for ProxyServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Self::Scheme => "the scheme is neither http nor https, and no other is supported",
            Self::Host => "there is no host in it",
            Self::Port => "the port is not a number from 1 to 65535",
            Self::UserInfo => "the escapes in user name or password are no UTF-8",
        };
        write!(f, "HTTPS_PROXY: {what}: write http://USER:PASSWORD@HOST:PORT or http://HOST:PORT")
    }
}

impl Error for ProxyError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_use_are_read_and_shown_without_their_password() {
        for (value, shown) in [
            ("http://proxy.example:3128", "http://proxy.example:3128"),
            ("proxy.example:3128", "http://proxy.example:3128"),
            ("HTTP://Proxy.Example/", "http://proxy.example:80"),
            ("https://proxy.example", "https://proxy.example:443"),
            ("http://user:p%40ss@10.0.0.1:8080/", "http://***@10.0.0.1:8080"),
            ("user:p@ss/word@[fd00::1]:8080", "http://***@[fd00::1]:8080"),
        ] {
            let proxy = ProxyServer::parse(value).unwrap();
            assert_eq!(proxy.to_string(), shown);
            assert!(!format!("{proxy:?}").contains("ss"));
            assert!(proxy.for_ureq().is_ok(), "{value}");
        }
    }

    #[test]
    fn user_name_and_password_are_decoded() {
        let proxy = ProxyServer::parse("http://dom%5Cuser:p%40:ss@h:1").unwrap();
        assert_eq!(proxy.user.as_deref(), Some("dom\\user"));
        assert_eq!(proxy.password.as_ref().map(|it| it.as_str()), Some("p@:ss"));
        let ureq = proxy.for_ureq().unwrap();
        assert_eq!((ureq.username(), ureq.password()), (Some("dom\\user"), Some("p@:ss")));
    }

    #[test]
    fn what_is_no_proxy_is_refused() {
        for (value, error) in [
            ("socks5://h:1", ProxyError::Scheme),
            ("http://", ProxyError::Host),
            ("http://user:pw@/", ProxyError::Host),
            ("http://a b", ProxyError::Host),
            ("http://h:0", ProxyError::Port),
            ("h:port", ProxyError::Port),
            ("http://%ff@h", ProxyError::UserInfo),
        ] {
            assert_eq!(ProxyServer::parse(value).err(), Some(error), "{value}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_value_makes_it_panic_or_show_its_password(value in ".{0,40}", password in "[A-Z%]{6,20}") {
            for value in [value.clone(), format!("http://u:{password}@{value}")] {
                let shown = match ProxyServer::parse(&value) {
                    Ok(proxy) => {
                        drop(proxy.for_ureq());
                        format!("{proxy} {proxy:?}")
                    }
                    Err(error) => format!("{error} {error:?}"),
                };
                proptest::prop_assert!(!shown.contains(&password), "{}", shown);
            }
        }
    }
}
