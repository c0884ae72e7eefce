//! `serve`: an Azure that lasts until it is stopped.

use std::io::Write;
use std::path::Path;
use std::sync::Mutex;

use fake_azure::{FakeAzure, Scenario, Watcher};

use super::Arguments;
use super::error::CommandError;

/// The file that says where everything is; while it is there, everything is.
pub(super) const ENVIRONMENT: &str = "environment";

/// Serves until the admin API or a signal ends it.
pub(super) fn serve(
    arguments: &Arguments,
    directory: &Path,
    output: &mut (impl Write + Send + 'static),
) -> Result<(), CommandError> {
    let file = directory.join(ENVIRONMENT);
    // A server that was killed left its own behind: it would look ready.
    match std::fs::remove_file(&file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(CommandError::File(file, error));
        }
        _ => {}
    }
    let scenario = scenario(arguments)?;
    let mut options = scenario.options(directory);
    options.ports = arguments.ports;
    options.watcher = arguments.verbose.then(printer);
    let azure = FakeAzure::start(options).map_err(CommandError::Start)?;
    azure.stop_on_signals()?;
    let issued = azure.play(&scenario).map_err(CommandError::Issue)?;
    write_environment(&file, &azure)?;
    for (name, value) in azure.environment() {
        writeln!(output, "{name}={value}")?;
    }
    writeln!(output, "{} certificates in the vaults; ready", issued.len())?;
    output.flush()?;
    azure.wait_until_stopped();
    drop(azure);
    std::fs::remove_file(&file).map_err(|error| CommandError::File(file, error))
}

fn scenario(arguments: &Arguments) -> Result<Scenario, CommandError> {
    let Some(path) = &arguments.scenario else { return Ok(Scenario::default()) };
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|error| CommandError::File(path.clone(), error))?;
    Scenario::parse(&text).map_err(|error| CommandError::Scenario(path.clone(), error))
}

/// Lines for `.` of a shell and for systemd's EnvironmentFile: nothing in them needs quotes
/// unless the directory's name does.
#[expect(clippy::disallowed_methods, reason = "a file for other programs, renamed into place")]
fn write_environment(file: &Path, azure: &FakeAzure) -> Result<(), CommandError> {
    let lines = azure.environment().into_iter().map(|(name, value)| format!("{name}={value}\n"));
    let beside = file.with_extension("new");
    std::fs::write(&beside, lines.collect::<String>())
        .and_then(|()| std::fs::rename(&beside, file))
        .map_err(|error| CommandError::File(file.to_owned(), error))
}

/// A line on standard output for each request.
fn printer() -> Watcher {
    let output = Mutex::new(std::io::stdout());
    Watcher::new(move |request| {
        if let Ok(mut output) = output.lock() {
            // Nobody reads it any more: not a reason to stop answering.
            let _ = writeln!(output, "{request}").and_then(|()| output.flush());
        }
    })
}
