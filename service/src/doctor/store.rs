//! A store: whether the worker could write to it. Reads only.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use atomic_file::{Directory, FileError};
use cert_store::StoreError;
use keyvault_client::Fault;
use rustix::fs::{Access, AtFlags, CWD};

use super::finding::{Finding, Step};
use crate::code::Code;
use crate::failure::store_failure;
use crate::failure::{Failure, Retry};

/// Less than this, in bytes, is worth a warning: a certificate takes some kilobytes.
const LITTLE: u64 = 1024 * 1024;

/// The permission bits that let others than the owner write.
const OTHERS_WRITE: u32 = 0o022;

/// Whether the worker could make files in this store, if it ran as this process does.
pub(super) fn directory(path: &Path) -> Finding {
    let (existing, directory) = match deepest(path) {
        Ok(found) => found,
        Err(error) => return refused(Step::Store, &error.into()),
    };
    if let Err(failure) = writable(&existing) {
        return Finding::failed(Step::Store, Fault::Host, failure);
    }
    let free = free(&existing);
    let room = free.map(|bytes| format!(", {} free", size(bytes))).unwrap_or_default();
    let text = if existing == path {
        let mode = directory.entry().map(|entry| format!(", mode {:o}", entry.mode));
        format!("can be written to{}{room}", mode.unwrap_or_default())
    } else {
        format!("not there yet, can be made below {}{room}", existing.display())
    };
    if existing == path && directory.entry().is_ok_and(|entry| entry.mode & OTHERS_WRITE != 0) {
        let why = "other users may put files of their own in the links' places; run: chmod go-w";
        return Finding::attention(Step::Store, format!("{text}: {why} {}", path.display()));
    }
    match free {
        Some(bytes) if bytes < LITTLE => Finding::attention(Step::Store, text),
        _ => Finding::fine(Step::Store, text),
    }
}

/// The store or, while it is not there, the directory that it will be made in.
fn deepest(path: &Path) -> Result<(PathBuf, Directory), FileError> {
    let mut existing = path;
    loop {
        match (Directory::open(existing), existing.parent()) {
            (Ok(directory), _) => return Ok((existing.to_owned(), directory)),
            (Err(error), Some(above)) if error.kind() == ErrorKind::NotFound => existing = above,
            (Err(error), _) => return Err(error),
        }
    }
}

fn writable(directory: &Path) -> Result<(), Failure> {
    let wanted = Access::WRITE_OK | Access::EXEC_OK;
    let Err(error) = rustix::fs::accessat(CWD, directory, wanted, AtFlags::EACCESS) else {
        return Ok(());
    };
    let shown = directory.display();
    let why = match error {
        rustix::io::Errno::ROFS => {
            "it is on a read-only file system: choose another certificateStoreLocation".to_owned()
        }
        rustix::io::Errno::ACCESS => format!(
            "user {} may not: run this as the worker's user, which is root as a rule, or choose \
             another certificateStoreLocation",
            rustix::process::geteuid().as_raw()
        ),
        other => std::io::Error::from(other).to_string(),
    };
    let public = format!("{shown} cannot be written to; {why}");
    Err(Failure::plain(Code::Disk, Retry::Backoff, public))
}

fn free(directory: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(directory).ok()?;
    // One that counts no blocks (ramfs) does not know.
    (stat.f_blocks > 0).then(|| stat.f_bavail.saturating_mul(stat.f_frsize))
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_048_576 => format!("{} KiB", bytes >> 10),
        1_048_576..1_073_741_824 => format!("{} MiB", bytes >> 20),
        _ => format!("{} GiB", bytes >> 30),
    }
}

/// What a store's error means for a step.
pub(super) fn refused(step: Step, error: &StoreError) -> Finding {
    let fault = if error.is_customer() { Fault::Customer } else { Fault::Host };
    Finding::failed(step, fault, store_failure(error))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests make files of their own")]

    use std::os::unix::fs::PermissionsExt;

    use super::super::finding::Verdict;
    use super::*;

    #[test]
    fn a_store_that_is_not_there_is_looked_for_further_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        let finding = directory(&path);
        assert_eq!(finding.verdict, Verdict::Fine, "{}", finding.text);
        assert!(finding.text.contains("not there yet, can be made below"));
        assert!(!path.exists());
        assert!(directory(folder.path()).text.starts_with("can be written to, mode "));
    }

    #[test]
    fn a_store_that_others_may_write_wants_attention() {
        let folder = tempfile::tempdir().unwrap();
        for (mode, verdict) in [(0o755, Verdict::Fine), (0o775, Verdict::Attention)] {
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(folder.path(), mode).unwrap();
            let finding = directory(folder.path());
            assert_eq!(finding.verdict, verdict, "{}", finding.text);
            let advice = format!("chmod go-w {}", folder.path().display());
            assert_eq!(finding.text.ends_with(&advice), verdict == Verdict::Attention);
        }
    }

    #[test]
    fn a_file_in_the_stores_place_is_the_customers_to_mend() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let finding = directory(&file.join("store"));
        assert_eq!(finding.blame, Some((Fault::Customer, Code::StorePath)), "{}", finding.text);
        assert!(finding.text.contains("is not a directory"), "{}", finding.text);
    }
}
