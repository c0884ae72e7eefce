//! The name of one object in a key vault.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use crate::authority::{Authority, AuthorityError};
use crate::error::ObjectIdError;
use crate::suffixes::VaultSuffixes;
use crate::vault::Vault;

/// What an object in a key vault is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ObjectKind {
    /// A value; also a certificate together with its private key.
    Secret,
    /// A certificate's public part, its policy and its life cycle.
    Certificate,
    /// A key that stays in the vault.
    Key,
}

impl ObjectKind {
    /// The kind's word in a URL: `secrets`, `certificates` or `keys`.
    #[must_use]
    pub fn collection(self) -> &'static str {
        match self {
            Self::Secret => "secrets",
            Self::Certificate => "certificates",
            Self::Key => "keys",
        }
    }
}

/// The checked name of one object in a key vault, of one version of it or of the newest.
///
/// `Display` prints the canonical URL, which parses to an equal value. Comparisons ignore case
/// throughout, as the service does; [`ObjectId::name`] and [`Vault::name`] keep it as typed.
#[derive(Clone, Debug)]
pub struct ObjectId {
    vault: Vault,
    kind: ObjectKind,
    name: String,
    version: Option<String>,
}

impl ObjectId {
    /// Reads a URL. White space around it, case in the host, a trailing `/` and `:443` do not
    /// matter.
    ///
    /// # Errors
    /// The first thing that keeps the text from naming an object in an allowed vault.
    pub fn parse(text: &str, suffixes: &VaultSuffixes) -> Result<Self, ObjectIdError> {
        let text = text.trim();
        let after_scheme = strip_https(text)?;
        refuse_ambiguous_characters(after_scheme)?;
        let (authority, path) = match after_scheme.find('/') {
            Some(at) => after_scheme.split_at(at),
            None => (after_scheme, ""),
        };
        let vault = parse_vault(authority, suffixes)?;
        let (kind, name, version) = parse_path(path)?;
        Ok(Self { vault, kind, name, version })
    }

    /// The vault that holds the object.
    #[must_use]
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// What the object is.
    #[must_use]
    pub fn kind(&self) -> ObjectKind {
        self.kind
    }

    /// The object's name as it was typed: 1 to 127 letters, digits and hyphens.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version in lower case; `None` means the newest.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// The same object at another version.
    ///
    /// # Errors
    /// If the text is not 32 letters and digits.
    pub fn at_version(&self, version: &str) -> Result<Self, ObjectIdError> {
        Ok(Self { version: Some(parse_version(version)?), ..self.clone() })
    }

    /// The same object, whichever version is the newest.
    #[must_use]
    pub fn unversioned(&self) -> Self {
        Self { version: None, ..self.clone() }
    }

    /// The same name if it is a secret's: only secrets hand out private keys.
    ///
    /// # Errors
    /// For certificates and keys, with the secret's URL to write instead.
    pub fn require_secret(self) -> Result<Self, ObjectIdError> {
        let secret = |id: &Self| {
            // A certificate and the secret that carries its key share name and version.
            Self { kind: ObjectKind::Secret, ..id.clone() }.to_string()
        };
        match self.kind {
            ObjectKind::Secret => Ok(self),
            ObjectKind::Certificate => Err(ObjectIdError::Certificate { secret: secret(&self) }),
            ObjectKind::Key => Err(ObjectIdError::Key { secret: secret(&self) }),
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        let folded = |id: &Self| id.name.to_ascii_lowercase();
        self.vault
            .cmp(&other.vault)
            .then(self.kind.cmp(&other.kind))
            .then_with(|| folded(self).cmp(&folded(other)))
            .then_with(|| self.version.cmp(&other.version))
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.vault, self.kind.collection(), self.name)?;
        match &self.version {
            Some(version) => write!(f, "/{version}"),
            None => Ok(()),
        }
    }
}

impl PartialEq for ObjectId {
    fn eq(&self, other: &Self) -> bool {
        self.compare(other).is_eq()
    }
}

impl Eq for ObjectId {}

impl Hash for ObjectId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.vault.hash(state);
        self.kind.hash(state);
        self.name.to_ascii_lowercase().hash(state);
        self.version.hash(state);
    }
}

impl PartialOrd for ObjectId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ObjectId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.compare(other)
    }
}

fn strip_https(text: &str) -> Result<&str, ObjectIdError> {
    if text.is_empty() {
        return Err(ObjectIdError::Empty);
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        let backslashes = text.contains(":\\\\");
        return Err(if backslashes { ObjectIdError::Backslash } else { ObjectIdError::NoScheme });
    };
    if scheme.eq_ignore_ascii_case("https") {
        return Ok(rest);
    }
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.len() <= 20
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    if is_scheme {
        Err(ObjectIdError::Scheme(scheme.to_ascii_lowercase()))
    } else {
        Err(ObjectIdError::NoScheme)
    }
}

/// Refuses what different programs read differently, before anything is cut into parts.
fn refuse_ambiguous_characters(text: &str) -> Result<(), ObjectIdError> {
    // User-info first: it may hold any of the others, and its sentence is the one that matters.
    if text.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@')) {
        return Err(ObjectIdError::UserInfo);
    }
    for character in text.chars() {
        match character {
            '\\' => return Err(ObjectIdError::Backslash),
            '%' => return Err(ObjectIdError::PercentEscape),
            '?' => return Err(ObjectIdError::Query),
            '#' => return Err(ObjectIdError::Fragment),
            _ if character.is_whitespace() || character.is_control() => {
                return Err(ObjectIdError::WhiteSpace);
            }
            _ if !character.is_ascii() => return Err(ObjectIdError::NotAscii),
            _ => {}
        }
    }
    Ok(())
}

fn parse_vault(authority: &str, suffixes: &VaultSuffixes) -> Result<Vault, ObjectIdError> {
    let at = Authority::parse(authority).map_err(|error| match error {
        AuthorityError::NoHost => ObjectIdError::NoHost,
        AuthorityError::Port => ObjectIdError::Port,
        AuthorityError::NotAscii => ObjectIdError::NotAscii,
        AuthorityError::HostName => ObjectIdError::HostName(excerpt(authority)),
    })?;
    suffixes.vault(&at, authority)
}

type Path = (ObjectKind, String, Option<String>);

fn parse_path(path: &str) -> Result<Path, ObjectIdError> {
    let path = path.strip_prefix('/').unwrap_or(path);
    if path.trim_end_matches('/').split('/').any(str::is_empty) && path.len() > 1 {
        return Err(ObjectIdError::EmptyPart);
    }
    let path = path.strip_suffix('/').unwrap_or(path);
    let mut segments = path.split('/');
    let collection = segments.next().unwrap_or_default();
    let kind = parse_kind(collection)?;
    let name = segments.next().ok_or(ObjectIdError::NoName)?;
    if !is_name(name) {
        return Err(ObjectIdError::Name(excerpt(name)));
    }
    let version = segments.next().map(parse_version).transpose()?;
    if segments.next().is_some() {
        return Err(ObjectIdError::TooLong);
    }
    Ok((kind, name.to_owned(), version))
}

fn parse_kind(collection: &str) -> Result<ObjectKind, ObjectIdError> {
    if collection.is_empty() {
        return Err(ObjectIdError::NoName);
    }
    [ObjectKind::Secret, ObjectKind::Certificate, ObjectKind::Key]
        .into_iter()
        .find(|kind| collection.eq_ignore_ascii_case(kind.collection()))
        .ok_or_else(|| ObjectIdError::UnknownKind(excerpt(collection)))
}

fn is_name(name: &str) -> bool {
    (1..=127).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn parse_version(version: &str) -> Result<String, ObjectIdError> {
    if version.len() == 32 && version.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        Ok(version.to_ascii_lowercase())
    } else {
        Err(ObjectIdError::Version(excerpt(version)))
    }
}

/// Errors end up in documents of limited size.
fn excerpt(text: &str) -> String {
    const LONGEST: usize = 140;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    const VERSION: &str = "c07d36bb5b0f4a5d9f4c1f5b0e3a7d21";

    fn parse(text: &str) -> Result<ObjectId, ObjectIdError> {
        ObjectId::parse(text, &VaultSuffixes::known().allow("localhost:8443").unwrap())
    }

    #[test]
    fn tolerated_spellings_print_as_one_url() {
        for text in [
            "https://exampleVault.vault.azure.net/secrets/myCertificate",
            " https://exampleVault.vault.azure.net/secrets/myCertificate \n",
            "HTTPS://EXAMPLEVAULT.VAULT.AZURE.NET/secrets/myCertificate",
            "https://examplevault.vault.azure.net:443/Secrets/myCertificate/",
        ] {
            let id = parse(text).unwrap();
            assert_eq!(
                id.to_string(),
                "https://examplevault.vault.azure.net/secrets/myCertificate"
            );
        }
    }

    #[test]
    fn case_is_kept_for_showing_and_ignored_for_comparing() {
        let typed = parse("https://exampleVault.vault.azure.net/secrets/myCertificate").unwrap();
        let other = parse("https://EXAMPLEVAULT.vault.azure.net/secrets/MYCERTIFICATE").unwrap();
        assert_eq!((typed.vault().name(), typed.name()), ("exampleVault", "myCertificate"));
        assert_eq!(typed, other);
        assert_eq!(typed.cmp(&other), Ordering::Equal);
        assert_eq!(HashSet::from([typed, other]).len(), 1);
    }

    #[test]
    fn a_version_pins_and_is_folded_to_lower_case() {
        let text = "https://abc.vault.azure.net/secrets/x";
        let pinned = parse(&format!("{text}/{}", VERSION.to_uppercase())).unwrap();
        assert_eq!(pinned.version(), Some(VERSION));
        assert_eq!(parse(text).unwrap().at_version(VERSION).unwrap(), pinned);
        assert_eq!(pinned.unversioned(), parse(text).unwrap());
        assert!(pinned.at_version("../../etc").is_err());
    }

    #[test]
    fn each_refused_form_has_its_own_sentence() {
        let base = "https://abc.vault.azure.net/secrets";
        let cases: Vec<(String, &str)> = vec![
            ("".into(), "empty"),
            ("abc.vault.azure.net/secrets/x".into(), "no https://"),
            ("http://abc.vault.azure.net/secrets/x".into(), "scheme \"http\""),
            ("https://u:pw@abc.vault.azure.net/secrets/x".into(), "user name or password"),
            (format!("{base}/x?api-version=7.4"), "query"),
            (format!("{base}/x#top"), "fragment"),
            ("https:///secrets/x".into(), "no host"),
            ("https://abc.vault.azure.net:https/secrets/x".into(), "port"),
            ("https://abc.vault.azure.net\\secrets\\x".into(), "backslash"),
            ("https:\\\\abc.vault.azure.net\\secrets\\x".into(), "backslash"),
            (format!("{base}/a%2e%2e"), "percent escape"),
            ("https://bücher.vault.azure.net/secrets/x".into(), "ASCII"),
            ("https://a_c.vault.azure.net/secrets/x".into(), "no host name"),
            ("https://abc.managedhsm.azure.net/secrets/x".into(), "managed HSM"),
            ("https://abc.example.net/secrets/x".into(), "AKVVM_VAULT_DNS_SUFFIXES"),
            ("https://10.0.0.4/secrets/x".into(), "AKVVM_VAULT_DNS_SUFFIXES"),
            ("https://abc.vault.azure.net:8443/secrets/x".into(), "leave it out"),
            ("https://ab.vault.azure.net/secrets/x".into(), "vault's name"),
            ("https://abc.vault.azure.net/storage/x".into(), "\"storage\""),
            ("https://abc.vault.azure.net//secrets/x".into(), "side by side"),
            ("https://abc.vault.azure.net".into(), "ends before"),
            (base.into(), "ends before"),
            (format!("{base}/.."), "no object's name"),
            (format!("{base}/a b"), "white space"),
            (format!("{base}/{}", "a".repeat(128)), "no object's name"),
            (format!("{base}/x/1234"), "no version"),
            (format!("{base}/x//"), "no version"),
            (format!("{base}/x/{VERSION}/y"), "after the version"),
        ];
        for (text, sentence) in cases {
            let error = parse(&text).unwrap_err().to_string();
            assert!(error.contains(sentence), "{text}: {error}");
            assert!(!error.contains("pw"), "{error}");
            assert!(error.len() < 400);
        }
    }

    #[test]
    fn certificates_and_keys_are_told_the_secrets_url() {
        for kind in ["certificates", "keys"] {
            let id = parse(&format!("https://abc.vault.azure.net/{kind}/x/{VERSION}")).unwrap();
            let error = id.require_secret().unwrap_err().to_string();
            assert!(error.contains(&format!("/{kind}/ URL")));
            assert!(error.contains(&format!("https://abc.vault.azure.net/secrets/x/{VERSION}")));
        }
        assert!(parse("https://abc.vault.azure.net/secrets/x").unwrap().require_secret().is_ok());
    }

    proptest! {
        #[test]
        fn printing_and_parsing_agree(
            vault in "[a-zA-Z0-9]([a-zA-Z0-9-]{1,22})[a-zA-Z0-9]",
            host in prop::sample::select(vec!["vault.azure.net", "vault.azure.cn", "localhost:8443"]),
            kind in prop::sample::select(vec!["secrets", "certificates", "keys"]),
            name in "[a-zA-Z0-9-]{1,127}",
            version in prop::option::of("[a-zA-Z0-9]{32}"),
        ) {
            let version = version.map_or(String::new(), |version| format!("/{version}"));
            let id = parse(&format!("https://{vault}.{host}/{kind}/{name}{version}")).unwrap();
            let printed = id.to_string();
            let again = parse(&printed).unwrap();
            prop_assert_eq!(&again, &id);
            prop_assert_eq!(again.to_string(), printed);
            prop_assert_eq!((id.vault().name(), id.name()), (vault.as_str(), name.as_str()));
        }

        #[test]
        fn only_allowed_hosts_are_vaults(host in "[a-z.:0-9@-]{1,40}") {
            if let Ok(id) = parse(&format!("https://{host}/secrets/x")) {
                let host = id.vault().host();
                prop_assert!(host.ends_with(".vault.azure.net") || host.ends_with("localhost:8443"));
            }
        }
    }
}
