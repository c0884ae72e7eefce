//! A program to run, and its arguments.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use crate::acl::read_account;
use crate::field::Field;
use crate::nested::Nested;
use crate::remark::{Remarks, excerpt};
use crate::store::normalised;

/// The most arguments.
const MOST_ARGUMENTS: usize = 256;

/// The longest argument, in bytes.
const LONGEST_ARGUMENT: usize = 8192;

/// A program that is run, without a shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The program and its arguments.
    pub argv: Argv,
    /// How long it may take; at least 1 s.
    pub timeout: Duration,
    /// The name or number of the user that it runs as; whoever the worker runs as, without one.
    pub user: Option<String>,
}

/// The absolute path of a program, and its arguments: what stands in it reaches the program as
/// it is, and is never split or expanded. `Display` prints it as a JSON list.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Argv(Vec<String>);

impl Argv {
    /// The program: absolute, without `..`.
    #[must_use]
    pub fn program(&self) -> &Path {
        Path::new(self.0.first().map_or("", String::as_str))
    }

    /// What it is called with.
    #[must_use]
    pub fn arguments(&self) -> &[String] {
        self.0.get(1..).unwrap_or_default()
    }

    /// Reads a list of strings. `None` comes with a problem.
    pub(super) fn read(field: Field, remarks: &mut Remarks) -> Option<Self> {
        if let Some(line) = field.value.as_str().filter(|line| !line.trim_start().starts_with('['))
        {
            return refuse_line(&field.path, line, remarks);
        }
        let path = field.path.clone();
        let list = field.array(remarks)?;
        if list.is_empty() || list.len() > MOST_ARGUMENTS {
            let count = list.len();
            let text = format!(
                "must be a program and its arguments, 1 to {MOST_ARGUMENTS}, but has {count}"
            );
            remarks.problem(path, text);
            return None;
        }
        let words = list.iter().map(|field| read_word(field, remarks)).collect::<Vec<_>>();
        let words: Vec<String> = words.into_iter().collect::<Option<_>>()?;
        if let Err(reason) = normalised(&words[0]) {
            let text = format!(
                "\"{}\" {reason}: write the program's absolute path, /usr/sbin/nginx for example",
                excerpt(&words[0])
            );
            remarks.problem(format!("{path}[0]"), text);
            return None;
        }
        Some(Self(words))
    }
}

impl fmt::Display for Argv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        serde_json::Value::from(self.0.as_slice()).fmt(f)
    }
}

impl Command {
    /// Reads `command`, `timeoutInS` and `user`. `None` comes with a problem.
    pub(super) fn read(
        keys: &mut Nested,
        timeout: Duration,
        remarks: &mut Remarks,
    ) -> Option<Self> {
        let timeout = keys.timeout(timeout, remarks);
        let user = match keys.take("user") {
            Some(field) => read_account(&field, remarks),
            None => Some(None),
        };
        let example = "a list, [\"/usr/sbin/nginx\", \"-t\"] for example";
        let argv = Argv::read(keys.required("command", example, remarks)?, remarks);
        Some(Self { argv: argv?, timeout, user: user? })
    }
}

fn refuse_line(path: &str, line: &str, remarks: &mut Remarks) -> Option<Argv> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let plain = !line.contains(['"', '\'', '\\', '$', '`', '|', '&', ';', '<', '>', '*', '?']);
    let meant = if plain && line.len() < 200 {
        serde_json::Value::from(words).to_string()
    } else {
        "[\"/usr/local/sbin/program\", \"argument\"]".to_owned()
    };
    let text =
        format!("must be a list, for there is no shell that would split a line: write {meant}");
    remarks.problem(path, text);
    None
}

fn read_word(field: &Field, remarks: &mut Remarks) -> Option<String> {
    match field.value.as_str() {
        Some(word) if word.contains('\0') => field.refuse("without a NUL", remarks),
        Some(word) if word.len() > LONGEST_ARGUMENT => {
            field.refuse(&format!("at most {LONGEST_ARGUMENT} bytes long"), remarks)
        }
        Some(word) => Some(word.to_owned()),
        None => field.refuse("a string in quotes", remarks),
    }
}
