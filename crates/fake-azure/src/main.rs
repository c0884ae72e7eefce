//! `fake-azure`: an imagined Azure for shell scripts and the demo. README.md beside this crate's
//! manifest describes it.

mod command;

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut output = std::io::stdout();
    match command::run(lexopt::Parser::from_env(), &mut output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // With nowhere to say it, the exit code still does.
            let _ = writeln!(std::io::stderr(), "fake-azure: {error}");
            ExitCode::from(error.code())
        }
    }
}
