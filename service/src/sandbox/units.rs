//! The drop-in on the disk, and telling systemd of it.
#![expect(clippy::disallowed_methods, reason = "this file is the edge to systemctl")]

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use worker_state::unit::{SANDBOX, SANDBOX_MARKER};

/// Where units are that programs write (systemd.unit(5)).
pub(super) const FOLDER: &str = "/etc/systemd/system";

/// Puts the drop-in in its place below `folder`; says whether it is another one than before.
///
/// # Errors
/// Where it cannot be written, or somebody else's file stands in its place.
pub(super) fn write(folder: &Path, text: &str) -> Result<bool> {
    let path = folder.join(SANDBOX);
    match fs::read_to_string(&path) {
        Ok(there) if there == text => return Ok(false),
        Ok(there) if !there.starts_with(SANDBOX_MARKER) => {
            bail!("{}: is not ours and stays; the worker is not confined", path.display());
        }
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(|| path.display().to_string());
        }
        Ok(_) | Err(_) => {}
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.is_dir()) {
        let open = fs::Permissions::from_mode(0o755);
        let made = fs::create_dir(parent).and_then(|()| fs::set_permissions(parent, open));
        made.with_context(|| parent.display().to_string())?;
    }
    atomic_file::replace_file(&path, 0o644, text.as_bytes())?;
    Ok(true)
}

/// Takes the drop-in away: the worker runs better unconfined than in the wrong sandbox.
pub(super) fn remove(folder: &Path) {
    let _ = fs::remove_file(folder.join(SANDBOX));
}

/// Has systemd read its units again.
///
/// # Errors
/// systemctl's own words.
pub(super) fn reload() -> Result<()> {
    let words = ["--no-ask-password", "daemon-reload"];
    let ran = Command::new("systemctl").args(words).stdin(Stdio::null()).output();
    let ran = ran.context("systemctl cannot be started")?;
    if !ran.status.success() {
        let said = String::from_utf8_lossy(&ran.stderr);
        bail!("systemctl daemon-reload: {}: {}", ran.status, said.trim());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drop_in_is_written_when_it_is_another_one() {
        let folder = tempfile::tempdir().unwrap();
        let text = format!("{SANDBOX_MARKER}\n[Service]\n");
        assert!(write(folder.path(), &text).unwrap());
        assert!(!write(folder.path(), &text).unwrap());
        assert!(write(folder.path(), &format!("{text}UMask=0\n")).unwrap());
        let path = folder.path().join(SANDBOX);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o644);
        remove(folder.path());
        assert!(!path.exists());
    }

    #[test]
    fn somebody_elses_drop_in_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(SANDBOX);
        fs::create_dir(path.parent().unwrap()).unwrap();
        fs::write(&path, "[Service]\n").unwrap();
        assert!(write(folder.path(), SANDBOX_MARKER).unwrap_err().to_string().contains("not ours"));
        assert_eq!(fs::read_to_string(path).unwrap(), "[Service]\n");
    }
}
