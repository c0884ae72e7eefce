//! What another program has left in a store, and what the first installation makes of it. Reads
//! names and links, and no file.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use atomic_file::{Directory, FileError, Kind};
use certified_key::CertifiedKey;
use object_id::ObjectId;
use zeroize::Zeroizing;

use super::DirectoryStore;
use super::seen::{Names, beginning};
use crate::error::StoreError;
use crate::names::{self, Layout, Part};
use crate::pieces;
use crate::private_file::examine;
use crate::target::{Target, layouts};

/// What stands in a store under a certificate's names before the extension has written there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inheritance {
    /// Every name that applications will open, and those of the other layout that stand there.
    pub names: Vec<Inherited>,
    /// Further files of the certificate: other versions, or named by another program's rule. They
    /// stay.
    pub files: Vec<String>,
}

/// One name that applications open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inherited {
    /// Its path.
    pub path: PathBuf,
    /// Where it leads, if it is a link.
    pub leads_to: Option<PathBuf>,
    /// What becomes of it.
    pub fate: Fate,
}

/// What the first installation does with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Nothing stands there, and it is made.
    Made {
        /// What stands there in another case, which applications may have opened until now.
        twin: Option<String>,
    },
    /// The link leads to a file whose name is this extension's, too: both stay, if the file holds
    /// the version that the vault has.
    TakenOver,
    /// The link is moved to a new file by one rename; what it led to stays.
    Repointed,
    /// The metadata file is replaced.
    Replaced,
    /// It is of a layout that is not written: it stays, and nobody renews it.
    Left,
    /// It is no link, and was not put there by an extension: nothing is installed until somebody
    /// has moved it away.
    InTheWay(&'static str),
}

impl DirectoryStore {
    /// What somebody else has left under the target's names. Meant for stores that the extension
    /// has no ledger of yet. Reads only; each store is listed once for all calls with the same
    /// `now`.
    ///
    /// # Errors
    /// When the store cannot be read. One that does not exist holds nothing.
    pub fn inherited(&self, target: &Target, now: SystemTime) -> Result<Inheritance, StoreError> {
        let Some(directory) = self.open(&target.location)? else {
            return Ok(nothing(target));
        };
        let names = self.seen.names(&directory, now)?;
        Ok(Estate { directory, names, target }.inheritance()?)
    }
}

/// The first of the layouts that are wanted whose links all lead to files of one version.
pub(super) fn found(
    store: &DirectoryStore,
    target: &Target,
) -> Result<Option<(String, CertifiedKey)>, StoreError> {
    let Some(directory) = store.open(&target.location)? else { return Ok(None) };
    for layout in layouts(target) {
        let behind = |&part: &Part| behind(&directory, target, part).transpose();
        let parts: Vec<_> = Part::of(layout).iter().filter_map(behind).collect::<Result<_, _>>()?;
        let Some((version, _)) = parts.first().filter(|_| parts.len() == Part::of(layout).len())
        else {
            continue;
        };
        let texts: Vec<&[u8]> = parts.iter().map(|(_, text)| text.as_slice()).collect();
        let agree = parts.iter().all(|(of_part, _)| of_part == version);
        if let Some(key) = pieces::parse(&texts).filter(|_| agree) {
            return Ok(Some((version.clone(), key)));
        }
    }
    Ok(None)
}

/// The version that a file's name says, and what the file holds.
type Versioned = (String, Zeroizing<Vec<u8>>);

/// What a link leads to within the store. 2.x makes links absolute.
fn behind(
    directory: &Directory,
    target: &Target,
    part: Part,
) -> Result<Option<Versioned>, FileError> {
    let link = part.link(&target.link_name);
    if directory.look(&link)?.is_none_or(|entry| entry.kind != Kind::Link) {
        return Ok(None);
    }
    let to = directory.read_link(&link)?.unwrap_or_default();
    let name = to.strip_prefix(directory.path()).unwrap_or(&to);
    let name = name.to_str().filter(|name| !name.contains('/'));
    let Some((name, version)) = name.and_then(|it| Some((it, version_in(it, &target.id)?))) else {
        return Ok(None);
    };
    let version = version.chars().filter(|&c| c != '-').collect();
    Ok(examine(directory, name)?.map(|found| (version, found.content)))
}

fn nothing(target: &Target) -> Inheritance {
    let store = target.location.directory().unwrap_or(Path::new(""));
    let made = |name: String| Inherited {
        path: store.join(name),
        leads_to: None,
        fate: Fate::Made { twin: None },
    };
    Inheritance { names: target.public_names().into_iter().map(made).collect(), files: Vec::new() }
}

struct Estate<'t> {
    directory: Directory,
    /// All names in the store.
    names: Names,
    target: &'t Target,
}

impl Estate<'_> {
    fn inheritance(&self) -> Result<Inheritance, FileError> {
        let wanted = layouts(self.target);
        let mut names = Vec::new();
        for layout in [Layout::Combined, Layout::Split] {
            for &part in Part::of(layout) {
                names.extend(self.link(part, wanted.contains(&layout))?);
            }
        }
        names.extend(self.metadata(wanted.contains(&Layout::Split))?);
        let files = self.files(&names)?;
        Ok(Inheritance { names, files })
    }

    fn link(&self, part: Part, wanted: bool) -> Result<Option<Inherited>, FileError> {
        let name = part.link(&self.target.link_name);
        let Some(entry) = self.directory.look(&name)? else {
            return Ok(wanted.then(|| self.made(&name)));
        };
        let leads_to = match entry.kind {
            Kind::Link => self.directory.read_link(&name)?,
            _ => None,
        };
        let fate = match (entry.kind, &leads_to) {
            _ if !wanted => Fate::Left,
            (Kind::Link, Some(to)) if self.is_own(part, to)? => Fate::TakenOver,
            (Kind::Link, _) => Fate::Repointed,
            (Kind::File, _) => Fate::InTheWay("a regular file"),
            (Kind::Directory, _) => Fate::InTheWay("a directory"),
            (Kind::Other, _) => Fate::InTheWay("neither a file nor a link"),
        };
        Ok(Some(Inherited { path: self.directory.path().join(name), leads_to, fate }))
    }

    fn metadata(&self, wanted: bool) -> Result<Option<Inherited>, FileError> {
        let name = names::metadata(&self.target.link_name);
        let Some(entry) = self.directory.look(&name)? else {
            return Ok(wanted.then(|| self.made(&name)));
        };
        let fate = match entry.kind {
            _ if !wanted => Fate::Left,
            Kind::Directory => Fate::InTheWay("a directory"),
            _ => Fate::Replaced,
        };
        Ok(Some(Inherited { path: self.directory.path().join(name), leads_to: None, fate }))
    }

    fn made(&self, name: &str) -> Inherited {
        let twin = self.names.iter().find(|other| other.eq_ignore_ascii_case(name));
        Inherited {
            path: self.directory.path().join(name),
            leads_to: None,
            fate: Fate::Made { twin: twin.cloned() },
        }
    }

    /// Whether a link leads to a file in the store that this extension would have named so.
    fn is_own(&self, part: Part, to: &Path) -> Result<bool, FileError> {
        let id = &self.target.id;
        let Some(name) = to.to_str().filter(|name| !name.contains('/')) else { return Ok(false) };
        let Some(version) = version_in(name, id) else { return Ok(false) };
        let pinned = id.version().is_none_or(|pinned| pinned.eq_ignore_ascii_case(&version));
        let entry = self.directory.look(name)?;
        let is_file = entry.is_some_and(|entry| entry.kind == Kind::File);
        Ok(pinned && is_file && part.is_file(name, id, &version))
    }

    /// Files of the certificate that no link leads to that is taken over.
    fn files(&self, inherited: &[Inherited]) -> Result<Vec<String>, FileError> {
        let kept = |name: &str| {
            let led_to = |one: &&Inherited| one.leads_to.as_deref() == Some(Path::new(name));
            inherited.iter().filter(led_to).any(|one| one.fate == Fate::TakenOver)
        };
        let mut files = Vec::new();
        for name in beginning(&self.names, &stem(&self.target.id)) {
            if version_in(name, &self.target.id).is_none() || kept(name) {
                continue;
            }
            if self.directory.look(name)?.is_some_and(|entry| entry.kind == Kind::File) {
                files.push(name.clone());
            }
        }
        Ok(files)
    }
}

/// The version in a file's name, whatever stands behind it. 2.x may write it with hyphens.
fn version_in(name: &str, id: &ObjectId) -> Option<String> {
    let version = name.strip_prefix(&stem(id))?.split('.').next()?;
    let plain: String = version.chars().filter(|c| *c != '-').collect();
    let is_version = plain.len() == 32 && plain.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_version.then(|| version.to_owned())
}

/// What the names of all files of a certificate begin with.
fn stem(id: &ObjectId) -> String {
    format!("{}.{}.", id.vault().name(), id.name())
}
