//! The log: lines to standard error (a terminal, or the journal) and to a file that cannot grow
//! without bound.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use log::LevelFilter;
use simplelog::{CombinedLogger, Config, ConfigBuilder, SharedLogger, WriteLogger};

use crate::journal::Journal;

/// The file's name in the log directory.
pub(crate) const FILE: &str = "akvvm_service.log";
/// A file this large, in bytes, is set aside.
const LARGEST: u64 = 5 * 1024 * 1024;
/// So many set-aside files are kept: `akvvm_service.log.1` is the youngest.
const KEPT: u32 = 4;

/// Starts the log. Where the file cannot be written, standard error has it alone, and the first
/// line says so.
pub(crate) fn start(directory: &Path, echo: Echo) {
    let mut loggers: Vec<Box<dyn SharedLogger>> = Vec::new();
    match echo {
        Echo::Journal => loggers.push(Box::new(Journal)),
        Echo::StandardError => {
            loggers.push(WriteLogger::new(LevelFilter::Info, config(), io::stderr()));
        }
        Echo::Silent => {}
    }
    let path = directory.join(FILE);
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
    let file = made.and_then(|()| RotatingFile::open(path.clone(), LARGEST));
    let trouble = match file {
        Ok(file) => {
            loggers.push(WriteLogger::new(LevelFilter::Info, config(), file));
            None
        }
        Err(error) => Some(error),
    };
    // A log that was started before goes on; there is one process, and it starts it once.
    let _ = CombinedLogger::init(loggers);
    if let Some(error) = trouble {
        log::warn!("{}: no log is kept there: {error}", path.display());
    }
}

/// Whether standard error gets the log's lines too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Echo {
    /// It does, in the journal's form.
    Journal,
    /// It does, for whoever watches.
    StandardError,
    /// It does not: a person there reads a summary.
    Silent,
}

fn config() -> Config {
    ConfigBuilder::new()
        .set_time_format_rfc3339()
        .set_target_level(LevelFilter::Off)
        .set_thread_level(LevelFilter::Off)
        .set_location_level(LevelFilter::Off)
        // Libraries have their say in errors; their own lines are for their developers.
        .add_filter_allow_str("service")
        .build()
}

/// A file that is set aside when it is full.
struct RotatingFile {
    path: PathBuf,
    file: File,
    length: u64,
    largest: u64,
}

impl RotatingFile {
    fn open(path: PathBuf, largest: u64) -> io::Result<Self> {
        let (file, length) = append_to(&path)?;
        Ok(Self { path, file, length, largest })
    }

    fn rotate(&mut self) -> io::Result<()> {
        for number in (1..KEPT).rev() {
            rename_if_there(&self.numbered(number), &self.numbered(number + 1))?;
        }
        rename_if_there(&self.path, &self.numbered(1))?;
        (self.file, self.length) = append_to(&self.path)?;
        Ok(())
    }

    fn numbered(&self, number: u32) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }
}

fn append_to(path: &Path) -> io::Result<(File, u64)> {
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    let length = file.metadata()?.len();
    Ok((file, length))
}

fn rename_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

impl Write for RotatingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.length >= self.largest {
            self.rotate()?;
        }
        let written = self.file.write(bytes)?;
        self.length = self.length.saturating_add(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_keeps_its_cap_and_its_youngest_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let mut file = RotatingFile::open(path.clone(), 100).unwrap();
        for number in 0..1000 {
            writeln!(file, "line {number}").unwrap();
        }
        let all: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap()).collect();
        assert_eq!(all.len() as u32, KEPT + 1);
        assert!(all.iter().all(|file| file.metadata().unwrap().len() <= 120));
        assert!(std::fs::read_to_string(path).unwrap().ends_with("line 999\n"));
    }

    #[test]
    fn a_log_is_continued_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        writeln!(RotatingFile::open(path.clone(), 100).unwrap(), "one").unwrap();
        writeln!(RotatingFile::open(path.clone(), 100).unwrap(), "two").unwrap();
        assert_eq!(std::fs::read_to_string(path).unwrap(), "one\ntwo\n");
    }
}
