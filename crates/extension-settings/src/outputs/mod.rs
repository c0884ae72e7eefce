//! `outputs`: where a certificate goes besides its store, and in which form.

mod access;
mod form;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::field::Field;
use crate::key::Level;
use crate::nested::{Nested, read_path};
use crate::remark::{Remarks, excerpt};
use crate::store::check_link_name;

pub use access::FileAccess;
pub use form::{Encryption, Form};

/// The most outputs of one certificate, and the most files of one directory.
const MOST: usize = 64;

/// The longest name of a file, in bytes: names have 255, and a directory's generation adds to it.
const LONGEST_NAME: usize = 190;

/// How the worker's temporary files begin.
const TEMPORARY: &str = ".akvvm-";

/// One place that a certificate goes to besides its store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// One file.
    File {
        /// Absolute and normalised: no `.`, `..` or doubled separators.
        path: PathBuf,
        /// What it holds.
        form: Form,
        /// Who may read it.
        access: FileAccess,
    },
    /// Files in a directory that is switched as a whole, by one link.
    Directory {
        /// The link's path, absolute and normalised. Readers open what is below it.
        link: PathBuf,
        /// At least one, no two with the same name.
        files: Vec<SetFile>,
    },
}

/// A file of an [`Output::Directory`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetFile {
    /// A plain file name.
    pub name: String,
    /// What it holds.
    pub form: Form,
    /// Who may read it.
    pub access: FileAccess,
}

impl Output {
    /// The path that is replaced when the certificate changes.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::File { path, .. } => path,
            Self::Directory { link, .. } => link,
        }
    }

    /// The forms of all its files.
    pub fn forms(&self) -> impl Iterator<Item = &Form> {
        let (alone, files) = match self {
            Self::File { form, .. } => (Some(form), &[][..]),
            Self::Directory { files, .. } => (None, files.as_slice()),
        };
        alone.into_iter().chain(files.iter().map(|file| &file.form))
    }

    /// Applies no access-control lists.
    pub(crate) fn without_acls(&mut self) {
        match self {
            Self::File { access, .. } => access.acls.clear(),
            Self::Directory { files, .. } => {
                files.iter_mut().for_each(|file| file.access.acls.clear());
            }
        }
    }

    /// Whether access-control lists are asked for.
    pub(crate) fn has_acls(&self) -> bool {
        match self {
            Self::File { access, .. } => !access.acls.is_empty(),
            Self::Directory { files, .. } => files.iter().any(|file| !file.access.acls.is_empty()),
        }
    }
}

/// Reads `outputs`. Where one of them cannot be read there is a problem, and none is returned.
pub(crate) fn read(field: Field, remarks: &mut Remarks) -> Vec<Output> {
    let path = field.path.clone();
    let alone = "one output without brackets, read as a list of one";
    let Some(list) = field.objects(Some(alone), remarks) else { return Vec::new() };
    if list.len() > MOST {
        remarks.problem(path, format!("has more than {MOST} outputs"));
        return Vec::new();
    }
    let read: Vec<Option<Output>> = list.into_iter().map(|one| read_one(one, remarks)).collect();
    read.into_iter().collect::<Option<_>>().unwrap_or_default()
}

fn read_one(field: Field, remarks: &mut Remarks) -> Option<Output> {
    let keys = Nested::read(field, Level::Output, remarks)?;
    if !keys.has_any(&["directory", "files"]) {
        return read_file(keys, remarks);
    }
    if keys.has_any(&["path"]) {
        let text = "has a path and a directory: write two outputs, a file and a directory";
        remarks.problem(&keys.path, text);
        return None;
    }
    read_directory(keys, remarks)
}

fn read_file(mut keys: Nested, remarks: &mut Remarks) -> Option<Output> {
    let example = "/etc/nginx/tls/site.pem";
    let field = keys.required(
        "path",
        &format!("where the file goes, \"{example}\" for example, or a directory with files"),
        remarks,
    );
    let path = field.and_then(|field| read_destination(&field, example, remarks));
    let mode = keys.has_any(&["mode"]);
    let form = Form::read(&mut keys, remarks);
    let access = FileAccess::read(&mut keys, &FileAccess::default(), remarks);
    let (path, form, access) = (path?, form?, access?);
    access.check(&form, &keys.path, mode, remarks)?;
    Some(Output::File { path, form, access })
}

fn read_directory(mut keys: Nested, remarks: &mut Remarks) -> Option<Output> {
    let example = "/etc/haproxy/tls";
    let what = format!("the link that leads to the files, \"{example}\" for example");
    let field = keys.required("directory", &what, remarks);
    let link = field.and_then(|field| read_destination(&field, example, remarks));
    let defaults = FileAccess::read(&mut keys, &FileAccess::default(), remarks);
    let what = "a list of files, [{\"name\": \"tls.crt\", \"form\": \"fullChain\"}]";
    let files = keys.required("files", what, remarks);
    let files = match (files, &defaults) {
        (Some(files), Some(defaults)) => read_files(files, defaults, remarks),
        _ => None,
    };
    keys.refuse_rest("belongs to each of the directory's files: move it there", remarks)?;
    Some(Output::Directory { link: link?, files: files? })
}

fn read_files(field: Field, defaults: &FileAccess, remarks: &mut Remarks) -> Option<Vec<SetFile>> {
    let path = field.path.clone();
    let list = field.objects(None, remarks)?;
    if list.is_empty() || list.len() > MOST {
        remarks.problem(path, format!("must have 1 to {MOST} files, but has {}", list.len()));
        return None;
    }
    let read = list.into_iter().map(|file| read_set_file(file, defaults, remarks));
    let files = read.collect::<Vec<_>>().into_iter().collect::<Option<Vec<SetFile>>>()?;
    let mut names = BTreeSet::new();
    for (index, file) in files.iter().enumerate() {
        if !names.insert(&file.name) {
            let text = format!("there is a file {} already", excerpt(&file.name));
            remarks.problem(format!("{path}[{index}].name"), text);
            return None;
        }
    }
    Some(files)
}

fn read_set_file(field: Field, defaults: &FileAccess, remarks: &mut Remarks) -> Option<SetFile> {
    let mut keys = Nested::read(field, Level::SetFile, remarks)?;
    let field = keys.required("name", "the file's name, \"tls.crt\" for example", remarks);
    let name = field.and_then(|field| read_name(&field, remarks));
    let mode = keys.has_any(&["mode"]);
    let form = Form::read(&mut keys, remarks);
    let access = FileAccess::read(&mut keys, defaults, remarks);
    let (name, form, access) = (name?, form?, access?);
    access.check(&form, &keys.path, mode, remarks)?;
    Some(SetFile { name, form, access })
}

fn read_name(field: &Field, remarks: &mut Remarks) -> Option<String> {
    let name = field.text(remarks)?;
    let Err(reason) = check_link_name(&name) else { return Some(name) };
    let text = format!("\"{}\" {reason}: write a plain file name", excerpt(&name));
    remarks.problem(&field.path, text);
    None
}

/// A path that the worker replaces.
fn read_destination(field: &Field, example: &str, remarks: &mut Remarks) -> Option<PathBuf> {
    let path = read_path(field, example, remarks)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let reason = if name.len() > LONGEST_NAME {
        "its last segment is longer than 190 bytes"
    } else if name.starts_with(TEMPORARY) {
        "its last segment begins like the worker's temporary files, .akvvm-"
    } else if path.parent() == Some(Path::new("/")) {
        "it stands in the root directory, which the worker does not write to"
    } else {
        return Some(path);
    };
    remarks.problem(&field.path, format!("{reason}: choose another, {example} for example"));
    None
}

#[cfg(test)]
mod tests;
