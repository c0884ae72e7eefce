//! The command line, as it was typed.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use extension_settings::Generation;

use crate::migrate::Request;

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Arguments {
    /// Serve for as long as the process lives.
    Run {
        /// The settings to serve; none: what the guest agent's handler assigned.
        settings: Option<PathBuf>,
    },
    /// Make directories, and a sandbox around them, for a worker that is about to start.
    Confine {
        /// The settings that it will serve.
        settings: Option<PathBuf>,
    },
    /// One pass now.
    Sync {
        /// The settings to serve.
        settings: Option<PathBuf>,
        /// The link of a certificate whose held version may be installed again.
        release: Option<String>,
        /// For machines instead of people.
        json: bool,
    },
    /// Say how everything stands.
    Status {
        /// For machines instead of people.
        json: bool,
    },
    /// Go back to the version before.
    Rollback {
        /// The settings to serve.
        settings: Option<PathBuf>,
        /// The certificate's link.
        certificate: String,
        /// For machines instead of people.
        json: bool,
    },
    /// Say what a pass would do.
    Plan {
        /// The settings to serve.
        settings: Option<PathBuf>,
        /// For machines instead of people.
        json: bool,
    },
    /// Say what happened to a certificate.
    History {
        /// The certificate's link.
        certificate: String,
        /// For machines instead of people.
        json: bool,
    },
    /// Say what the settings mean, and what is wrong with them.
    Validate {
        /// The settings to read.
        settings: Option<PathBuf>,
        /// For machines instead of people.
        json: bool,
    },
    /// Try every step from the identity to the store, changing nothing.
    Doctor {
        /// The settings to try.
        settings: Option<PathBuf>,
        /// For machines instead of people.
        json: bool,
    },
    /// Turn settings of Microsoft's extension into ours, and say what becomes of its store.
    Migrate(Request),
    /// Print how to call the program.
    Help,
    /// Print the version.
    Version,
}

/// How to call the program.
pub(crate) const HELP: &str = "\
akvvm_service: keeps Key Vault certificates as files on this machine

usage: akvvm_service run      [--settings FILE]           serve until stopped
       akvvm_service sync     [--settings FILE] [--json]  one pass now, with a summary
                              [--release NAME]            and a held version may come in again
       akvvm_service plan     [--settings FILE] [--json]  what a pass would do, and why
       akvvm_service status   [--json]                    how all certificates stand
       akvvm_service rollback NAME [--json]               back to the version before, and stay
                              [--settings FILE]           (of those settings)
       akvvm_service history  NAME [--json]               what happened to a certificate
       akvvm_service validate [--settings FILE] [--json]  what the settings mean, what is wrong
       akvvm_service doctor   [--settings FILE] [--json]  try every step from identity to store
       akvvm_service migrate  --from 1|2|3|4              from that major version of Microsoft's
                              --settings FILE [--json]    extension to this one: settings,
                              [--output NEW]              stores, steps, and the way back
       akvvm_service confine  [--settings FILE]           what the systemd unit does before run
       akvvm_service --help | --version

FILE takes the extension's settings, {\"publicSettings\": …}, or a guest agent's N.settings.
Without it, `run`, `validate` and `doctor` use what the guest agent's handler assigned, else
/etc/akvvm/settings.json; `sync` asks a running worker for a pass, else uses the same.

NAME is a certificate's link: its name or its path.

`validate`, `plan` and `doctor` change nothing on this machine; `validate` asks nobody and needs no root.
`migrate` asks nobody and writes our settings to NEW, and nothing else.

exit codes: 0 fine or nothing to do, 1 some certificates failed, 2 usage or settings;
`status`: 0 ok, 1 warning, 2 critical
";

/// Reads the arguments behind the program's name.
///
/// # Errors
/// A sentence about the argument that cannot be used.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Arguments, String> {
    let mut parser = lexopt::Parser::from_args(arguments);
    let mut line = Line::default();
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        match argument {
            lexopt::Arg::Short('h') | lexopt::Arg::Long("help") => return Ok(Arguments::Help),
            lexopt::Arg::Short('V') | lexopt::Arg::Long("version") => {
                return Ok(Arguments::Version);
            }
            lexopt::Arg::Long("settings") => {
                let file = parser.value().map_err(|error| error.to_string())?;
                line.settings = Some(PathBuf::from(file));
            }
            lexopt::Arg::Long("from") => line.from = Some(text(parser.value())?),
            lexopt::Arg::Long("output") => {
                let file = parser.value().map_err(|error| error.to_string())?;
                if file == "-" {
                    return Err("--output names a file; --json prints the settings".into());
                }
                line.output = Some(PathBuf::from(file));
            }
            lexopt::Arg::Long("release") => line.release = Some(text(parser.value())?),
            lexopt::Arg::Long("json") => line.json = true,
            lexopt::Arg::Value(value) if line.command.is_none() => line.command = Some(value),
            lexopt::Arg::Value(value) if line.takes_name() => line.name = Some(text(Ok(value))?),
            other => return Err(other.unexpected().to_string()),
        }
    }
    line.understand()
}

fn text(value: Result<OsString, lexopt::Error>) -> Result<String, String> {
    let value = value.map_err(|error| error.to_string())?;
    value.into_string().map_err(|value| format!("{} is no name", value.display()))
}

/// What was typed, before it is put together.
#[derive(Default)]
struct Line {
    command: Option<OsString>,
    name: Option<String>,
    settings: Option<PathBuf>,
    release: Option<String>,
    from: Option<String>,
    output: Option<PathBuf>,
    json: bool,
}

impl Line {
    fn command(&self) -> Option<&str> {
        self.command.as_deref().and_then(OsStr::to_str)
    }

    fn takes_name(&self) -> bool {
        matches!(self.command(), Some("rollback" | "history")) && self.name.is_none()
    }

    fn understand(mut self) -> Result<Arguments, String> {
        if self.command() == Some("migrate") {
            return self.migrate();
        }
        if self.from.is_some() || self.output.is_some() {
            return Err("only migrate takes --from and --output".into());
        }
        let name = self.name.take();
        let certificate = name.ok_or("the name of a certificate's link is missing");
        let command = self.command().map(str::to_owned);
        let Self { settings, json, release, .. } = self;
        if release.is_some() && command.as_deref() != Some("sync") {
            return Err("only sync takes --release".into());
        }
        match command.as_deref() {
            Some("run") if !json => Ok(Arguments::Run { settings }),
            Some("confine") if !json => Ok(Arguments::Confine { settings }),
            Some(name @ ("run" | "confine")) => Err(format!("{name} takes no --json")),
            Some("sync") => Ok(Arguments::Sync { settings, release, json }),
            Some("status") if settings.is_some() => Err("status takes no --settings".into()),
            Some("status") => Ok(Arguments::Status { json }),
            Some("rollback") => {
                Ok(Arguments::Rollback { settings, certificate: certificate?, json })
            }
            Some("history") if settings.is_some() => Err("history takes no --settings".into()),
            Some("history") => Ok(Arguments::History { certificate: certificate?, json }),
            Some("plan") => Ok(Arguments::Plan { settings, json }),
            Some("doctor") => Ok(Arguments::Doctor { settings, json }),
            Some("validate") => Ok(Arguments::Validate { settings, json }),
            Some("help") => Ok(Arguments::Help),
            Some(other) => Err(format!("there is no command {other:?}; see akvvm_service --help")),
            None => Err("a command is missing; see akvvm_service --help".into()),
        }
    }

    fn migrate(self) -> Result<Arguments, String> {
        let from = self.from.as_deref().and_then(Generation::parse).ok_or(
            "migrate needs --from 1, 2, 3 or 4: the major version of Microsoft's extension, which \
             stands at the end of its folder's name in /var/lib/waagent",
        )?;
        let settings = self.settings.ok_or(
            "migrate needs --settings FILE: what Microsoft's extension was deployed with, or its \
             N.settings",
        )?;
        if self.release.is_some() {
            return Err("only sync takes --release".into());
        }
        Ok(Arguments::Migrate(Request { from, settings, output: self.output, json: self.json }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Arguments, String> {
        parse(line.split_ascii_whitespace().map(OsString::from))
    }

    #[test]
    fn commands_and_options_are_read_in_any_order() {
        let settings = Some(PathBuf::from("f"));
        assert_eq!(parsed("run"), Ok(Arguments::Run { settings: None }));
        assert_eq!(parsed("run --settings f"), Ok(Arguments::Run { settings: settings.clone() }));
        let confine = Arguments::Confine { settings: settings.clone() };
        assert_eq!(parsed("confine --settings f"), Ok(confine));
        let sync = Arguments::Sync { settings, release: None, json: true };
        assert_eq!(parsed("--json sync --settings=f"), Ok(sync));
        let validate = Arguments::Validate { settings: None, json: true };
        assert_eq!(parsed("validate --json"), Ok(validate));
        let doctor = Arguments::Doctor { settings: Some("f".into()), json: false };
        assert_eq!(parsed("doctor --settings f"), Ok(doctor));
        assert_eq!(parsed("sync -h"), Ok(Arguments::Help));
        assert_eq!(parsed("--version"), Ok(Arguments::Version));
    }

    #[test]
    fn a_certificate_is_named_where_one_is_meant() {
        let certificate = "contoso.web".to_owned();
        let rollback = Arguments::Rollback { settings: None, certificate, json: false };
        assert_eq!(parsed("rollback contoso.web"), Ok(rollback));
        let history = Arguments::History { certificate: "/store/web".into(), json: true };
        assert_eq!(parsed("history /store/web --json"), Ok(history));
        let release = Some("web".to_owned());
        let sync = Arguments::Sync { settings: None, release, json: false };
        assert_eq!(parsed("sync --release web"), Ok(sync));
        for line in ["rollback", "history", "doctor --release web", "rollback a b", "sync web"] {
            assert!(parsed(line).is_err(), "{line}");
        }
    }

    #[test]
    fn a_migration_begins_at_a_version_of_microsofts() {
        let request = |output: Option<&str>| {
            let (settings, output) = ("f".into(), output.map(PathBuf::from));
            Arguments::Migrate(Request { from: Generation::Three, settings, output, json: false })
        };
        assert_eq!(parsed("migrate --from 3 --settings f"), Ok(request(None)));
        let line = "migrate --from 3.5.3041.185 --settings f --output n";
        assert_eq!(parsed(line), Ok(request(Some("n"))));
        for (line, words) in [
            ("migrate --settings f", "--from 1, 2, 3 or 4"),
            ("migrate --from 5 --settings f", "--from 1, 2, 3 or 4"),
            ("migrate --from 3", "--settings FILE"),
            ("migrate --from 3 --settings f --release web", "--release"),
            ("plan --from 3", "only migrate"),
            ("validate --output n", "only migrate"),
            ("migrate --from 3 --settings f --output -", "names a file"),
        ] {
            assert!(parsed(line).unwrap_err().contains(words), "{line}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        assert!(parsed("").unwrap_err().contains("missing"));
        assert!(parsed("walk").unwrap_err().contains("\"walk\""));
        assert!(parsed("run --fast").unwrap_err().contains("--fast"));
        assert!(parsed("sync --settings").unwrap_err().contains("--settings"));
        assert!(parsed("run --json").is_err());
        assert!(parsed("run run").is_err());
    }
}
