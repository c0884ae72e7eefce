//! A command that looks at files before they are used.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use crate::{Action, Command, Occasion, ReactionError, Surroundings, command, run};

/// Files that are about to take the place of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidates {
    /// Where they are for now.
    pub directory: PathBuf,
    /// Each with the name of the output that it is a candidate for.
    pub files: Vec<(String, PathBuf)>,
}

/// Runs `command` against files that are not in use yet, and waits for how it ends. Beside what
/// every command gets, it finds `AKVVM_CANDIDATE_DIR`, and for each file the variable that
/// [`candidate_variable`] makes of its name.
///
/// # Errors
/// Where commands are not permitted, two files would have one variable, or the command fails,
/// which means: leave the files where they are.
pub fn check(
    command: &Command,
    candidates: &Candidates,
    occasion: &Occasion,
    surroundings: &Surroundings,
) -> Result<(), ReactionError> {
    run::permit(&Action::Command(command.clone()), surroundings.permission)?;
    let mut variables = occasion.variables();
    variables.push(("AKVVM_CANDIDATE_DIR".into(), candidates.directory.clone().into()));
    variables.extend(files(candidates)?);
    command::run(command, variables, surroundings)
}

/// `AKVVM_CANDIDATE_` and the name in upper case, each character that is not an ASCII letter or
/// digit as `_`: `full-chain.pem` is in `AKVVM_CANDIDATE_FULL_CHAIN_PEM`.
#[must_use]
pub fn candidate_variable(name: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    format!("AKVVM_CANDIDATE_{}", name.chars().map(letter).collect::<String>())
}

fn files(candidates: &Candidates) -> Result<Vec<(OsString, OsString)>, ReactionError> {
    let directory = candidate_variable("dir");
    let mut names = BTreeMap::from([(directory, "the directory")]);
    let mut variables = Vec::new();
    for (name, path) in &candidates.files {
        let variable = candidate_variable(name);
        if let Some(other) = names.insert(variable.clone(), name) {
            let why = format!("{name} and {other} would both be in {variable}; rename one");
            return Err(ReactionError::Impossible { why });
        }
        variables.push((variable.into(), path.clone().into_os_string()));
    }
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Change, Permission, Reason};

    fn candidates(names: &[&str]) -> Candidates {
        let directory = PathBuf::from("/srv/candidates");
        let files = names.iter().map(|name| ((*name).to_owned(), directory.join(name)));
        Candidates { files: files.collect(), directory }
    }

    fn occasion() -> Occasion {
        let (certificate, version) = ("web".to_owned(), "1".to_owned());
        let paths = vec!["/srv/web.pem".into()];
        Occasion { changes: vec![Change { certificate, version, paths, reason: Reason::Renewed }] }
    }

    fn checked(script: &str, names: &[&str], permission: Permission) -> Result<(), ReactionError> {
        let argv = ["/bin/sh", "-c", script].map(str::to_owned).into();
        let command = Command::new(argv, Duration::from_secs(60), None).unwrap();
        let here = Surroundings::discover(permission, false);
        check(&command, &candidates(names), &occasion(), &here)
    }

    #[test]
    fn a_command_finds_every_candidate() {
        let script = r#"test "$AKVVM_CANDIDATE_DIR $AKVVM_CANDIDATE_FULL_CHAIN_PEM" = \
            "/srv/candidates /srv/candidates/full-chain.pem" && test $AKVVM_CERTIFICATE = web"#;
        checked(script, &["full-chain.pem", "key"], Permission::Commands).unwrap();
    }

    #[test]
    fn a_failure_is_one() {
        let said = checked("echo bad key >&2; exit 1", &["key"], Permission::Commands);
        assert!(said.unwrap_err().to_string().ends_with("exit status: 1: bad key"));
    }

    #[test]
    fn checks_are_commands() {
        let refused = checked("exit 0", &["key"], Permission::Units).unwrap_err();
        assert!(matches!(refused, ReactionError::NotPermitted { .. }), "{refused}");
    }

    #[test]
    fn no_variable_stands_for_two_files() {
        let twice = checked("exit 0", &["a.pem", "a-pem"], Permission::Commands).unwrap_err();
        let wanted = "a-pem and a.pem would both be in AKVVM_CANDIDATE_A_PEM; rename one";
        assert_eq!(twice.to_string(), wanted);
        let directory = checked("exit 0", &["Dir"], Permission::Commands).unwrap_err();
        assert!(directory.to_string().contains("the directory"), "{directory}");
    }
}
