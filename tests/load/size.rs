//! Very many certificates: what the first sync, a restart and a poll take.

use std::time::{Duration, Instant};

use acceptance::alone::{Alone, VAULT, Worker};
use acceptance::processes::Signal;

/// Long enough for a slow machine that does other things too.
const LIMIT: Duration = Duration::from_secs(3600);

/// Measures, and fails where a certificate is missing from the store or the report.
pub(crate) fn size(certificates: usize) -> Result<(), String> {
    println!("{certificates} certificates; issuing them");
    let alone = Alone::new(certificates, 86_400);
    println!("{:<24}{:>9}{:>14}{:>12}", "", "time", "processor", "memory");
    let mut worker = alone.worker();
    let report = measure("first sync, empty store", &mut worker, 1)?;
    let rows = report["certificates"].as_array().map_or(0, Vec::len);
    let fine = report["certificates"].as_array().into_iter().flatten();
    let fine = fine.filter(|row| row["state"] == "ok").count();
    if (rows, fine) != (certificates, certificates) {
        return Err(format!("{fine} of {rows} certificates in the report are in order"));
    }
    let links = alone.names.iter().map(|name| format!("store/{}.{name}", VAULT));
    if let Some(missing) = links.map(|link| alone.below(&link)).find(|link| !link.exists()) {
        return Err(format!("{} is missing", missing.display()));
    }
    worker.signal(Signal::HUP);
    measure("a poll, nothing new", &mut worker, 2)?;
    drop(worker);
    measure("a restart, nothing new", &mut alone.worker(), 1)?;
    let report = alone.below("state/report.json").metadata().map_or(0, |file| file.len());
    println!("report.json: {} KiB", report / 1024);
    Ok(())
}

fn measure(what: &str, worker: &mut Worker<'_>, passes: u64) -> Result<serde_json::Value, String> {
    let (began, before) = (Instant::now(), worker.processor());
    let report = worker.await_passes(passes, LIMIT)?;
    let (seconds, processor) = (began.elapsed().as_secs_f64(), worker.processor() - before);
    let peak = worker.status("VmHWM") / 1024;
    println!("{what:<24}{seconds:>7.1} s{processor:>12.1} s{peak:>8} MiB");
    Ok(report)
}
