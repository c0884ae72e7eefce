//! The first half: everything new is put beside what stands there.

use std::path::Path;

use atomic_file::{Directory, Entry, Kind};
use certified_key::pkcs12_opens_with;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::ledger::{OutputDirectoryRecord, OutputFileRecord, OutputLedger, ReplacedFile};
use super::prepared::{Item, PreparedOutputs};
use super::survey::{DIRECTORY, look_at_link};
use super::wanted::{FileAccess, Form, Material, Output, SetFile};
use super::{OutputStore, render};
use crate::access::{Access, Granted};
use crate::digest::digest;
use crate::error::StoreError;
use crate::output_error::OutputError;
use crate::pieces::check_readable;
use crate::private_file;

/// Bits that let others write to a directory.
const OTHERS_WRITE: u32 = 0o022;

pub(super) fn prepare(
    store: &OutputStore,
    wanted: &[Output],
    material: Material<'_>,
    ledger: &OutputLedger,
) -> Result<PreparedOutputs, StoreError> {
    let mut prepared = PreparedOutputs::new(store.opening.clone());
    prepared.ledger.replaced.clone_from(&ledger.replaced);
    prepared.warnings = store.warnings(wanted, ledger);
    let mut making = Making { store, material, ledger, prepared, readable: false };
    match making.all(wanted) {
        Ok(()) => Ok(making.prepared),
        Err(error) => {
            let _ = making.prepared.discard(); // the first error says more than one of tidying up
            Err(error)
        }
    }
}

/// Outputs that are being prepared.
struct Making<'a> {
    store: &'a OutputStore,
    material: Material<'a>,
    ledger: &'a OutputLedger,
    prepared: PreparedOutputs,
    /// Whether the content was found to read back as it is.
    readable: bool,
}

/// The bytes of a file, and how it is to stand.
struct Made {
    bytes: Zeroizing<Vec<u8>>,
    digest: String,
    access: Access,
}

impl Making<'_> {
    fn all(&mut self, wanted: &[Output]) -> Result<(), StoreError> {
        for output in wanted {
            let missing = || {
                let directory = output.path().parent().unwrap_or(Path::new("/")).into();
                StoreError::Output(OutputError::NoDirectory { directory })
            };
            let (directory, name) = self.store.find(output.path())?.ok_or_else(missing)?;
            match output {
                Output::File { path, form, access } => {
                    self.file(&directory, name, path, form, access)?;
                }
                Output::Directory { link, files } => self.set(&directory, name, link, files)?,
            }
        }
        Ok(())
    }

    fn file(
        &mut self,
        directory: &Directory,
        name: &str,
        path: &Path,
        form: &Form,
        access: &FileAccess,
    ) -> Result<(), StoreError> {
        let made = self.make(directory, path, form, access)?;
        let taken = |by| StoreError::Output(OutputError::Taken { path: path.into(), by });
        match directory.look(name)?.map(|entry| entry.kind) {
            None | Some(Kind::Link) => {
                self.prepared.stage(directory, name, &made.access, &made.bytes)?
            }
            Some(Kind::Directory) => return Err(taken("a directory")),
            Some(Kind::Other) => return Err(taken("neither a file nor a link")),
            Some(Kind::File) => match private_file::examine(directory, name)? {
                Some(found) if found.digest() == made.digest && found.has(&made.access) => {}
                Some(found) => {
                    if found.digest() != made.digest {
                        self.keep_foreign(path, &found.content)?;
                    }
                    self.prepared.stage(directory, name, &made.access, &made.bytes)?;
                }
                None if self.ledger.file(path).is_some() => {
                    self.prepared.stage(directory, name, &made.access, &made.bytes)?;
                }
                None => return Err(taken("a file too long to be kept")),
            },
        }
        self.prepared.items.push(Item { path: path.into(), inner: None, bytes: made.bytes });
        Ok(())
    }

    /// A file that nobody knows is somebody's.
    fn keep_foreign(&mut self, path: &Path, content: &[u8]) -> Result<(), StoreError> {
        if self.ledger.file(path).is_some() {
            return Ok(());
        }
        let digest = self.store.keep.save_foreign(&self.store.opening, content)?;
        let replaced = ReplacedFile { path: path.into(), digest };
        if !self.prepared.ledger.replaced.contains(&replaced) {
            self.prepared.ledger.replaced.push(replaced);
        }
        Ok(())
    }

    fn set(
        &mut self,
        parent: &Directory,
        name: &str,
        link: &Path,
        files: &[SetFile],
    ) -> Result<(), StoreError> {
        let leads = look_at_link(parent, name, link)?;
        let mut all = Vec::new();
        for file in files {
            let path = link.join(&file.name);
            all.push((&file.name, self.make(parent, &path, &file.form, &file.access)?));
        }
        let generation = generation_name(name, &all);
        let live = leads.is_some_and(|to| to.as_os_str() == generation.as_str());
        let inner = self.generation(parent, &generation)?;
        for (name, made) in &all {
            let found = private_file::examine(&inner, name)?;
            let stands = found.is_some_and(|f| f.digest() == made.digest && f.has(&made.access));
            if !stands && live {
                self.prepared.stage(&inner, name, &made.access, &made.bytes)?;
            } else if !stands {
                inner.stage(name, &made.access.options(), &made.bytes)?.place()?;
            }
        }
        if !live {
            inner.sync()?;
            self.prepared.stage_link(parent, name, &generation)?;
        }
        let before = self.ledger.directory(link);
        let previous = match before {
            Some(before) if before.current != generation => Some(before.current.clone()),
            _ => before.and_then(|before| before.previous.clone()),
        };
        if let Some(former) = &previous {
            self.close_former(parent, former, &all)?;
        }
        for (name, made) in all {
            let (path, inner) = (link.to_owned(), Some(name.clone()));
            self.prepared.items.push(Item { path, inner, bytes: made.bytes });
        }
        let record = OutputDirectoryRecord { link: link.into(), current: generation, previous };
        self.prepared.ledger.directories.push(record);
        Ok(())
    }

    /// Gives the files of the generation before the access that is wanted now, and what is wanted
    /// no more to nobody else: a private key that was in use until yesterday is as good as today's.
    fn close_former(
        &mut self,
        parent: &Directory,
        former: &str,
        wanted: &[(&String, Made)],
    ) -> Result<(), StoreError> {
        let is_ours =
            |entry: Entry| entry.kind == Kind::Directory && entry.user == self.store.owner.0;
        if !parent.look(former)?.is_some_and(is_ours) {
            return Ok(());
        }
        let Some(inner) = parent.enter(former)? else { return Ok(()) };
        let alone = Access::file(self.store.owner, FileAccess::default().mode, &Granted::default());
        for name in inner.list()? {
            let Some(name) = name.to_str() else { continue };
            let Some(found) = private_file::examine(&inner, name)? else { continue };
            let made = wanted.iter().find(|(known, _)| *known == name);
            let access = made.map_or(&alone, |(_, made)| &made.access);
            if !found.has(access) {
                self.prepared.stage(&inner, name, access, &found.content)?;
            }
        }
        Ok(())
    }

    /// Opens the directory of a generation; it may be there, from before or from a preparation that
    /// was interrupted.
    fn generation(&mut self, parent: &Directory, name: &str) -> Result<Directory, StoreError> {
        let path = || parent.path().join(name);
        let taken = |by| StoreError::Output(OutputError::Taken { path: path(), by });
        let existing = parent.look(name)?;
        if existing.is_some_and(|entry| entry.kind != Kind::Directory) {
            return Err(taken("no directory"));
        }
        if existing.is_none() {
            self.prepared.made.push((parent.clone(), name.to_owned()));
        }
        let inner = parent.make(name, DIRECTORY)?;
        let entry = inner.entry()?;
        if entry.user != self.store.owner.0 || entry.mode & OTHERS_WRITE != 0 {
            return Err(taken("somebody else's directory"));
        }
        if entry.mode != DIRECTORY {
            inner.set_mode(DIRECTORY)?;
        }
        Ok(inner)
    }

    /// The bytes of a file: those that were kept for this version, else new ones, which are kept.
    fn make(
        &mut self,
        directory: &Directory,
        path: &Path,
        form: &Form,
        access: &FileAccess,
    ) -> Result<Made, StoreError> {
        let access = self.store.access(path, access, self.ledger);
        let (access, granted) = access.map_err(StoreError::Output)?;
        self.remember(granted);
        if access.has_list() && !directory.keeps_acls()? {
            return Err(StoreError::Output(OutputError::NoLists { path: path.into() }));
        }
        let bytes = self.bytes(path, form)?;
        let record = OutputFileRecord {
            path: path.into(),
            version: self.material.version.into(),
            spec: form.spec().into(),
            digest: digest(&bytes),
        };
        let digest = record.digest.clone();
        let before = self.ledger.before(path, self.material.version).cloned();
        self.prepared.ledger.previous.extend(before);
        self.prepared.ledger.files.push(record);
        Ok(Made { bytes, digest, access })
    }

    fn remember(&mut self, granted: Granted) {
        let accounts = &mut self.prepared.ledger.accounts;
        accounts.extend(granted.grantees);
        accounts.sort();
        accounts.dedup();
    }

    fn bytes(&mut self, path: &Path, form: &Form) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let OutputStore { keep, opening, .. } = self.store;
        let password = render::password(form, opening)?;
        let fits = |bytes: &Zeroizing<Vec<u8>>| match form {
            Form::Pkcs12 { .. } => pkcs12_opens_with(bytes, &password),
            _ => true,
        };
        let record = self.ledger.reproducible(path, self.material.version, form.spec());
        if let Some(record) = record
            && let Some(kept) = keep.read(opening, &record.digest)?.filter(fits)
        {
            return Ok(kept);
        }
        if !self.readable {
            check_readable(self.material.content, || path.into())?;
            self.readable = true;
        }
        let bytes = render::render(form, self.material, &password, path);
        let bytes = bytes.map_err(StoreError::Output)?;
        keep.save(opening, &bytes)?;
        Ok(bytes)
    }
}

/// `.NAME.` and 16 digits that follow from the files: the same files are the same directory.
fn generation_name(link: &str, files: &[(&String, Made)]) -> String {
    let mut hasher = Sha256::new();
    for (name, made) in files {
        hasher.update(name.as_bytes());
        hasher.update([0]);
        hasher.update(made.digest.as_bytes());
    }
    let digits: String =
        hasher.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!(".{link}.{digits}")
}
