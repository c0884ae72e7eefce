//! What a 401 asks for: the `WWW-Authenticate` header (RFC 9110 §11.6.1).

use object_id::Vault;

/// One challenge: a scheme and its parameters, names in lower case.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Challenge {
    pub(crate) scheme: String,
    parameters: Vec<(String, String)>,
}

/// A challenge that must not be followed: it wants a token for something that is not the vault.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ForeignResource(pub(crate) String);

impl Challenge {
    /// The first value of a parameter.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Reads all challenges of a header's values. Tolerates what is seen in practice: values that
/// ought to be quoted and are not, missing commas, stray control characters.
pub(crate) fn parse<'a>(values: impl Iterator<Item = &'a str>) -> Vec<Challenge> {
    let mut challenges = Vec::new();
    for value in values {
        parse_value(value, &mut challenges);
    }
    challenges
}

/// The resource that a vault's challenges ask a token for, or `None` if they do not say.
///
/// It must be the vault's own host or a domain above it, by https: otherwise anyone who can name
/// a vault could have this machine fetch a token for a resource of their choosing
/// (<https://aka.ms/azsdk/blog/vault-uri>).
pub(crate) fn vault_resource(
    challenges: &[Challenge],
    vault: &Vault,
) -> Result<Option<String>, ForeignResource> {
    let named = challenges
        .iter()
        .filter(|challenge| challenge.scheme.eq_ignore_ascii_case("bearer"))
        .find_map(|challenge| challenge.parameter("resource").or(challenge.parameter("scope")));
    let Some(named) = named else {
        return Ok(None);
    };
    let resource = named.strip_suffix("/.default").unwrap_or(named);
    let resource = resource.strip_suffix('/').unwrap_or(resource);
    let authority = strip_https(resource).map(str::to_ascii_lowercase);
    match authority.filter(|authority| is_over(authority, vault.host())) {
        Some(authority) => Ok(Some(format!("https://{authority}"))),
        None => Err(ForeignResource(crate::text::one_line(named, 100))),
    }
}

fn strip_https(url: &str) -> Option<&str> {
    let (scheme, authority) = url.split_once("://")?;
    let authority = authority.strip_suffix(":443").unwrap_or(authority);
    scheme.eq_ignore_ascii_case("https").then_some(authority)
}

/// Whether a resource's host, with or without a port, is the vault's or a domain above it. A
/// top-level domain alone is above too much.
fn is_over(resource: &str, vault: &str) -> bool {
    if resource == vault {
        return true;
    }
    let vault_host = vault.rfind(':').filter(|_| !vault.ends_with(']')).map(|at| &vault[..at]);
    let vault_host = vault_host.unwrap_or(vault);
    let (host, is_same_port) = match resource.rsplit_once(':') {
        Some((host, port)) if !resource.ends_with(']') => {
            (host, vault.strip_prefix(vault_host) == Some(&format!(":{port}")))
        }
        _ => (resource, true),
    };
    let is_domain = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
    let is_above = is_domain
        && vault_host.parse::<std::net::Ipv4Addr>().is_err()
        && (host.contains('.') || host == "localhost")
        && vault_host.strip_suffix(host).is_some_and(|rest| rest.ends_with('.'));
    is_same_port && (host == vault_host || is_above)
}

fn parse_value(value: &str, challenges: &mut Vec<Challenge>) {
    let mut rest = skip_separators(value);
    while !rest.is_empty() {
        let (word, after) = take_word(rest);
        let after_word = after.trim_start();
        if let Some(value) = after_word.strip_prefix('=').filter(|_| !word.is_empty()) {
            let (value, after_value) = take_value(value.trim_start());
            if let Some(challenge) = challenges.last_mut() {
                challenge.parameters.push((word.to_ascii_lowercase(), value));
            }
            rest = after_value;
        } else if word.is_empty() {
            // Something that is no word: pass over one character and go on.
            rest = rest.get(rest.chars().next().map_or(1, char::len_utf8)..).unwrap_or_default();
        } else {
            challenges.push(Challenge { scheme: word.to_owned(), parameters: Vec::new() });
            rest = after;
        }
        rest = skip_separators(rest);
    }
}

fn skip_separators(text: &str) -> &str {
    text.trim_start_matches(|c: char| c == ',' || c.is_whitespace() || c.is_control())
}

/// A token of RFC 9110 §5.6.2, as far as scheme and parameter names need it.
fn take_word(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.~+".contains(c)));
    text.split_at(end.unwrap_or(text.len()))
}

/// A quoted string, or everything up to a comma or white space.
fn take_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(|c: char| c == ',' || c.is_whitespace() || c.is_control());
        let (value, rest) = text.split_at(end.unwrap_or(text.len()));
        return (value.to_owned(), rest);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            _ => value.push(character),
        }
    }
    (value, "")
}

// The path is said in full because the fuzz target includes this file by its path.
#[cfg(test)]
#[path = "challenge/invariants.rs"]
mod invariants;

#[cfg(test)]
mod tests {
    use object_id::{ObjectId, VaultSuffixes};
    use proptest::prelude::*;

    use super::*;

    fn vault(host: &str) -> Vault {
        let suffixes = VaultSuffixes::known()
            .allow("localhost:8443,[::1]:8443,127.0.0.1,vault.azs.example")
            .unwrap();
        let id = ObjectId::parse(&format!("https://{host}/secrets/x"), &suffixes).unwrap();
        id.vault().clone()
    }

    fn resource(header: &str, host: &str) -> Result<Option<String>, ForeignResource> {
        vault_resource(&parse([header].into_iter()), &vault(host))
    }

    #[test]
    fn a_vaults_challenge_names_its_resource_in_every_form_seen() {
        for header in [
            r#"Bearer authorization="https://login.microsoftonline.com/t", resource="https://vault.azure.net""#,
            r#"Bearer authorization="https://login.windows.net/t",resource="https://vault.azure.net/""#,
            r#"bearer authorization_uri=https://login/t, scope="https://vault.azure.net/.default""#,
            r#"Negotiate, Bearer RESOURCE = "https://VAULT.azure.net:443", claims="a,b=\"c\"""#,
            r#"PoP nonce="x", Bearer error="invalid_token" resource=https://vault.azure.net"#,
        ] {
            let found = resource(header, "abc.vault.azure.net");
            assert_eq!(found, Ok(Some("https://vault.azure.net".into())), "{header}");
        }
    }

    #[test]
    fn a_resource_that_is_not_the_vaults_is_refused() {
        for (named, host) in [
            ("https://management.azure.com", "abc.vault.azure.net"),
            ("https://ault.azure.net", "abc.vault.azure.net"),
            ("https://net", "abc.vault.azure.net"),
            ("https://", "abc.vault.azure.net"),
            ("https://.", "abc.vault.azure.net"),
            ("http://vault.azure.net", "abc.vault.azure.net"),
            ("https://vault.azure.net/x", "abc.vault.azure.net"),
            ("https://vault.azure.net@evil", "abc.vault.azure.net"),
            ("https://vault.azure.net:8443", "abc.vault.azure.net"),
            ("https://localhost:8444", "abc.localhost:8443"),
            ("https://0.0.1", "127.0.0.1"),
            ("vault.azure.net", "abc.vault.azure.net"),
        ] {
            let found = resource(&format!("Bearer resource=\"{named}\""), host);
            assert_eq!(found, Err(ForeignResource(named.into())), "{named}");
        }
    }

    #[test]
    fn ports_and_addresses_of_the_vault_itself_are_accepted() {
        for (named, host) in [
            ("https://localhost:8443", "abc.localhost:8443"),
            ("https://localhost", "abc.localhost:8443"),
            ("https://localhost", "localhost:8443"),
            ("https://vault.azs.example", "abc.vault.azs.example"),
            ("https://127.0.0.1", "127.0.0.1"),
            ("https://[::1]:8443", "[::1]:8443"),
            ("https://[::1]", "[::1]:8443"),
        ] {
            let found = resource(&format!("Bearer resource=\"{named}\""), host);
            assert_eq!(found, Ok(Some(named.into())), "{named}");
        }
    }

    #[test]
    fn a_challenge_without_a_resource_says_nothing() {
        for header in ["", "Bearer", "Basic realm=\"x\"", "Negotiate abc==", "=,=\"", "Bearer x"] {
            assert_eq!(resource(header, "abc.vault.azure.net"), Ok(None), "{header}");
        }
    }

    #[test]
    fn a_realm_is_read_quoted_or_not_and_with_stray_characters() {
        let path = "/var/opt/azcmagent/tokens/9a2c.key";
        for header in [
            format!("Basic realm={path}"),
            format!("Basic realm=\"{path}\""),
            format!("basic Realm={path}\r"),
        ] {
            let challenges = parse([header.as_str()].into_iter());
            assert_eq!(challenges[0].parameter("realm"), Some(path));
            assert!(challenges[0].scheme.eq_ignore_ascii_case("basic"));
        }
    }

    proptest! {
        #[test]
        fn any_header_is_read_without_a_panic_and_no_foreign_resource_comes_out(header in ".{0,120}") {
            invariants::hold(&header);
            invariants::hold(&format!("Bearer resource={header}"));
        }

        #[test]
        fn quoted_values_come_back_as_they_were(value in "[ -~]{0,40}") {
            let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
            let header = format!("Bearer first=\"{quoted}\", second=x");
            let challenges = parse([header.as_str()].into_iter());
            prop_assert_eq!(challenges[0].parameter("first"), Some(value.as_str()));
            prop_assert_eq!(challenges[0].parameter("second"), Some("x"));
        }
    }
}
