//! What may follow a new certificate.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::{Signal, UnitName};

/// One thing to do. Two that are equal need doing once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// A systemd unit takes up its files again.
    Unit {
        /// Which.
        unit: UnitName,
        /// How.
        verb: Verb,
    },
    /// A process is signalled.
    Signal {
        /// With what.
        signal: Signal,
        /// Which process.
        recipient: Recipient,
    },
    /// A program is run.
    Command(Command),
}

/// What a unit is asked to do, from the gentlest on (systemctl(1)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// `reload`: nothing happens to a unit that is not running, which serves nothing old either.
    Reload,
    /// `try-reload-or-restart`: reload where the unit can, else restart; likewise.
    TryReloadOrRestart,
    /// `restart`, which also starts a unit that is not running.
    Restart,
}

/// Who is signalled.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Recipient {
    /// A unit's main process; nobody where the unit is not running.
    Unit(UnitName),
    /// The process whose number is the first line of this file, which only root can have written.
    PidFile(PathBuf),
}

/// A program with its arguments; there is no shell in between.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Command {
    argv: Vec<String>,
    timeout: Duration,
    user: Option<String>,
}

impl Command {
    /// The program `argv[0]`, which has to be an absolute path, with the arguments after it; it
    /// is ended after `timeout`. Runs as `user` (a name or number) with all groups of that user,
    /// else as whoever runs this process.
    ///
    /// # Errors
    /// Where the program is no absolute path, an argument holds a NUL, the user is neither a
    /// name nor a number, or no time is left.
    pub fn new(
        argv: Vec<String>,
        timeout: Duration,
        user: Option<String>,
    ) -> Result<Self, NotACommand> {
        match argv.first() {
            None => return Err(NotACommand::NoProgram),
            Some(program) if !program.starts_with('/') => {
                return Err(NotACommand::RelativeProgram { program: program.clone() });
            }
            Some(_) => {}
        }
        if argv.iter().any(|argument| argument.contains('\0')) {
            return Err(NotACommand::Nul);
        }
        if timeout.is_zero() {
            return Err(NotACommand::NoTime);
        }
        match user {
            Some(user) if !is_user(&user) => Err(NotACommand::User(NotAUserName(user))),
            user => Ok(Self { argv, timeout, user }),
        }
    }

    /// The program's path, as it was written.
    #[must_use]
    pub fn program(&self) -> &str {
        self.argv.first().map_or("", String::as_str)
    }

    /// What comes after the program.
    #[must_use]
    pub fn arguments(&self) -> &[String] {
        self.argv.get(1..).unwrap_or_default()
    }

    /// How long it may run.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Who it runs as, if somebody else.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }
}

/// Names that useradd(8) would accept, those of directories (`name@domain`), and numbers: nothing
/// that could be an option.
fn is_user(text: &str) -> bool {
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let legal = |c: char| c.is_ascii_alphanumeric() || "_-.@$".contains(c);
    let is_name = begins && text.len() <= 256 && text.chars().all(legal);
    is_name || is_number(text)
}

/// Whether a user is meant by number.
pub(crate) fn is_number(user: &str) -> bool {
    user.bytes().all(|byte| byte.is_ascii_digit()) && user.parse::<u32>().is_ok()
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reload => "reload",
            Self::TryReloadOrRestart => "try-reload-or-restart",
            Self::Restart => "restart",
        })
    }
}

impl Verb {
    /// As systemctl(1) writes it.
    ///
    /// # Errors
    /// Where it is anything else.
    pub fn parse(text: &str) -> Result<Self, NotAVerb> {
        let all = [Self::Reload, Self::TryReloadOrRestart, Self::Restart];
        let known = all.into_iter().find(|verb| verb.to_string() == text);
        known.ok_or_else(|| NotAVerb(text.to_owned()))
    }
}

/// Not a [`Verb`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAVerb(String);

impl fmt::Display for NotAVerb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is nothing that a unit is asked for after a new certificate; there are reload, \
             try-reload-or-restart and restart",
            self.0
        )
    }
}

impl Error for NotAVerb {}

impl fmt::Display for Action {
    /// For logs: one line, whatever is in the arguments.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unit { unit, verb } => write!(f, "{verb} {unit}"),
            Self::Signal { signal, recipient: Recipient::Unit(unit) } => {
                write!(f, "{signal} to the main process of {unit}")
            }
            Self::Signal { signal, recipient: Recipient::PidFile(path) } => {
                write!(f, "{signal} to the process of {}", path.display())
            }
            Self::Command(command) => command.fmt(f),
        }
    }
}

impl fmt::Display for Command {
    /// Arguments with anything but plain characters are quoted.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, argument) in self.argv.iter().enumerate() {
            let separator = if place == 0 { "" } else { " " };
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+%".contains(c);
            if !argument.is_empty() && argument.chars().all(plain) {
                write!(f, "{separator}{argument}")?;
            } else {
                write!(f, "{separator}{argument:?}")?;
            }
        }
        Ok(())
    }
}

/// Why something is no [`Command`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotACommand {
    /// The list is empty.
    NoProgram,
    /// The program would have to be looked for.
    RelativeProgram {
        /// As it was written.
        program: String,
    },
    /// An argument holds a NUL, which no argument can.
    Nul,
    /// The time limit is zero.
    NoTime,
    /// The user is neither a name nor a number.
    User(NotAUserName),
}

impl fmt::Display for NotACommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoProgram => f.write_str("a command needs at least the path of a program"),
            Self::RelativeProgram { program } => write!(
                f,
                "{program:?} is not an absolute path; a command is an array: the path of a \
                 program, then each argument by itself, without a shell"
            ),
            Self::Nul => f.write_str("an argument of a command cannot hold a NUL"),
            Self::NoTime => f.write_str("a command needs a time limit above zero"),
            Self::User(error) => error.fmt(f),
        }
    }
}

impl Error for NotACommand {}

/// Neither the name nor the number of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAUserName(String);

impl fmt::Display for NotAUserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not the name or number of a user", self.0)
    }
}

impl Error for NotAUserName {}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(argv: &[&str]) -> Result<Command, NotACommand> {
        let argv = argv.iter().map(|argument| (*argument).to_owned()).collect();
        Command::new(argv, Duration::from_secs(1), None)
    }

    #[test]
    fn a_command_is_an_absolute_program_and_its_arguments() {
        let written = command(&["/bin/a", "b", "-c"]).unwrap();
        assert_eq!(written.program(), "/bin/a");
        assert_eq!(written.arguments(), ["b", "-c"]);
        assert_eq!(command(&[]), Err(NotACommand::NoProgram));
        assert_eq!(command(&["/bin/a", "b\0"]), Err(NotACommand::Nul));
        let said = command(&["nginx -t"]).unwrap_err().to_string();
        assert!(said.starts_with("\"nginx -t\" is not an absolute path"), "{said}");
        let endless = Command::new(vec!["/bin/a".into()], Duration::ZERO, None);
        assert_eq!(endless, Err(NotACommand::NoTime));
    }

    #[test]
    fn users_are_names_or_numbers() {
        let with = |user: &str| {
            Command::new(vec!["/bin/a".into()], Duration::from_secs(1), Some(user.into()))
        };
        for user in ["postgres", "_apt", "svc-web.1", "anna@contoso.com", "WEB$", "0", "1000"] {
            assert_eq!(with(user).unwrap().user(), Some(user));
        }
        for user in ["", "-u", "+1", "1x", "4294967296", "a b", "a:b", "a\n", "/root"] {
            let said = with(user).unwrap_err().to_string();
            assert_eq!(said, format!("{user:?} is not the name or number of a user"));
        }
    }

    #[test]
    fn actions_read_as_one_line() {
        let unit = UnitName::parse("nginx").unwrap();
        let signal = Signal::parse("HUP").unwrap();
        let line = |action: Action| action.to_string();
        let reload = Action::Unit { unit: unit.clone(), verb: Verb::Reload };
        assert_eq!(line(reload), "reload nginx.service");
        let main = Action::Signal { signal, recipient: Recipient::Unit(unit) };
        assert_eq!(line(main), "SIGHUP to the main process of nginx.service");
        let path = Recipient::PidFile("/run/nginx.pid".into());
        let by_file = Action::Signal { signal, recipient: path };
        assert_eq!(line(by_file), "SIGHUP to the process of /run/nginx.pid");
        let odd = command(&["/bin/a", "--x=1", "two words", "", "line\nbreak", "$(x)"]).unwrap();
        let quoted = r#"/bin/a --x=1 "two words" "" "line\nbreak" "$(x)""#;
        assert_eq!(line(Action::Command(odd)), quoted);
    }

    #[test]
    fn verbs_are_systemctls() {
        for verb in [Verb::Reload, Verb::TryReloadOrRestart, Verb::Restart] {
            assert_eq!(Verb::parse(&verb.to_string()), Ok(verb));
        }
        let said = Verb::parse("stop").unwrap_err().to_string();
        assert!(said.ends_with("there are reload, try-reload-or-restart and restart"), "{said}");
        assert!(
            Verb::Reload < Verb::TryReloadOrRestart && Verb::TryReloadOrRestart < Verb::Restart
        );
    }
}
