//! Why a value is not a usable certificate with its key.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

/// The kind of key whose curve is spelt out.
pub(crate) const NAMELESS_CURVE: &str = "on a curve without a name";

/// Why a value could not be decoded.
///
/// `Display` is one sentence that names the cause and the fix. It never holds key material or a
/// part of a password, so it may be published in a status.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// Nothing but white space.
    Empty,
    /// More bytes than any certificate needs.
    TooLarge {
        /// Largest accepted size in bytes.
        limit: usize,
    },
    /// Neither PEM nor the base64 text of a PKCS#12 file.
    NotACertificate {
        /// The content type that came with the value.
        content_type: Option<String>,
    },
    /// The text has PEM lines that do not make whole blocks.
    MalformedPem(&'static str),
    /// The PKCS#12 structure is not what RFC 7292 says.
    MalformedPkcs12(&'static str),
    /// A PKCS#12 file opens with neither the null nor the empty password.
    PasswordProtected,
    /// A PEM private key is encrypted.
    EncryptedKey,
    /// A private key as `ssh-keygen` writes it.
    OpenSshKey,
    /// The certificates are in a PKCS#7 or CMS block (RFC 5652), which holds no key.
    Pkcs7,
    /// A PKCS#12 file that uses an algorithm or a structure that is not read here.
    UnsupportedPkcs12 {
        /// What it is used for, as in "encryption".
        what: &'static str,
        /// Its name or object identifier.
        name: String,
    },
    /// A private key of a kind that is not carried.
    UnsupportedKey(String),
    /// Opening the file would take longer than any honest file does.
    TooManyIterations,
    /// More certificates or keys than an honest file has.
    TooMany {
        /// Of what.
        what: &'static str,
        /// Largest accepted number.
        limit: usize,
    },
    /// Certificates so much alike that ordering them would take too long.
    TooManySignatures,
    /// There are certificates, but no private key.
    NoPrivateKey {
        /// Subject of the first certificate.
        subject: String,
    },
    /// There is a private key, but no certificate.
    NoCertificate,
    /// Well-formed, but neither a certificate nor a private key.
    NothingFound,
    /// No private key belongs to any of the certificates.
    KeyMismatch {
        /// Number of different private keys.
        keys: usize,
        /// Number of different certificates.
        certificates: usize,
    },
    /// The private key's certificate spells its curve out instead of naming it.
    NamelessCurve,
    /// Several private keys, each with its own certificate.
    SeveralKeys {
        /// How many.
        keys: usize,
    },
    /// A private key whose parts contradict one another.
    InvalidKey(&'static str),
    /// A certificate that is not readable X.509.
    UnreadableCertificate,
    /// What would be written does not read back the same.
    NotReadBack,
}

/// Why a certificate and its key could not become a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EncodeError {
    /// The system's source of randomness gave nothing.
    NoRandomness,
    /// A cipher or digest did not take its key; never with the keys that are derived here.
    Unencryptable,
}

impl Error for EncodeError {}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoRandomness => "the system has no randomness to give; try again later",
            Self::Unencryptable => "the private key could not be encrypted; report this",
        })
    }
}

impl Error for DecodeError {}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.cause(), self.fix())
    }
}

impl DecodeError {
    /// What is wrong, without the advice.
    pub(crate) fn cause(&self) -> Cow<'static, str> {
        match self {
            Self::Empty => "the value is empty".into(),
            Self::TooLarge { limit } => {
                format!("the value is larger than {limit} bytes, which no chain is").into()
            }
            Self::NotACertificate { content_type } => not_a_certificate(content_type.as_deref()),
            Self::MalformedPem(what) => format!("the PEM text is damaged: {what}").into(),
            Self::MalformedPkcs12(what) => format!("the PKCS#12 file is damaged: {what}").into(),
            Self::PasswordProtected => {
                "the PKCS#12 file is protected by a password (or is damaged)".into()
            }
            Self::EncryptedKey => "the PEM private key is encrypted".into(),
            Self::OpenSshKey => "the private key is in the form of OpenSSH".into(),
            Self::Pkcs7 => "the certificates are in a PKCS#7 block, which is not read".into(),
            Self::UnsupportedPkcs12 { what, name } => {
                format!("the PKCS#12 file's {what} {name} is not supported").into()
            }
            Self::UnsupportedKey(kind) => {
                format!("the private key is {kind}, which is not supported").into()
            }
            Self::TooManyIterations => {
                "the PKCS#12 file asks for more key derivation than is allowed".into()
            }
            Self::TooMany { what, limit } => format!("there are more than {limit} {what}").into(),
            Self::TooManySignatures => {
                "too many certificates have the same names to tell their order".into()
            }
            Self::NoPrivateKey { subject } => {
                format!("there is no private key for {subject}").into()
            }
            Self::NoCertificate => "there is a private key but no certificate".into(),
            Self::NothingFound => "there is neither a certificate nor a private key".into(),
            Self::KeyMismatch { keys, certificates } => key_mismatch(*keys, *certificates),
            Self::NamelessCurve => {
                "the certificate spells out its key's curve instead of naming it".into()
            }
            Self::SeveralKeys { keys } => {
                format!("there are {keys} private keys, each with a certificate of its own").into()
            }
            Self::InvalidKey(what) => format!("the private key is not valid: {what}").into(),
            Self::UnreadableCertificate => "a certificate is not readable X.509".into(),
            Self::NotReadBack => "the certificate does not read back as it would be written".into(),
        }
    }

    /// What can be done about it.
    fn fix(&self) -> &'static str {
        match self {
            Self::Empty | Self::NoCertificate | Self::NothingFound | Self::KeyMismatch { .. } => {
                "store a certificate together with its private key"
            }
            Self::NotACertificate { .. } => {
                "point at a certificate's secret, or store a certificate with its private key"
            }
            Self::TooLarge { .. } | Self::TooMany { .. } | Self::TooManySignatures => {
                "store the certificate with its own chain only"
            }
            Self::SeveralKeys { .. } => "store one certificate with its key",
            Self::MalformedPem(_)
            | Self::MalformedPkcs12(_)
            | Self::InvalidKey(_)
            | Self::UnreadableCertificate => "import the certificate again",
            Self::PasswordProtected => {
                "import it as a Key Vault certificate, which removes the password, or export it \
                 again without one"
            }
            Self::EncryptedKey => "store it without encryption; `openssl pkey` writes it so",
            Self::OpenSshKey => "store it as PKCS#8; `ssh-keygen -p -m PKCS8 -f FILE` turns a copy",
            Self::Pkcs7 => {
                "store them as PEM beside their private key; `openssl pkcs7 -print_certs -in FILE` \
                 prints them so"
            }
            Self::UnsupportedPkcs12 { .. } => {
                "export it again with current settings (AES-256, HMAC with SHA-256)"
            }
            Self::UnsupportedKey(kind) if kind == NAMELESS_CURVE => {
                "`openssl ec -param_enc named_curve` turns it; its certificate has to name the \
                 curve, too"
            }
            Self::UnsupportedKey(_) => {
                "issue the certificate with an RSA, elliptic curve or Ed25519 key"
            }
            Self::NamelessCurve => {
                "issue it anew from a request that names the curve; \
                 `openssl ec -param_enc named_curve` turns the key"
            }
            Self::TooManyIterations => "export it again with fewer iterations",
            Self::NoPrivateKey { .. } => {
                "the certificate's policy probably makes its key non-exportable: issue a new \
                 version with an exportable key"
            }
            Self::NotReadBack => "this is a defect of this program, report it",
        }
    }
}

fn not_a_certificate(content_type: Option<&str>) -> Cow<'static, str> {
    let text = "the value is neither PEM nor a base64-encoded PKCS#12 file";
    match content_type {
        Some(content_type) => format!("{text} (its content type is {content_type:?})").into(),
        None => text.into(),
    }
}

fn key_mismatch(keys: usize, certificates: usize) -> Cow<'static, str> {
    match (keys, certificates) {
        (1, 1) => "the private key does not belong to the certificate".into(),
        (1, _) => {
            format!("the private key belongs to none of the {certificates} certificates").into()
        }
        _ => format!("none of the {keys} private keys belongs to a certificate").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_begin_in_lower_case_and_have_no_full_stop() {
        let all = [
            DecodeError::Empty,
            DecodeError::TooLarge { limit: 1 },
            DecodeError::NotACertificate { content_type: Some("text/plain".into()) },
            DecodeError::NotACertificate { content_type: None },
            DecodeError::MalformedPem("cut off"),
            DecodeError::MalformedPkcs12("cut off"),
            DecodeError::PasswordProtected,
            DecodeError::EncryptedKey,
            DecodeError::OpenSshKey,
            DecodeError::Pkcs7,
            DecodeError::UnsupportedPkcs12 { what: "encryption", name: "RC4".into() },
            DecodeError::UnsupportedKey("of 512 bits".into()),
            DecodeError::TooManyIterations,
            DecodeError::TooMany { what: "certificates", limit: 1 },
            DecodeError::TooManySignatures,
            DecodeError::NoPrivateKey { subject: "CN=a".into() },
            DecodeError::NoCertificate,
            DecodeError::NothingFound,
            DecodeError::KeyMismatch { keys: 1, certificates: 1 },
            DecodeError::KeyMismatch { keys: 1, certificates: 2 },
            DecodeError::KeyMismatch { keys: 2, certificates: 1 },
            DecodeError::NamelessCurve,
            DecodeError::SeveralKeys { keys: 2 },
            DecodeError::InvalidKey("p times q is not n"),
            DecodeError::UnreadableCertificate,
            DecodeError::NotReadBack,
        ];
        for error in all {
            let text = error.to_string();
            assert!(text.starts_with(char::is_lowercase) || text.starts_with("PKCS"), "{text}");
            assert!(!text.ends_with('.') && text.contains("; "), "{text}");
        }
    }
}
