//! Which managed identity asks the vault, and where its tokens come from.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::claims::Claims;
use crate::field::Field;
use crate::placeholder;
use crate::remark::{Remarks, excerpt};

/// Where on the identity service tokens are handed out ([managed identities: get a token][page]).
///
/// [page]: https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
const TOKEN_PATH: &str = "/oauth2/token";

/// The identity to be used for a certificate. Everything may be left open: then the machine's own
/// identity service and its only or system-assigned identity are used.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Identity {
    /// The identity service, where the settings name one.
    pub endpoint: Option<IdentityEndpoint>,
    /// Which of the machine's identities.
    pub selector: IdentitySelector,
}

/// Which of the machine's identities is meant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum IdentitySelector {
    /// The settings do not say: right where there is one identity, or a system-assigned one.
    #[default]
    Unspecified,
    /// The user-assigned identity with this client id: a GUID in lower case.
    ClientId(String),
    /// The user-assigned identity with this ARM resource id: `/subscriptions/…`.
    ResourceId(String),
}

/// The URL at which an identity service on this machine hands out tokens. The host is a loopback
/// or link-local address: what is sent there is no secret, but what comes back is a token, and
/// nobody else may choose it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdentityEndpoint(String);

impl IdentityEndpoint {
    /// The URL without a query, ending in `/oauth2/token`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IdentityEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Identity {
    /// Reads the keys of `authenticationSettings` or of an entry's `authenticationOverride`; what
    /// is not given there is taken from `otherwise`.
    pub(crate) fn read(mut keys: Claims, otherwise: &Self, remarks: &mut Remarks) -> Self {
        let endpoint = keys.take("msiEndpoint").and_then(|field| read_endpoint(&field, remarks));
        let selector = keys.take("msiClientId").and_then(|field| read_selector(&field, remarks));
        Self {
            endpoint: endpoint.or_else(|| otherwise.endpoint.clone()),
            selector: selector.unwrap_or_else(|| otherwise.selector.clone()),
        }
    }
}

fn read_endpoint(field: &Field, remarks: &mut Remarks) -> Option<IdentityEndpoint> {
    let text = field.text(remarks)?;
    match parse_endpoint(&text) {
        Ok(url) => Some(IdentityEndpoint(url)),
        Err(reason) => {
            let text = format!(
                "\"{}\" {reason}: write http://169.254.169.254/metadata/identity, on an Azure Arc \
                 machine http://localhost:40342/metadata/identity, or leave it out",
                excerpt(&text)
            );
            remarks.problem(&field.path, text);
            None
        }
    }
}

/// The endpoint in one spelling, or what keeps it from being one.
fn parse_endpoint(text: &str) -> Result<String, &'static str> {
    let (scheme, rest) = text.split_once("://").ok_or("has no http:// in front")?;
    if scheme.eq_ignore_ascii_case("https") {
        return Err("is an https URL, but identity services on a machine speak http");
    }
    if !scheme.eq_ignore_ascii_case("http") {
        return Err("has another scheme than http");
    }
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    if authority.is_empty() {
        return Err("has no host after the ://");
    }
    if text.contains(['@', '?', '#', '\\', '%']) {
        return Err("has a user name, query, fragment or escape in it");
    }
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte);
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) || !path.bytes().all(is_plain) {
        return Err("has white space or other characters that do not belong there");
    }
    if path.contains("..") {
        return Err("has .. in its path");
    }
    let authority = authority.to_ascii_lowercase();
    let (host, port) = split_port(&authority).ok_or("has a port that is not 1 to 65535")?;
    if !is_on_this_machine(host) {
        return Err("is not on this machine (localhost, 127.0.0.1, [::1] or 169.254.169.254)");
    }
    let port = port.map_or(String::new(), |port| format!(":{port}"));
    Ok(format!("http://{host}{port}{}", token_path(path)))
}

/// The path completed to where tokens are handed out: Microsoft's pages name it with and without
/// its end.
fn token_path(path: &str) -> String {
    let path = path.trim_end_matches('/');
    if path.is_empty() {
        format!("/metadata/identity{TOKEN_PATH}")
    } else if path.to_ascii_lowercase().ends_with(TOKEN_PATH) {
        path.to_owned()
    } else {
        format!("{path}{TOKEN_PATH}")
    }
}

fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let after_address = authority.rfind(']').map_or(0, |end| end + 1);
    match authority[after_address..].find(':') {
        None => Some((authority, None)),
        Some(colon) => {
            let (host, port) = authority.split_at(after_address + colon);
            let port = port[1..].parse().ok().filter(|port| *port != 0)?;
            Some((host, Some(port)))
        }
    }
}

/// RFC 1122 §3.2.1.3 (loopback), RFC 3927 §2.1 and RFC 4291 §2.5.6 (link-local).
fn is_on_this_machine(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let address = address.parse::<Ipv6Addr>();
        return address
            .is_ok_and(|address| address.is_loopback() || address.is_unicast_link_local());
    }
    host == "localhost"
        || host
            .parse::<Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback() || address.is_link_local())
}

fn read_selector(field: &Field, remarks: &mut Remarks) -> Option<IdentitySelector> {
    let text = field.text(remarks)?;
    let is_nobodys = text.bytes().all(|byte| byte == b'0' || byte == b'-');
    if is_guid(&text) && !is_nobodys {
        return Some(IdentitySelector::ClientId(text.to_ascii_lowercase()));
    }
    if is_identity_resource(&text) {
        let warning = "an ARM resource id, used as such: msiClientId is meant for the identity's \
            client id (az identity show --ids … --query clientId)";
        remarks.warning(&field.path, warning);
        return Some(IdentitySelector::ResourceId(text));
    }
    let what = placeholder::recognise(&text).unwrap_or("is no client id");
    let text = format!(
        "\"{}\" {what}: write the GUID that `az identity show --query clientId` prints, \
         or leave it out to use the system-assigned identity",
        excerpt(&text)
    );
    remarks.problem(&field.path, text);
    None
}

fn is_guid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// `/subscriptions/S/resourceGroups/G/providers/Microsoft.ManagedIdentity/userAssignedIdentities/N`
/// without regard to case, as Azure Resource Manager compares.
fn is_identity_resource(text: &str) -> bool {
    let segments: Vec<String> = text.split('/').map(str::to_ascii_lowercase).collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let plain = |name: &str| !name.is_empty() && !name.contains(char::is_control);
    matches!(
        &segments[..],
        ["", "subscriptions", subscription, "resourcegroups", group, "providers",
         "microsoft.managedidentity", "userassignedidentities", name]
            if text.len() <= 500 && plain(subscription) && plain(group) && plain(name)
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const GUID: &str = "0B1c2d3e-4f50-6172-8394-a5b6c7d8e9f0";

    #[test]
    fn all_documented_forms_of_the_endpoint_become_one() {
        let imds = "http://169.254.169.254/metadata/identity/oauth2/token";
        let arc = "http://localhost:40342/metadata/identity/oauth2/token";
        for (text, url) in [
            ("http://169.254.169.254/metadata/identity", imds),
            ("http://169.254.169.254/metadata/identity/", imds),
            ("HTTP://169.254.169.254/metadata/identity/oauth2/token", imds),
            ("http://169.254.169.254/metadata/identity/oauth2/token//", imds),
            ("http://169.254.169.254", imds),
            ("http://LOCALHOST:40342/metadata/identity", arc),
            ("http://127.0.0.1/x", "http://127.0.0.1/x/oauth2/token"),
            ("http://[::1]:50342/x", "http://[::1]:50342/x/oauth2/token"),
            ("http://[fe80::1]/x", "http://[fe80::1]/x/oauth2/token"),
            ("http://localhost/x/OAuth2/Token", "http://localhost/x/OAuth2/Token"),
        ] {
            assert_eq!(parse_endpoint(text).as_deref(), Ok(url), "{text}");
        }
    }

    #[test]
    fn endpoints_elsewhere_or_unclear_are_refused() {
        for (text, reason) in [
            ("169.254.169.254/metadata/identity", "no http://"),
            ("http:///169.254.169.254/metadata/identity", "no host"),
            ("ftp://169.254.169.254/x", "another scheme"),
            ("https://169.254.169.254/metadata/identity", "speak http"),
            ("http://169.254.169.254/a/../b", ".. in its path"),
            ("http://169.254.169.254/a+b", "do not belong"),
            ("http://169.254.169.254/x?resource=y", "query"),
            ("http://127.0.0.1@attacker.example/x", "user name"),
            ("http://attacker.example/metadata/identity", "not on this machine"),
            ("http://localhost.attacker.example/x", "not on this machine"),
            ("http://168.63.129.16/x", "not on this machine"),
            ("http://0.0.0.0/x", "not on this machine"),
            ("http://[2001:db8::1]/x", "not on this machine"),
            ("http://[::1/x", "port"),
            ("http://::1/x", "port"),
            ("http://localhost:0/x", "port"),
            ("http://localhost:99999/x", "port"),
            ("http://localhost:/x", "port"),
            ("http://local host/x", "white space"),
        ] {
            let refused = parse_endpoint(text).unwrap_err();
            assert!(refused.contains(reason), "{text}: {refused}");
        }
    }

    fn selector(text: &str) -> (Option<IdentitySelector>, usize, usize) {
        let mut remarks = Remarks::default();
        let field = Field::new("msiClientId".to_owned(), json!(text));
        let selector = read_selector(&field, &mut remarks);
        let left = remarks.finish();
        (selector, left.warnings.len(), left.problems.len())
    }

    #[test]
    fn a_guid_is_a_client_id() {
        let expected = IdentitySelector::ClientId(GUID.to_ascii_lowercase());
        assert_eq!(selector(GUID), (Some(expected), 0, 0));
    }

    #[test]
    fn a_resource_id_is_used_with_a_warning() {
        let text = format!(
            "/subscriptions/{GUID}/resourceGroups/web (prod)/providers/\
             Microsoft.ManagedIdentity/userAssignedIdentities/web"
        );
        assert_eq!(selector(&text), (Some(IdentitySelector::ResourceId(text.clone())), 1, 0));
    }

    #[test]
    fn an_empty_client_id_counts_as_none_with_a_warning() {
        assert_eq!(selector(" "), (None, 1, 0));
    }

    #[test]
    fn everything_else_is_refused() {
        let vault =
            format!("/subscriptions/{GUID}/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v");
        for text in ["web-identity", "[parameters('id')]", &vault, &GUID[1..], "{0b1c2d3e}"] {
            assert_eq!(selector(text), (None, 0, 1), "{text}");
        }
    }

    #[test]
    fn an_entrys_identity_is_completed_by_the_settings() {
        let endpoint = Some(IdentityEndpoint("http://localhost/x/oauth2/token".to_owned()));
        let settings = Identity { endpoint, selector: IdentitySelector::ClientId("a".to_owned()) };
        let read = Identity::read(Claims::default(), &settings, &mut Remarks::default());
        assert_eq!(read, settings);
    }
}
