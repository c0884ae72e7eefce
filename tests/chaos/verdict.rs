//! Whether the machine is as it was wanted, once nothing disturbs it any more.

use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use acceptance::{Agent, HandlerStatus, processes};
use serde_json::Value;

use crate::plan::{Wanted, Wish};
use crate::world::{CERTIFICATES, Certificate, Expected, World, hash};

/// Longer than anything takes by itself: a request that hangs, a retry, a pass.
const PATIENCE: Duration = Duration::from_secs(120);

/// Waits for the wanted state.
///
/// # Errors
/// What is not as it should be, after all that time.
pub(crate) fn becomes(wanted: &Wanted, world: &World, agent: &mut Agent) -> Result<(), String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let checked = check(wanted, world, agent);
        if checked.is_ok() || Instant::now() > deadline {
            return checked;
        }
        thread::sleep(Duration::from_millis(250));
    }
}

fn check(wanted: &Wanted, world: &World, agent: &mut Agent) -> Result<(), String> {
    let answer = agent.try_report().ok_or("the agent has ended")?;
    if let Some(crash) = &answer.crash {
        return Err(format!("the agent would have ended: {crash}"));
    }
    let mut reported = answer.reported().ok_or("the agent lost the status report")?.iter();
    let reported = reported.find(|handler| handler.handler == world.handler());
    match (wanted.state, reported) {
        (Wish::Uninstalled, _) => nothing_left(wanted, world, agent),
        (_, None) => Err("the agent reports nothing".into()),
        (Wish::Served, Some(reported)) => {
            has_status(wanted, reported, "success")?;
            expect("handler status", &reported.status.as_str(), &"Ready")?;
            is_served(wanted, world, agent)
        }
        (Wish::Refused, Some(reported)) => {
            expect("version", &reported.version.as_str(), &wanted.version)?;
            has_status(wanted, reported, "error")
        }
        (Wish::Disabled, Some(reported)) => {
            expect("handler status", &reported.status.as_str(), &"NotReady")?;
            no_process(world, "akvvm_service")
        }
    }
}

fn has_status(wanted: &Wanted, reported: &HandlerStatus, state: &str) -> Result<(), String> {
    expect("version", &reported.version.as_str(), &wanted.version)?;
    let status = reported.extension.as_ref().ok_or("no extension status")?;
    expect("sequence number", &status.sequence_number, &wanted.number)?;
    if status.status.as_deref() == Some(state) {
        return Ok(());
    }
    Err(format!("extension status {:?}, not {state}: {}", status.status, status.message))
}

fn is_served(wanted: &Wanted, world: &World, agent: &Agent) -> Result<(), String> {
    no_process(world, "akvvm_handler")?;
    let workers = processes::of(&world.state(), "akvvm_service");
    let [worker] = workers[..] else { return Err(format!("workers: {workers:?}")) };
    let folder = agent.extension_folder(world.handler(), wanted.version);
    let program = fs::read_link(format!("/proc/{worker}/exe")).unwrap_or_default();
    if !program.starts_with(&folder) {
        return Err(format!("the worker is {}", program.display()));
    }
    let report = fs::read(world.state().join("report.json")).map_err(|e| e.to_string())?;
    let report: Value = serde_json::from_slice(&report).map_err(|error| error.to_string())?;
    expect("worker of the report", &report["worker"]["pid"].as_u64(), &Some(worker.into()))?;
    for &index in &wanted.observed {
        is_installed(&CERTIFICATES[index], &report, world)?;
    }
    has_remains(&world.state(), world.handlers_killed.load(Ordering::Relaxed))?;
    let tidy = ["store", "elsewhere", "state/records", "run"].map(|name| world.folder.join(name));
    let mut tidy = tidy.into_iter().chain([folder.join("status"), folder]);
    tidy.try_for_each(|folder| has_remains(&folder, 0))
}

fn is_installed(certificate: &Certificate, report: &Value, world: &World) -> Result<(), String> {
    let path = certificate.path();
    let issued = world.truth.of(&path);
    let newest: &Expected = issued.last().ok_or("never issued")?;
    let content = |ending: &str| {
        fs::read_to_string(world.folder.join(format!("{path}{ending}")))
            .map(|text| hash(&text))
            .map_err(|error| format!("{path}{ending}: {error}"))
    };
    if certificate.has_combined() {
        expect(&path, &content("")?, &newest.combined)?;
    }
    if certificate.has_split() {
        expect(&format!("{path}.pem"), &content(".pem")?, &newest.chain)?;
        expect(&format!("{path}.keyid"), &content(".keyid")?, &newest.key)?;
    }
    let full = world.folder.join(&path);
    let rows = report["certificates"].as_array().ok_or("no certificates in the report")?;
    let row = rows.iter().find(|row| {
        let shown = row["path"].as_str().unwrap_or_default();
        Path::new(shown) == full || Path::new(shown) == full.with_extension_of("pem")
    });
    let row = row.ok_or_else(|| format!("{path} is not in the report"))?;
    expect(&format!("{path} in the report"), &row["state"].as_str(), &Some("ok"))?;
    expect(&path, &row["version"].as_str(), &Some(newest.version.as_str()))
}

trait Appended {
    fn with_extension_of(&self, ending: &str) -> std::path::PathBuf;
}

impl Appended for Path {
    fn with_extension_of(&self, ending: &str) -> std::path::PathBuf {
        format!("{}.{ending}", self.display()).into()
    }
}

/// What killed processes left half-written is gone. A handler that was killed beside a worker may
/// have left a file in the state directory, which only the next worker can remove.
fn has_remains(folder: &Path, most: usize) -> Result<(), String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let remains = entries.filter(|entry| {
        let name = entry.file_name();
        name.to_string_lossy().starts_with(".akvvm-")
    });
    match remains.map(|entry| entry.path()).nth(most) {
        Some(path) => Err(format!("{} was left behind", path.display())),
        None => Ok(()),
    }
}

fn nothing_left(wanted: &Wanted, world: &World, agent: &Agent) -> Result<(), String> {
    no_process(world, "akvvm_service")?;
    no_process(world, "akvvm_handler")?;
    let folder = agent.extension_folder(world.handler(), wanted.version);
    for gone in [folder, world.state(), world.folder.join("run")] {
        if gone.exists() {
            return Err(format!("{} is still there", gone.display()));
        }
    }
    Ok(())
}

fn no_process(world: &World, name: &str) -> Result<(), String> {
    let found = processes::of(&world.state(), name);
    if found.is_empty() { Ok(()) } else { Err(format!("{name} runs: {found:?}")) }
}

fn expect<T: PartialEq + std::fmt::Debug>(what: &str, is: &T, wanted: &T) -> Result<(), String> {
    if is == wanted { Ok(()) } else { Err(format!("{what}: {is:?}, not {wanted:?}")) }
}
