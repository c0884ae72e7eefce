//! Load: what the worker costs over a day, and with very many certificates.
//!
//! ```text
//! load soak [--hours N] [--certificates N]    a day of polls, one a minute, as fast as they go
//! load size [--certificates N]                a first sync, a restart and a poll of 10,000
//! ```
//!
//! The worker is the packaged one, its Azure imagined. `soak` fails where memory, descriptors,
//! threads, files or the log grow beyond what they may.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test: it starts processes, waits for them, and tells a person what it saw"
)]

mod size;
mod soak;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(what) => {
            eprintln!("load: {what}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), String> {
    let usage = "usage: load soak [--hours N] [--certificates N] | load size [--certificates N]";
    let (what, options) = arguments.split_first().ok_or(usage)?;
    let (mut hours, mut certificates) = (24, None);
    for pair in options.chunks(2) {
        let [name, value] = pair else { return Err(usage.into()) };
        let number: usize = value.parse().map_err(|_| format!("{name} {value}: not a number"))?;
        match name.as_str() {
            "--hours" => hours = number,
            "--certificates" => certificates = Some(number),
            _ => return Err(usage.into()),
        }
    }
    match what.as_str() {
        "soak" => soak::soak(hours, certificates.unwrap_or(200)),
        "size" => size::size(certificates.unwrap_or(10_000)),
        _ => Err(usage.into()),
    }
}
