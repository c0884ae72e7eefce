//! Looking at outputs: what stands there, compared with what is wanted and with the ledger.

use std::path::{Path, PathBuf};

use atomic_file::{Directory, Kind};
use certified_key::pkcs12_opens_with;

use super::ledger::OutputLedger;
use super::wanted::{FileAccess, Form, Output};
use super::{OutputStore, render};
use crate::error::StoreError;
use crate::output_error::OutputError;
use crate::private_file;
use crate::store::Drift;

/// The permission bits of a directory behind a link: its files look after themselves.
pub(super) const DIRECTORY: u32 = 0o755;

pub(super) fn standing(
    store: &OutputStore,
    wanted: &[Output],
    ledger: &OutputLedger,
) -> Result<Vec<Drift>, StoreError> {
    let mut drifts = Vec::new();
    for output in wanted {
        let before = drifts.len();
        for (path, form, _) in output.files() {
            match ledger.file(&path) {
                None => drifts.push(Drift::OutputUnwritten(path)),
                Some(record) if record.spec != form.spec() => drifts.push(Drift::OutputForm(path)),
                Some(_) => {}
            }
        }
        if drifts.len() == before {
            output_drift(store, output, ledger, &mut drifts)?;
        }
    }
    Ok(drifts)
}

fn output_drift(
    store: &OutputStore,
    output: &Output,
    ledger: &OutputLedger,
    drifts: &mut Vec<Drift>,
) -> Result<(), StoreError> {
    let Some((directory, name)) = store.find(output.path())? else {
        drifts.push(Drift::FileMissing(output.path().into()));
        return Ok(());
    };
    let Output::Directory { link, files } = output else {
        for (path, form, access) in output.files() {
            let found = File { path: &path, form, access, directory: &directory, name };
            drifts.extend(file_drift(store, &found, ledger)?);
        }
        return Ok(());
    };
    let Some(inner) = directory_behind(store, (&directory, name), link, ledger, drifts)? else {
        return Ok(());
    };
    for file in files {
        let (path, name) = (link.join(&file.name), file.name.as_str());
        let (form, access) = (&file.form, &file.access);
        let found = File { path: &path, form, access, directory: &inner, name };
        drifts.extend(file_drift(store, &found, ledger)?);
    }
    Ok(())
}

/// The directory that the ledger says the link leads to.
fn directory_behind(
    store: &OutputStore,
    (parent, name): (&Directory, &str),
    link: &Path,
    ledger: &OutputLedger,
    drifts: &mut Vec<Drift>,
) -> Result<Option<Directory>, StoreError> {
    let path = || PathBuf::from(link);
    let Some(record) = ledger.directory(link) else {
        drifts.push(Drift::OutputUnwritten(path()));
        return Ok(None);
    };
    match look_at_link(parent, name, link)? {
        None => drifts.push(Drift::LinkMissing(path())),
        Some(to) if to.as_os_str() != record.current.as_str() => {
            drifts.push(Drift::LinkMoved { link: path(), to });
        }
        Some(_) => {}
    }
    let behind = parent.path().join(&record.current);
    let is_directory =
        parent.look(&record.current)?.is_some_and(|entry| entry.kind == Kind::Directory);
    let inner = if is_directory { parent.enter(&record.current)? } else { None };
    match &inner {
        None => drifts.push(Drift::FileMissing(behind)),
        Some(inner) => {
            let entry = inner.entry()?;
            if (entry.mode, entry.user) != (DIRECTORY, store.owner.0) {
                drifts.push(Drift::DirectoryAccess(behind));
            }
        }
    }
    Ok(inner)
}

/// Where the link leads; anything else in its place is refused by name.
pub(super) fn look_at_link(
    parent: &Directory,
    name: &str,
    link: &Path,
) -> Result<Option<PathBuf>, StoreError> {
    let by = match parent.look(name)?.map(|entry| entry.kind) {
        None => return Ok(None),
        Some(Kind::Link) => return Ok(parent.read_link(name)?),
        Some(Kind::Directory) => "a directory",
        Some(Kind::File) => "a regular file",
        Some(Kind::Other) => "neither a file nor a link",
    };
    Err(StoreError::Output(OutputError::Taken { path: link.into(), by }))
}

/// A file that is to be looked at.
struct File<'a> {
    path: &'a Path,
    form: &'a Form,
    access: &'a FileAccess,
    directory: &'a Directory,
    name: &'a str,
}

fn file_drift(
    store: &OutputStore,
    file: &File<'_>,
    ledger: &OutputLedger,
) -> Result<Option<Drift>, StoreError> {
    let path = || file.path.to_owned();
    let Some(found) = private_file::examine(file.directory, file.name)? else {
        return Ok(Some(Drift::FileMissing(path())));
    };
    if ledger.file(file.path).is_some_and(|record| record.digest != found.digest()) {
        return Ok(Some(Drift::FileChanged(path())));
    }
    if !found.has(&store.access(file.path, file.access, ledger).map_err(StoreError::Output)?.0) {
        return Ok(Some(Drift::FileAccess(path())));
    }
    if matches!(file.form, Form::Pkcs12 { .. }) {
        let password = render::password(file.form, &store.opening)?;
        if !pkcs12_opens_with(&found.content, &password) {
            return Ok(Some(Drift::OutputPassword(path())));
        }
    }
    Ok(None)
}
