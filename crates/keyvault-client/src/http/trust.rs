//! The authorities this machine trusts.

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
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

/// What was read, and what first hindered that.
#[derive(Default)]
struct Found {
    certificates: Vec<CertificateDer<'static>>,
    cause: Option<String>,
}

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

    /// Asked for at each request: of the machine's places, only those up to the one that is read.
    pub(super) fn stamp(&self) -> Stamp {
        let mut stamp = Vec::new();
        for place in self.places() {
            let metadata = std::fs::metadata(place).ok();
            let looks = metadata.and_then(|data| Some((data.modified().ok()?, data.len())));
            stamp.push(looks);
            if self.is_machines && looks.is_some() {
                break;
            }
        }
        Stamp(stamp)
    }

    /// Of what is trusted, what is asked first: the file, where one is named and has authorities;
    /// else everything.
    pub(super) fn load_first(&self) -> Result<RootCertStore, TrustError> {
        if self.has_more() {
            let found = self.read(self.file.as_deref());
            if !found.certificates.is_empty() {
                return Ok(found.roots());
            }
        }
        let found = self.read(self.places());
        if found.certificates.is_empty() {
            let looked = self.places().map(PathBuf::from).collect();
            let was_named = !self.is_machines;
            return Err(TrustError { looked, was_named, cause: found.cause });
        }
        Ok(found.roots())
    }

    /// Everything that is trusted, where that can be more than what is asked first.
    pub(super) fn load_all(&self) -> Option<RootCertStore> {
        self.has_more().then(|| self.read(self.places()).roots())
    }

    fn has_more(&self) -> bool {
        self.file.is_some() && !self.directories.is_empty()
    }

    fn read<'a>(&self, places: impl IntoIterator<Item = &'a Path>) -> Found {
        let mut all = Found::default();
        for place in places {
            if self.is_machines && (!all.certificates.is_empty() || !place.exists()) {
                continue;
            }
            let found = if place.is_dir() {
                load_certs_from_paths(None, Some(place))
            } else {
                load_certs_from_paths(Some(place), None)
            };
            all.cause = all.cause.or_else(|| found.errors.first().map(ToString::to_string));
            all.certificates.extend(found.certs);
        }
        all
    }

    fn places(&self) -> impl Iterator<Item = &Path> {
        let machines = BUNDLES.iter().chain(&DIRECTORIES).filter(|_| self.is_machines);
        let named = self.file.iter().chain(&self.directories);
        machines.map(Path::new).chain(named.map(PathBuf::as_path))
    }
}

impl Found {
    /// What cannot be read among a machine's authorities is passed over.
    fn roots(self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(self.certificates);
        roots
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
        assert!(store.places().eq(["/a.pem", "/b", "/c"].map(Path::new)));
        assert!(TrustStore::new(Some("".into()), None).is_machines);
    }

    #[test]
    fn of_the_machines_places_those_that_are_not_read_are_not_watched() {
        let Stamp(watched) = TrustStore::new(None, None).stamp();
        let first = watched.iter().position(Option::is_some);
        assert!(first.is_none_or(|first| first + 1 == watched.len()), "{watched:?}");
    }

    #[test]
    fn a_missing_file_is_an_error_that_names_it() {
        let store = TrustStore::new(Some("/nonexistent/ca.pem".into()), None);
        let error = store.load_first().unwrap_err();
        assert!(error.was_named);
        assert!(error.to_string().contains("/nonexistent/ca.pem"), "{error}");
        assert_eq!(store.stamp(), Stamp(vec![None]));
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test makes files to be read")]
    fn directories_beside_a_file_are_read_in_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let authority = || {
            let mut params = rcgen::CertificateParams::default();
            params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
            params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem()
        };
        let (file, below) = (folder.path().join("ca.pem"), folder.path().join("certs"));
        std::fs::create_dir(&below).unwrap();
        std::fs::write(&file, authority()).unwrap();
        std::fs::write(below.join("other.pem"), authority()).unwrap();
        let store = TrustStore::new(Some(file.clone()), Some(&below));
        assert_eq!(store.load_first().unwrap().len(), 1);
        assert_eq!(store.load_all().unwrap().len(), 2);
        let alone = TrustStore::new(Some(file), None);
        assert_eq!(alone.load_first().unwrap().len(), 1);
        assert!(alone.load_all().is_none(), "there is no more than that");
    }
}
