//! A request and its answer as plain values: what the imagined services are functions of.

use hyper::header::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One of the imagined services.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// The instance metadata service of a virtual machine.
    Imds,
    /// Azure Arc's identity service.
    Arc,
    /// Key Vault.
    Vault,
    /// The HTTPS proxy.
    Proxy,
}

/// A request, read.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) place: Place,
    pub(crate) method: String,
    /// The authority the client named, lower case: `contoso.vault.azure.net`, `localhost:8443`.
    pub(crate) host: String,
    pub(crate) path: String,
    /// Percent-decoded, in order.
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    /// Whether the request line named a whole URL, as only requests to a proxy do.
    pub(crate) absolute: bool,
}

impl Asked {
    /// The first parameter of this name.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// A header's text; `None` also for one that is no text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The secret's name, where the path has one.
    pub(crate) fn secret(&self) -> Option<&str> {
        let mut segments = self.path.trim_start_matches('/').split('/');
        match (self.place, segments.next()) {
            (Place::Vault, Some("secrets")) => segments.next().filter(|name| !name.is_empty()),
            _ => None,
        }
    }
}

/// An answer before anything is done to it.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Who asked, where a token said so: the identity's name.
    pub(crate) identity: Option<String>,
}

impl Answer {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json; charset=utf-8", body.to_string())
    }

    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("Content-Type".to_owned(), content_type.to_owned())];
        Self { status, headers, body: body.into(), identity: None }
    }

    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

/// Takes a query apart, `+` for a space included.
pub(crate) fn parameters(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let split = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    split.map(|(name, value)| (decoded(name), decoded(value))).collect()
}

/// Undoes percent-encoding; what is no encoding stays.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        let hex = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (bytes[at], hex) {
            (b'%', Some(byte)) => {
                plain.push(byte);
                at += 3;
                continue;
            }
            (b'+', _) => plain.push(b' '),
            (byte, _) => plain.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded() {
        let read = parameters("api-version=7.4&resource=https%3A%2F%2Fvault.azure.net&x=a+b&y");
        let expected = [
            ("api-version", "7.4"),
            ("resource", "https://vault.azure.net"),
            ("x", "a b"),
            ("y", ""),
        ];
        assert_eq!(read, expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
    }

    #[test]
    fn a_stray_percent_sign_stays() {
        assert_eq!(parameters("a=50%&b=%zz")[0].1, "50%");
        assert_eq!(parameters("a=50%&b=%zz")[1].1, "%zz");
    }
}
