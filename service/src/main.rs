//! `akvvm_service`: the sync worker, and the operator's command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    service::main()
}
