//! Why a text names nothing in a key vault: one sentence for each case, saying what to write
//! instead. They quote only parts that can hold no password.

use std::fmt;

/// Why a text is not the URL of an object in a key vault this machine may talk to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ObjectIdError {
    /// Nothing but white space.
    Empty,
    /// No `https://` in front.
    NoScheme,
    /// Another scheme than https.
    Scheme(String),
    /// White space or a control character inside the URL.
    WhiteSpace,
    /// A backslash, which some programs read as a slash.
    Backslash,
    /// A percent escape: no legal name needs one.
    PercentEscape,
    /// A user name or password before the host.
    UserInfo,
    /// A `?`.
    Query,
    /// A `#`.
    Fragment,
    /// `https:///…`.
    NoHost,
    /// The port is no number from 1 to 65535.
    Port,
    /// A host or path with characters beyond ASCII.
    NotAscii,
    /// The host is neither a DNS name nor an address.
    HostName(String),
    /// A managed HSM, which stores keys only.
    ManagedHsm(String),
    /// A host under none of the allowed suffixes.
    UnknownSuffix(String),
    /// A host of a cloud's own domain with another port than the one that vaults have.
    CloudPort(String),
    /// A host below a domain that the administrator allows at another port.
    OtherPort {
        /// The host with its port.
        host: String,
        /// The port that is allowed.
        allowed: u16,
    },
    /// A cloud's own domain with a vault's name missing or illegal before it.
    VaultName {
        /// The host as it was understood.
        host: String,
        /// The cloud's domain.
        suffix: String,
    },
    /// The path does not begin with a kind of object.
    UnknownKind(String),
    /// Two slashes side by side in the path.
    EmptyPart,
    /// The path ends before the object's name.
    NoName,
    /// The object's name is not 1 to 127 letters, digits and hyphens.
    Name(String),
    /// The version is not 32 letters and digits.
    Version(String),
    /// Something follows the version.
    TooLong,
    /// A certificate's URL, where a secret's is wanted.
    Certificate {
        /// The URL to write instead.
        secret: String,
    },
    /// A key's URL, where a secret's is wanted.
    Key {
        /// The URL to write instead.
        secret: String,
    },
}

/// What a URL looks like, at the end of many a sentence.
const FORM: &str = "https://VAULT.vault.azure.net/secrets/NAME";

impl ObjectIdError {
    /// What is the same whatever the URL is.
    fn what(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::NoScheme => "no https:// in front",
            Self::Scheme(_) => "a key vault is reached by https only",
            Self::WhiteSpace => "white space or a control character inside the URL: remove it",
            Self::Backslash => "a backslash in the URL: write / instead",
            Self::PercentEscape => {
                "a percent escape in the URL: names have letters, digits and hyphens only, write \
                 them as they are"
            }
            Self::UserInfo => {
                "a user name or password before the host: remove it, the managed identity is \
                 what signs in"
            }
            Self::Query => "a query (?…) in the URL: remove it",
            Self::Fragment => "a fragment (#…) in the URL: remove it",
            Self::NoHost => "no host after https://",
            Self::Port => "the port is not a number from 1 to 65535",
            Self::NotAscii => {
                "characters other than ASCII in the URL: vaults and their objects have letters, \
                 digits and hyphens only"
            }
            Self::HostName(_) => "is no host name",
            Self::ManagedHsm(_) => {
                "is a managed HSM, which stores keys only: keep the certificate in a key vault"
            }
            Self::UnknownSuffix(_) => {
                "is under no known key vault domain (vault.azure.net, vault.azure.cn, \
                 vault.usgovcloudapi.net): if it is a vault all the same, the administrator of \
                 this machine can allow its domain by AKVVM_VAULT_DNS_SUFFIXES in \
                 /etc/akvvm/environment"
            }
            Self::CloudPort(_) => {
                "has a port that is no vault's: leave it out, Azure's vaults answer at 443"
            }
            Self::OtherPort { .. } => "is at another port than is allowed for its domain",
            Self::VaultName { .. } => "a vault's name is 3 to 24 letters, digits and hyphens",
            Self::UnknownKind(_) => {
                "which is none of secrets, certificates and keys that the path may begin with"
            }
            Self::EmptyPart => "two slashes side by side in the path: remove one",
            Self::NoName => "the URL ends before the object's name",
            Self::Name(_) => "is no object's name: names are 1 to 127 letters, digits and hyphens",
            Self::Version(_) => {
                "is no version: versions are 32 letters and digits; leave it out to follow the \
                 newest"
            }
            Self::TooLong => "the URL goes on after the version: end it there",
            Self::Certificate { .. } => {
                "a /certificates/ URL, which hands out no private key: the same certificate with \
                 its key is the secret"
            }
            Self::Key { .. } => {
                "a /keys/ URL, which hands out no private key and no certificate: a certificate \
                 with its key is the secret"
            }
        }
    }
}

impl fmt::Display for ObjectIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = self.what();
        match self {
            Self::Empty | Self::NoScheme | Self::NoHost | Self::NoName => {
                write!(f, "{what}: write {FORM}")
            }
            Self::Scheme(scheme) => write!(f, "scheme {scheme:?}: {what}, write {FORM}"),
            Self::HostName(host) => write!(f, "{host:?} {what}: write {FORM}"),
            Self::ManagedHsm(host) | Self::UnknownSuffix(host) | Self::CloudPort(host) => {
                write!(f, "{host} {what}")
            }
            Self::OtherPort { host, allowed } => {
                write!(f, "{host} {what}: write {allowed}, or have this one added to ")?;
                f.write_str("AKVVM_VAULT_DNS_SUFFIXES in /etc/akvvm/environment")
            }
            Self::VaultName { host, suffix } => {
                write!(f, "{host:?} has no vault's name before .{suffix}: {what}")
            }
            Self::UnknownKind(kind) => {
                write!(f, "the path begins with {kind:?}, {what}: write {FORM}")
            }
            Self::Name(part) | Self::Version(part) => write!(f, "{part:?} {what}"),
            Self::Certificate { secret } | Self::Key { secret } => write!(f, "{what} {secret}"),
            _ => f.write_str(what),
        }
    }
}

impl std::error::Error for ObjectIdError {}

/// Why an entry of `AKVVM_VAULT_DNS_SUFFIXES` is no domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuffixError {
    pub(crate) entry: String,
}

impl fmt::Display for SuffixError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is no domain, host or address with an optional port: write domains like \
             vault.example.net or vault.example.net:8443, separated by commas",
            self.entry
        )
    }
}

impl std::error::Error for SuffixError {}
