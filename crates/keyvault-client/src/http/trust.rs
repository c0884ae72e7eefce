//! The authorities this machine trusts.

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rustls::RootCertStore;
use rustls_native_certs::load_certs_from_paths;

/// Where distributions keep their bundle; the first that exists is the machine's
/// (as Go's crypto/x509 `root_linux.go` looks for them).
const BUNDLES: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt", // Debian, Ubuntu, Alpine, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",   // Fedora, RHEL, Azure Linux
    "/etc/ssl/ca-bundle.pem",             // SUSE
    "/etc/pki/tls/cacert.pem",            // OpenELEC
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // RHEL 7 and later
    "/etc/ssl/cert.pem",                  // Alpine, BSDs, macOS
];

/// Directories of single certificates, for machines without a bundle.
const DIRECTORIES: [&str; 2] = ["/etc/ssl/certs", "/etc/pki/tls/certs"];

pub(super) type Roots = Arc<RootCertStore>;

/// Where trusted authorities are read from.
pub(super) struct TrustStore {
    file: Option<PathBuf>,
    directories: Vec<PathBuf>,
    /// Nothing was named, so the places above are tried.
    is_machines: bool,
}

/// What the files looked like. Two equal stamps mean that nothing has changed since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp(Vec<Option<(SystemTime, u64)>>);

/// No certificate authority was found.
#[derive(Debug)]
pub(crate) struct TrustError {
    looked: Vec<PathBuf>,
    pub(crate) was_named: bool,
    cause: Option<String>,
}

impl TrustStore {
    /// The values of `SSL_CERT_FILE` and `SSL_CERT_DIR`; without either, the machine's own store.
    pub(super) fn new(file: Option<PathBuf>, directories: Option<&Path>) -> Self {
        let file = file.filter(|file| !file.as_os_str().is_empty());
        let directories: Vec<PathBuf> = directories
            .map(|list| std::env::split_paths(list).filter(|path| path.is_absolute()).collect())
            .unwrap_or_default();
        let is_machines = file.is_none() && directories.is_empty();
        Self { file, directories, is_machines }
    }

    pub(super) fn stamp(&self) -> Stamp {
        let looks = |path: &PathBuf| {
            let metadata = std::fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        };
        Stamp(self.places().iter().map(looks).collect())
    }

    pub(super) fn load(&self) -> Result<Roots, TrustError> {
        let mut certificates = Vec::new();
        let mut cause = None;
        for place in self.places() {
            if self.is_machines && (!certificates.is_empty() || !place.exists()) {
                continue;
            }
            let found = if place.is_dir() {
                load_certs_from_paths(None, Some(&place))
            } else {
                load_certs_from_paths(Some(&place), None)
            };
            cause = cause.or_else(|| found.errors.first().map(ToString::to_string));
            certificates.extend(found.certs);
        }
        if certificates.is_empty() {
            let was_named = !self.is_machines;
            return Err(TrustError { looked: self.places(), was_named, cause });
        }
        let mut roots = RootCertStore::empty();
        // What cannot be read among a machine's authorities is passed over.
        roots.add_parsable_certificates(certificates);
        Ok(Arc::new(roots))
    }

    fn places(&self) -> Vec<PathBuf> {
        if self.is_machines {
            BUNDLES.iter().chain(&DIRECTORIES).map(PathBuf::from).collect()
        } else {
            self.file.iter().chain(&self.directories).cloned().collect()
        }
    }
}

impl fmt::Display for TrustError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places: Vec<_> = self.looked.iter().map(|path| path.display().to_string()).collect();
        write!(f, "no certificate in {}", places.join(", "))?;
        match &self.cause {
            Some(cause) => write!(f, ": {cause}"),
            None => Ok(()),
        }
    }
}

impl Error for TrustError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_places_replace_the_machines() {
        let store = TrustStore::new(Some("/a.pem".into()), Some(Path::new("/b:/c:relative:")));
        assert_eq!(store.places(), ["/a.pem", "/b", "/c"].map(PathBuf::from));
        assert!(TrustStore::new(Some("".into()), None).is_machines);
    }

    #[test]
    fn a_missing_file_is_an_error_that_names_it() {
        let store = TrustStore::new(Some("/nonexistent/ca.pem".into()), None);
        let error = store.load().unwrap_err();
        assert!(error.was_named);
        assert!(error.to_string().contains("/nonexistent/ca.pem"), "{error}");
        assert_eq!(store.stamp(), Stamp(vec![None]));
    }
}
