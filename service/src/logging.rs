//! The log: lines to standard error (a terminal, or the journal) and to a file that cannot grow
//! without bound.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use log::LevelFilter;
use simplelog::{CombinedLogger, Config, ConfigBuilder, SharedLogger, WriteLogger};
use worker_state::{Environment, environment_name as name};

use crate::journal::Journal;
use crate::json_lines::JsonLines;
use crate::shipping::Shipping;
use crate::sink::Ours;

/// The file's name in the log directory.
pub(crate) const FILE: &str = "akvvm_service.log";
/// A file this large, in bytes, is set aside.
const LARGEST: u64 = 5 * 1024 * 1024;
/// So many set-aside files are kept: `akvvm_service.log.1` is the youngest.
const KEPT: u32 = 4;

/// Starts the log. Where the file cannot be written, standard error has it alone until it can be,
/// and the first line says so. The environment says what its lines look like.
pub(crate) fn start(directory: &Path, echo: Echo, environment: &Environment) {
    let wanted = environment.value(name::LOG_FORMAT);
    let known = Format::of(wanted.unwrap_or("text"));
    let format = known.unwrap_or(Format::Text);
    let mut loggers: Vec<Box<dyn SharedLogger>> = Vec::new();
    match echo {
        Echo::Journal => loggers.push(Box::new(Ours(Journal::new()))),
        Echo::StandardError => loggers.push(format.logger(io::stderr())),
        Echo::Silent => {}
    }
    let path = directory.join(FILE);
    let (file, opened) = RotatingFile::open(path.clone(), LARGEST);
    loggers.push(format.logger(file));
    loggers.push(Box::new(Ours(Shipping)));
    // A log that was started before goes on; there is one process, and it starts it once.
    let _ = CombinedLogger::init(loggers);
    if let Err(error) = opened {
        log::warn!("{}: no log is kept there for now: {error}", path.display());
    }
    if let (Some(wanted), None) = (wanted, known) {
        log::warn!("{}: {wanted:?} is no format of the log: text and json are", name::LOG_FORMAT);
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

/// What a line looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// For people.
    Text,
    /// For machines.
    Json,
}

impl Format {
    /// What `AKVVM_LOG_FORMAT` asks for.
    fn of(word: &str) -> Option<Self> {
        let is = |known| word.eq_ignore_ascii_case(known);
        if is("json") { Some(Self::Json) } else { is("text").then_some(Self::Text) }
    }

    fn logger(self, output: impl Write + Send + 'static) -> Box<dyn SharedLogger> {
        match self {
            Self::Text => WriteLogger::new(LevelFilter::Info, config(), output),
            Self::Json => Box::new(Ours(JsonLines::to(output))),
        }
    }
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

/// A file that is set aside when it is full, and opened again when it could not be or is gone.
struct RotatingFile {
    path: PathBuf,
    file: Option<File>,
    length: u64,
    largest: u64,
    /// What has come of a line: it comes in dozens of pieces, is written at once and stays in one
    /// file.
    line: Vec<u8>,
}

impl RotatingFile {
    fn open(path: PathBuf, largest: u64) -> (Self, io::Result<()>) {
        let mut log = Self { path, file: None, length: 0, largest, line: Vec::new() };
        let opened = log.reopen();
        (log, opened)
    }

    fn reopen(&mut self) -> io::Result<()> {
        self.file = None;
        if let Some(directory) = self.path.parent() {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        }
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)?;
        self.length = file.metadata()?.len();
        self.file = Some(file);
        Ok(())
    }

    /// Sets aside what is full. Where no new file can be made, the full one is not written any
    /// more, and no other is lost for it.
    fn rotate(&mut self) -> io::Result<()> {
        for number in (1..KEPT).rev() {
            rename_if_there(&self.numbered(number), &self.numbered(number + 1))?;
        }
        rename_if_there(&self.path, &self.numbered(1))?;
        self.reopen()
    }

    fn numbered(&self, number: u32) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }

    /// The file to write to, which somebody may have removed or set aside (logrotate does), or
    /// there was no room for it.
    fn usable(&mut self) -> io::Result<&mut File> {
        let stands = |file: &File| match (file.metadata(), std::fs::metadata(&self.path)) {
            (Ok(open), Ok(there)) => (open.dev(), open.ino()) == (there.dev(), there.ino()),
            (_, Err(error)) => error.kind() != io::ErrorKind::NotFound,
            (Err(_), _) => true,
        };
        if !self.file.as_ref().is_some_and(stands) {
            self.reopen()?;
        }
        if self.length >= self.largest {
            self.rotate()?;
        }
        self.file.as_mut().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn rename_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

impl Write for RotatingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        if bytes.ends_with(b"\n") {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        self.usable()?.write_all(&line)?;
        self.length = self.length.saturating_add(line.len() as u64);
        self.line = line;
        self.line.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_keeps_its_cap_and_its_youngest_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let (mut file, opened) = RotatingFile::open(path.clone(), 100);
        opened.unwrap();
        for number in 0..1000 {
            writeln!(file, "line {number}").unwrap();
        }
        let all: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap()).collect();
        assert_eq!(all.len() as u32, KEPT + 1);
        assert!(all.iter().all(|file| file.metadata().unwrap().len() <= 120));
        for file in all {
            let text = std::fs::read_to_string(file.path()).unwrap();
            assert!(text.lines().all(|line| line.starts_with("line ")), "{text}");
        }
        assert!(std::fs::read_to_string(path).unwrap().ends_with("line 999\n"));
    }

    #[test]
    fn a_line_that_comes_in_pieces_is_written_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let (mut file, _) = RotatingFile::open(path.clone(), 100);
        let (name, version) = ("web", 1);
        write!(file, "{name}: ").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "");
        writeln!(file, "version {version}").unwrap();
        assert_eq!(std::fs::read_to_string(path).unwrap(), "web: version 1\n");
    }

    #[test]
    fn a_log_is_continued_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        writeln!(RotatingFile::open(path.clone(), 100).0, "one").unwrap();
        writeln!(RotatingFile::open(path.clone(), 100).0, "two").unwrap();
        assert_eq!(std::fs::read_to_string(path).unwrap(), "one\ntwo\n");
    }

    #[test]
    fn a_log_that_cannot_be_opened_or_is_removed_is_opened_as_soon_as_it_can_be() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("below");
        atomic_file::replace_file(&below, 0o600, b"a file, not a folder").unwrap();
        let path = below.join(FILE);
        let (mut file, opened) = RotatingFile::open(path.clone(), 100);
        assert!(opened.is_err() && writeln!(file, "lost").is_err());
        std::fs::remove_file(&below).unwrap();
        writeln!(file, "one").unwrap();
        std::fs::remove_dir_all(&below).unwrap();
        writeln!(file, "two").unwrap();
        assert_eq!(std::fs::read_to_string(path).unwrap(), "two\n");
    }

    #[test]
    fn after_somebody_else_has_set_the_log_aside_a_new_one_is_begun() {
        let folder = tempfile::tempdir().unwrap();
        let (path, aside) = (folder.path().join(FILE), folder.path().join("aside"));
        let (mut file, _) = RotatingFile::open(path.clone(), 100);
        writeln!(file, "one").unwrap();
        std::fs::rename(&path, &aside).unwrap();
        writeln!(file, "two").unwrap();
        // As logrotate does where it is to make the new one itself.
        std::fs::rename(&path, folder.path().join("another")).unwrap();
        atomic_file::replace_file(&path, 0o600, b"").unwrap();
        writeln!(file, "three").unwrap();
        let kept = |path| std::fs::read_to_string(path).unwrap();
        assert_eq!((kept(&aside), kept(&path)), ("one\n".into(), "three\n".into()));
    }

    #[test]
    fn where_no_new_file_can_be_made_no_old_one_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let (mut file, _) = RotatingFile::open(path.clone(), 1);
        for line in ["a", "b", "c"] {
            writeln!(file, "{line}").unwrap();
        }
        // A link that leads nowhere can be renamed, but not be opened to make a file.
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink(folder.path().join("no/where"), &path).unwrap();
        for _ in 0..20 {
            assert!(writeln!(file, "lost").is_err());
        }
        let kept = |number| std::fs::read_to_string(folder.path().join(format!("{FILE}.{number}")));
        assert_eq!((kept(1).unwrap(), kept(2).unwrap()), ("b\n".into(), "a\n".into()));
        std::fs::remove_file(&path).unwrap();
        writeln!(file, "d").unwrap();
        assert_eq!(std::fs::read_to_string(path).unwrap(), "d\n");
    }
}
