//! `akvvm_service migrate`: Microsoft's settings and its store, turned into ours.
//!
//! Asks nobody, and writes nothing but the file that `--output` names.

mod document;
mod estate;
mod steps;
mod text;

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use cert_store::DirectoryStore;
use extension_settings::{Generation, Remark, VaultSuffixes};
use serde_json::Value;
use worker_state::Directories;

use crate::clock::Clock;
use crate::exit::Exit;
use crate::order::{Given, Origin, Surroundings};
use crate::terminal;
use crate::validate::Reading;

use estate::Estate;
use steps::Steps;

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// Whose settings they are.
    pub(crate) from: Generation,
    /// The file that holds them.
    pub(crate) settings: PathBuf,
    /// Where ours go besides the answer.
    pub(crate) output: Option<PathBuf>,
    /// For machines instead of people.
    pub(crate) json: bool,
}

/// Says what becomes of the settings and of what stands on this machine.
pub(crate) fn run(
    directories: &Directories,
    surroundings: &Surroundings,
    request: &Request,
) -> Exit {
    let now = Clock::start().now().wall;
    let migration = Migration::of(request, directories, surroundings, now);
    if let (Some(output), Some(settings)) = (&request.output, &migration.settings)
        && let Err(complaint) = write(output, settings)
    {
        terminal::complain(&complaint);
        return Exit::Failed;
    }
    match request.json {
        true => terminal::say(&format!("{:#}\n", document::document(&migration))),
        false => terminal::say(&text::text(&migration)),
    }
    migration.exit()
}

/// What was found, and what follows from it.
struct Migration {
    from: Generation,
    output: Option<PathBuf>,
    /// Microsoft's settings; what is strange about them for this generation is among the warnings.
    reading: Reading,
    /// What ours say that was left to a default, or meant something else.
    changes: Vec<Remark>,
    /// Ours; none where Microsoft's cannot be read.
    settings: Option<Value>,
    /// What stands in the stores, certificate by certificate.
    estates: Vec<Estate>,
    steps: Steps,
}

impl Migration {
    fn of(
        request: &Request,
        directories: &Directories,
        surroundings: &Surroundings,
        now: SystemTime,
    ) -> Self {
        let from = request.from;
        let origin = Origin::File(request.settings.clone());
        let mut migration = Self {
            from,
            output: request.output.clone(),
            reading: Reading::of(origin, directories, surroundings, now),
            changes: Vec::new(),
            settings: None,
            estates: Vec::new(),
            steps: Steps::new(from, request.output.as_deref()),
        };
        let reading = &mut migration.reading;
        if let (Some(settings), Some(given)) = (&reading.settings, &reading.given) {
            reading.warnings.retain(|warning| !from.settles(warning));
            reading.warnings.extend(from.objections(&given.document, settings));
            let (mut settings, mut changes) = from.explicit(settings);
            let store = DirectoryStore::new();
            let stands = |settings: &_| estate::stands(settings, &store, now);
            let settled = estate::settle_stores(&mut settings, stands);
            changes.extend(settled.changes);
            reading.warnings.extend(settled.warnings);
            migration.changes = changes;
            migration.estates = estate::estates(&settings, &store, now);
            reading.warnings.extend(estate::doubt(&migration.estates, from));
            let settings = settings.to_document();
            reading.problems.extend(refused(&settings, given));
            migration.settings = reading.problems.is_empty().then_some(settings);
        }
        migration
    }

    fn exit(&self) -> Exit {
        match () {
            () if self.settings.is_none() => Exit::Usage,
            () if self.estates.iter().any(Estate::is_obstructed) => Exit::Failed,
            () => Exit::Fine,
        }
    }
}

/// What keeps our settings from being served: two names that differed, and do not as this generation
/// writes them.
fn refused(settings: &Value, given: &Given) -> Vec<Remark> {
    let suffixes = given.suffixes().unwrap_or_else(|_| VaultSuffixes::known());
    match extension_settings::parse(settings, &suffixes) {
        Ok(_) => Vec::new(),
        Err(refused) => refused.problems,
    }
}

/// Writes our settings. What stands there already is not replaced: it may be Microsoft's, the only
/// way back.
fn write(output: &Path, settings: &Value) -> Result<(), String> {
    let text = format!("{settings:#}\n");
    let shown = output.display();
    match std::fs::read(output) {
        Ok(found) if found == text.as_bytes() => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Ok(_) => return Err(format!("{shown} is there already: name another file with --output")),
        Err(error) => return Err(format!("{shown}: {error}")),
    }
    let written = atomic_file::replace_file(output, 0o644, text.as_bytes());
    written.map_err(|error| error.to_string())
}
