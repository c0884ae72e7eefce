//! The file by which Azure Arc's agent has its callers prove who they are.
//!
//! The agent names a path, and the caller answers with what stands in that file. Anything that
//! can answer in the agent's place could so have a privileged caller read it any file; hence the
//! rules here, which Microsoft's clients follow too since CVE-2024-35255: one directory, one
//! extension, a small regular file, and no links.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path};

use rustix::fs::{CWD, FileType, Mode, OFlags};
use ureq::http::HeaderValue;
use zeroize::Zeroizing;

/// Real ones have some hundred bytes.
const LONGEST: u64 = 4096;

/// Why the agent's proof cannot be given.
#[derive(Debug)]
pub(super) enum KeyFileError {
    /// The path is not `<directory>/<name>.key`.
    Path(String),
    /// A link, a directory, a pipe…
    NotRegular,
    TooLong,
    /// Empty, or characters that no header can carry.
    Content,
    Io(io::Error),
}

/// Reads the key at `path`, which must stand directly in `directory`, as the value of an
/// `Authorization` header.
pub(super) fn proof(path: &str, directory: &Path) -> Result<HeaderValue, KeyFileError> {
    let key = read(path, directory)?;
    let text = std::str::from_utf8(&key).map_err(|_| KeyFileError::Content)?.trim();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(KeyFileError::Content);
    }
    let text = Zeroizing::new(format!("Basic {text}"));
    let mut value = HeaderValue::from_str(&text).map_err(|_| KeyFileError::Content)?;
    value.set_sensitive(true);
    Ok(value)
}

fn read(path: &str, directory: &Path) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let name = file_name(Path::new(path), directory)
        .ok_or_else(|| KeyFileError::Path(crate::text::one_line(path, 100)))?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let directory = rustix::fs::openat(CWD, directory, flags | OFlags::DIRECTORY, Mode::empty())
        .map_err(KeyFileError::io)?;
    // Without NONBLOCK a pipe in the file's place would make this wait for ever.
    let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = match rustix::fs::openat(&directory, name, flags, Mode::empty()) {
        Err(rustix::io::Errno::LOOP | rustix::io::Errno::NXIO) => {
            return Err(KeyFileError::NotRegular);
        }
        other => other.map_err(KeyFileError::io)?,
    };
    let stat = rustix::fs::fstat(&file).map_err(KeyFileError::io)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(KeyFileError::NotRegular);
    }
    let mut key = Zeroizing::new(Vec::with_capacity(LONGEST as usize + 1));
    File::from(file).take(LONGEST + 1).read_to_end(&mut key).map_err(KeyFileError::Io)?;
    if key.len() as u64 > LONGEST { Err(KeyFileError::TooLong) } else { Ok(key) }
}

/// The last part of the path, if the rest is the directory, letter by letter, and nothing in it
/// is out of the ordinary.
fn file_name<'a>(path: &'a Path, directory: &Path) -> Option<&'a str> {
    let is_plain = path.components().all(|part| !matches!(part, Component::ParentDir));
    let name = path.file_name()?.to_str()?;
    let stem = name.strip_suffix(".key")?;
    let is_name = !stem.is_empty()
        && stem.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    (is_plain && is_name && path.is_absolute() && path.parent() == Some(directory)).then_some(name)
}

impl KeyFileError {
    fn io(errno: rustix::io::Errno) -> Self {
        Self::Io(errno.into())
    }
}

impl fmt::Display for KeyFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{path:?} is not where the agent keeps its key files"),
            Self::NotRegular => f.write_str("the key file is no regular file"),
            Self::TooLong => f.write_str("the key file is longer than any key"),
            Self::Content => f.write_str("the key file does not hold a key"),
            Self::Io(error) if error.kind() == io::ErrorKind::PermissionDenied => f.write_str(
                "the key file may not be read by this user: run as root or as a member of the \
                 group himds",
            ),
            Self::Io(error) => write!(f, "the key file cannot be read ({error})"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests make files")]

    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn with(name: &str, make: impl FnOnce(&Path)) -> String {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(name);
        make(&path);
        match proof(path.to_str().unwrap(), directory.path()) {
            Ok(value) => value.to_str().unwrap().to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_key_is_sent_as_it_is_without_its_line_end() {
        let text = with("9a2c-4.key", |path| fs::write(path, "c2VzYW1l\r\n").unwrap());
        assert_eq!(text, "Basic c2VzYW1l");
        let longest = with("a.key", |path| fs::write(path, "x".repeat(4096)).unwrap());
        assert_eq!(longest.len(), 4096 + 6);
    }

    #[test]
    fn what_is_no_key_file_is_not_read() {
        let secret = tempfile::NamedTempFile::new().unwrap();
        fs::write(secret.path(), "root:x:0:0").unwrap();
        let link = |path: &Path| symlink(secret.path(), path).unwrap();
        let pipe = |path: &Path| {
            rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        };
        for (words, refused) in [
            ("no regular file", with("a.key", link)),
            ("no regular file", with("a.key", pipe)),
            ("no regular file", with("a.key", |path| fs::create_dir(path).unwrap())),
            ("longer", with("a.key", |path| fs::write(path, "x".repeat(4097)).unwrap())),
            ("does not hold", with("a.key", |path| fs::write(path, "\n").unwrap())),
            ("does not hold", with("a.key", |path| fs::write(path, "a\nb").unwrap())),
            ("does not hold", with("a.key", |path| fs::write(path, [0xff]).unwrap())),
            ("cannot be read", with("a.key", |_| ())),
            ("is not where", with("a.txt", |path| fs::write(path, "x").unwrap())),
            ("is not where", with("a b.key", |path| fs::write(path, "x").unwrap())),
            ("is not where", with(".key", |path| fs::write(path, "x").unwrap())),
        ] {
            assert!(refused.contains(words), "{refused}");
        }
    }

    #[test]
    fn only_the_one_directory_is_right() {
        let directory = Path::new("/var/opt/azcmagent/tokens");
        for (path, is_right) in [
            ("/var/opt/azcmagent/tokens/a.key", true),
            ("/var/opt/azcmagent/tokens//a.key", true),
            ("/var/opt/azcmagent/a.key", false),
            ("/var/opt/azcmagent/tokens/b/a.key", false),
            ("/var/opt/azcmagent/tokens/../tokens/a.key", false),
            ("/var/opt/azcmagent/tokens/../a.key", false),
            ("/etc/a.key", false),
            ("tokens/a.key", false),
            ("a.key", false),
            ("", false),
        ] {
            assert_eq!(file_name(Path::new(path), directory).is_some(), is_right, "{path}");
        }
    }
}
