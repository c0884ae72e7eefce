//! Store directories, link names and file layouts.

use std::path::{Path, PathBuf};

use crate::field::Field;
use crate::placeholder;
use crate::remark::{Remarks, excerpt};

/// Where certificates go whose entry, and whose settings, name no store. The path is that of
/// Microsoft's extension, so that consumers keep theirs.
pub const DEFAULT_STORE: &str = "/var/lib/waagent/Microsoft.Azure.KeyVault.Store";

/// The longest link name, in bytes: file names have 255, and a versioned file of the split layout
/// adds a version, `.keyid.` and a timestamp to it.
pub(crate) const LONGEST_LINK_NAME: usize = 190;

/// The longest path of a store, in bytes: Linux's limit of 4096 (`PATH_MAX`) less a file name.
const LONGEST_STORE: usize = 3800;

/// Where a certificate is installed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StoreLocation {
    /// A directory on disk.
    Directory {
        /// Absolute and normalised: no `.`, `..` or doubled separators.
        path: PathBuf,
        /// Whether this is [`DEFAULT_STORE`], named or not.
        is_default: bool,
    },
}

/// Which files stand for one certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileLayout {
    /// The settings do not say: combined, unless the store already holds split links (of
    /// Microsoft's 4.x), then both.
    Unstated,
    /// One PEM file: certificate, issuers, key (Microsoft's 1.x to 3.x).
    Combined,
    /// A `.pem`, a `.keyid` and a `.luma` file (Microsoft's 4.x).
    Split,
    /// All of them.
    Both,
}

impl StoreLocation {
    /// The store that is used where nothing is said.
    pub(crate) fn default_store() -> Self {
        Self::at(PathBuf::from(DEFAULT_STORE))
    }

    fn at(path: PathBuf) -> Self {
        let is_default = path == Path::new(DEFAULT_STORE);
        Self::Directory { path, is_default }
    }

    /// Reads a `certificateStoreLocation`.
    pub(crate) fn read(field: &Field, remarks: &mut Remarks) -> Option<Self> {
        let text = field.text(remarks)?;
        // The pages of the extension's preview spell them with an underscore.
        let spelled = text.replace('_', "");
        if ["LocalMachine", "CurrentUser"].iter().any(|name| spelled.eq_ignore_ascii_case(name)) {
            let text = format!(
                "{text} is a certificate store of Windows: on Linux write the absolute path of a \
                 directory, or leave it out to use {DEFAULT_STORE}"
            );
            remarks.problem(&field.path, text);
            return None;
        }
        match normalised(&text) {
            Ok(path) => {
                warn_of_placeholder(field, &text, remarks);
                if names_a_file(&path) {
                    let text = "looks like a file's name, but becomes a directory: the links in it \
                        are named by customSymbolicLinkName";
                    remarks.warning(&field.path, text);
                }
                Some(Self::at(path))
            }
            Err(reason) => {
                let text = format!(
                    "\"{}\" {reason}: write the absolute path of a directory, \
                     /etc/ssl/contoso for example",
                    excerpt(&text)
                );
                remarks.problem(&field.path, text);
                None
            }
        }
    }
}

/// A directory may be called anything, but seldom is.
fn warn_of_placeholder(field: &Field, text: &str, remarks: &mut Remarks) {
    if let Some(what) = placeholder::recognise(text) {
        let text = format!("\"{}\" {what}; it is used as it stands", excerpt(text));
        remarks.warning(&field.path, text);
    }
}

fn names_a_file(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    ["pem", "crt", "cer", "key", "pfx", "p12"].iter().any(|one| extension.eq_ignore_ascii_case(one))
}

/// The path without `.` and doubled or trailing separators, or what is wrong with it.
pub(crate) fn normalised(text: &str) -> Result<PathBuf, &'static str> {
    if !text.starts_with('/') {
        return Err("is not an absolute path");
    }
    if text.contains(char::is_control) {
        return Err("has control characters in it");
    }
    if text.len() > LONGEST_STORE {
        return Err("is too long");
    }
    let mut path = PathBuf::from("/");
    for segment in text.split('/').filter(|segment| !matches!(*segment, "" | ".")) {
        match segment {
            ".." => return Err("has .. in it"),
            segment if segment.len() > 255 => return Err("has a segment of more than 255 bytes"),
            segment => path.push(segment),
        }
    }
    if path.parent().is_none() {
        return Err("is the root directory");
    }
    Ok(path)
}

/// Reads a `customSymbolicLinkName`.
pub(crate) fn read_link_name(field: &Field, remarks: &mut Remarks) -> Option<String> {
    let name = field.text(remarks)?;
    let Err(reason) = check_link_name(&name) else {
        warn_of_placeholder(field, &name, remarks);
        return Some(name);
    };
    let text = format!(
        "\"{}\" {reason}: write a plain file name; the directory is certificateStoreLocation",
        excerpt(&name)
    );
    remarks.problem(&field.path, text);
    None
}

/// What keeps a name from being a link's name in a store.
pub(crate) fn check_link_name(name: &str) -> Result<(), &'static str> {
    if name.contains(['/', '\\']) {
        Err("has a separator in it")
    } else if name.contains("..") {
        Err("has .. in it")
    } else if name.starts_with('.') {
        Err("begins with a dot, as the extension's temporary files do")
    } else if name.contains(char::is_control) {
        Err("has control characters in it")
    } else if name.len() > LONGEST_LINK_NAME {
        Err("is longer than 190 bytes")
    } else {
        Ok(())
    }
}

/// Reads a `certificateFileLayout`.
pub(crate) fn read_layout(field: &Field, remarks: &mut Remarks) -> Option<FileLayout> {
    match &*field.text(remarks)? {
        "combined" => Some(FileLayout::Combined),
        "split" => Some(FileLayout::Split),
        "both" => Some(FileLayout::Both),
        _ => field.refuse("\"combined\", \"split\" or \"both\"", remarks),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_are_normalised() {
        for (text, path) in [
            ("/etc/ssl/certs", "/etc/ssl/certs"),
            ("/etc//ssl/./certs/", "/etc/ssl/certs"),
            ("/var/lib/my store", "/var/lib/my store"),
            ("/a...b/..c", "/a...b/..c"),
        ] {
            assert_eq!(normalised(text).unwrap().to_str(), Some(path));
        }
    }

    #[test]
    fn paths_that_lead_elsewhere_are_refused() {
        for (text, reason) in [
            ("certs", "not an absolute"),
            ("C:\\certs", "not an absolute"),
            ("~/certs", "not an absolute"),
            ("/etc/../root", ".."),
            ("/..", ".."),
            ("/", "root directory"),
            ("//./", "root directory"),
            ("/a\nb", "control"),
            ("/a\u{0}b", "control"),
        ] {
            let refused = normalised(text).unwrap_err();
            assert!(refused.contains(reason), "{text}: {refused}");
        }
        assert!(normalised(&format!("/{}", "a".repeat(256))).is_err());
        assert!(normalised(&"/abc".repeat(1000)).is_err());
    }

    #[test]
    fn the_default_store_is_recognised_however_it_is_written() {
        let mut remarks = Remarks::default();
        let field = Field::new("x".to_owned(), json!(format!("{DEFAULT_STORE}/")));
        let read = StoreLocation::read(&field, &mut remarks).unwrap();
        assert_eq!(read, StoreLocation::default_store());
        let StoreLocation::Directory { is_default, .. } = read;
        assert!(is_default);
    }

    #[test]
    fn a_variable_that_nothing_filled_in_is_used_with_a_warning() {
        for (text, warns) in
            [("/srv/${ENVIRONMENT}/certs", true), ("/srv/<app>", true), ("/srv/a", false)]
        {
            let mut remarks = Remarks::default();
            let field = Field::new("x".to_owned(), json!(text));
            assert!(StoreLocation::read(&field, &mut remarks).is_some());
            let field = Field::new("y".to_owned(), json!(text.split('/').nth(2)));
            assert!(read_link_name(&field, &mut remarks).is_some());
            let warnings = remarks.finish().warnings;
            let paths: Vec<&str> = warnings.iter().map(|warning| warning.path.as_str()).collect();
            assert_eq!(paths, if warns { vec!["x", "y"] } else { vec![] }, "{warnings:?}");
        }
    }

    #[test]
    fn stores_of_windows_have_a_sentence_of_their_own() {
        for name in ["LocalMachine", "CurrentUser", "localmachine", "LOCAL_MACHINE"] {
            let mut remarks = Remarks::default();
            let field = Field::new("x".to_owned(), json!(name));
            assert!(StoreLocation::read(&field, &mut remarks).is_none());
            let said = remarks.finish().to_string();
            assert!(said.contains("certificate store of Windows: on Linux"), "{said}");
        }
    }

    #[test]
    fn link_names_are_plain_file_names() {
        for name in ["web", "contoso.web", "a b", "Büro", "a-1_x.pem"] {
            assert_eq!(check_link_name(name), Ok(()), "{name}");
        }
        let long = "a".repeat(191);
        for name in ["a/b", "/a", "a\\b", "..", ".", ".hidden", "a..b", "a\nb", "a\u{0}", &long] {
            assert!(check_link_name(name).is_err(), "{name}");
        }
    }
}
