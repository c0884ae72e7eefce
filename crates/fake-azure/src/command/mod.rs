//! The command line.

mod client;
mod error;
mod serve;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use fake_azure::Ports;
use lexopt::prelude::*;

use self::error::CommandError;

const USAGE: &str = "\
usage: fake-azure serve --directory DIR [--scenario FILE] [--verbose]
                        [--port N] [--vault-port N] [--imds-port N] [--arc-port N] [--admin-port N]
       fake-azure COMMAND --directory DIR …, with a server that was started so:

  list                              what is in the vaults
  put VAULT CERTIFICATE [SPEC]      make a certificate (SPEC: JSON), or its next version
  rotate VAULT CERTIFICATE          make its next version as the last one
  secret VAULT NAME VALUE [TYPE]    put a plain secret
  disable|enable|delete VAULT NAME
  deny VAULT REFUSAL                ForbiddenByRbac, AccessDenied, ForbiddenByFirewall, …
  allow VAULT                       take all refusals back
  fault RULE | fault --clear        add a rule to the script (JSON), or remove all
  requests [--clear] [--json]       what was asked
  stop
";

/// What stands on the command line.
#[derive(Default)]
struct Arguments {
    command: Option<String>,
    directory: Option<PathBuf>,
    scenario: Option<PathBuf>,
    ports: Ports,
    verbose: bool,
    clear: bool,
    json: bool,
    /// What a command is about.
    about: Vec<String>,
}

/// Carries out what the command line says.
pub(crate) fn run(
    parser: lexopt::Parser,
    output: &mut (impl Write + Send + 'static),
) -> Result<(), CommandError> {
    let arguments = read(parser)?;
    let Some(command) = &arguments.command else {
        return Ok(output.write_all(USAGE.as_bytes())?);
    };
    let directory = arguments.directory.as_ref().ok_or(CommandError::NoDirectory)?;
    match command.as_str() {
        "serve" => serve::serve(&arguments, directory, output),
        _ => client::run(command, &arguments, directory, output),
    }
}

/// `--help`, or nothing at all, leaves the command empty.
fn read(mut parser: lexopt::Parser) -> Result<Arguments, CommandError> {
    let mut arguments = Arguments::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Arguments::default()),
            Long("directory") => arguments.directory = Some(parser.value()?.into()),
            Long("scenario") => arguments.scenario = Some(parser.value()?.into()),
            Long("verbose") => arguments.verbose = true,
            Long("clear") => arguments.clear = true,
            Long("json") => arguments.json = true,
            Long("port") => arguments.ports.proxy = parser.value()?.parse()?,
            Long("vault-port") => arguments.ports.vault = parser.value()?.parse()?,
            Long("imds-port") => arguments.ports.imds = parser.value()?.parse()?,
            Long("arc-port") => arguments.ports.arc = parser.value()?.parse()?,
            Long("admin-port") => arguments.ports.admin = parser.value()?.parse()?,
            Value(word) if arguments.command.is_none() => arguments.command = Some(text(word)?),
            Value(word) => arguments.about.push(text(word)?),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(arguments)
}

fn text(word: OsString) -> Result<String, CommandError> {
    Ok(word.string()?)
}
