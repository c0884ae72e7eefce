//! `akvvm_handler`: what the guest agent calls.
#![expect(clippy::disallowed_methods, reason = "the program's edge: the environment is read here")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use akvvm_handler::{StandardStreams, Surroundings, run};
use worker_state::{Account, Environment};

fn main() -> ExitCode {
    let surroundings = Surroundings {
        arguments: std::env::args_os().skip(1).collect(),
        lookup: &|name| std::env::var_os(name),
        program: own_path(),
        working_directory: std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
        environment_file: Path::new(Environment::FILE),
        account: Account::current(),
    };
    ExitCode::from(run(&surroundings, &StandardStreams))
}

/// Where /proc is missing, the path that the program was called by has to do.
fn own_path() -> PathBuf {
    std::env::current_exe()
        .or_else(|_| std::path::absolute(std::env::args_os().next().unwrap_or_default()))
        .unwrap_or_default()
}
