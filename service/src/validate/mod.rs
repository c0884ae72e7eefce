//! `akvvm_service validate`: what the settings mean, and what is wrong with them.
//!
//! Asks nobody, writes nothing, and needs no root; what 4.x left in a store is seen by those who may
//! look there.

mod document;
mod text;

use std::path::PathBuf;
use std::time::SystemTime;

use cert_store::DirectoryStore;
use extension_settings::{Remark, Settings};
use reaction::Permission;
use worker_state::{Directories, environment_name as name};

use crate::clock::Clock;
use crate::exit::Exit;
use crate::order::{self, DEFAULT_SETTINGS, Given, OrderError, Origin, Refused, Surroundings};
use crate::target::targets;
use crate::{serve, survey, terminal};

pub(crate) use document::{remarks, source};
pub(crate) use text::{headline, remark_lines, text};

/// Reads the settings and says what they mean.
pub(crate) fn run(
    directories: Directories,
    surroundings: Surroundings,
    settings: Option<PathBuf>,
    json: bool,
) -> Exit {
    let origin = serve::origin(&directories, settings);
    let mut reading = Reading::of(origin, &directories, &surroundings, Clock::start().now().wall);
    if let Some(settings) = &reading.settings {
        let (_, odd) = survey::placed(settings, reading.permission, &DirectoryStore::new());
        let of_stores = odd.into_iter().map(general);
        let news: Vec<_> = of_stores.filter(|one| !reading.warnings.contains(one)).collect();
        reading.warnings.extend(news);
    }
    match json {
        true => terminal::say(&format!("{:#}\n", document::document(&reading))),
        false => terminal::say(&text(&reading)),
    }
    if reading.problems.is_empty() { Exit::Fine } else { Exit::Usage }
}

/// Settings as they were read, or why they cannot be.
pub(crate) struct Reading {
    /// Where they were looked for.
    pub(crate) origin: Origin,
    /// What was found there.
    pub(crate) given: Option<Given>,
    /// What keeps them from being served; none where `settings` are there.
    pub(crate) problems: Vec<Remark>,
    /// What is odd about them, or about how they were found.
    pub(crate) warnings: Vec<Remark>,
    pub(crate) settings: Option<Settings>,
    /// How far they may reach.
    pub(crate) permission: Permission,
}

impl Reading {
    /// Reads the settings that `origin` names. `now` dates settings that bear no date.
    pub(crate) fn of(
        origin: Origin,
        directories: &Directories,
        surroundings: &Surroundings,
        now: SystemTime,
    ) -> Self {
        let mut warnings: Vec<Remark> =
            surroundings.passed_over.iter().map(|why| passed_over(why)).collect();
        let permission = order::permission(surroundings).unwrap_or_else(|why| {
            warnings.push(general(format!("{why}; taken for {}", Permission::None)));
            Permission::None
        });
        let given = match order::given(&origin, directories, surroundings, now) {
            Ok(given) => given,
            Err(error) => {
                let problems = vec![general(nothing_there(&error))];
                return Self {
                    origin,
                    given: None,
                    problems,
                    warnings,
                    settings: None,
                    permission,
                };
            }
        };
        warnings.extend(circumstances(&given));
        let (problems, settings) = match given.parse() {
            Ok(parsed) => {
                warnings.extend(parsed.warnings);
                let (_, left_out) = targets(&parsed.settings, permission);
                warnings.extend(left_out.into_iter().map(general));
                (Vec::new(), Some(parsed.settings))
            }
            Err(Refused::Settings(refused)) => {
                warnings.extend(refused.warnings);
                (refused.problems, None)
            }
            Err(Refused::Suffixes(why)) => {
                (vec![Remark { path: name::VAULT_DNS_SUFFIXES.into(), text: why }], None)
            }
        };
        Self { origin, given: Some(given), problems, warnings, settings, permission }
    }
}

/// A remark about no value in particular.
fn general(text: String) -> Remark {
    Remark { path: String::new(), text }
}

fn nothing_there(error: &OrderError) -> String {
    match error {
        OrderError::Nothing => format!(
            "no settings here: no extension assigned any to this user's worker, and there is no \
             {DEFAULT_SETTINGS}; name a file with --settings \
             (root alone sees what came through the guest agent)"
        ),
        other => other.to_string(),
    }
}

fn passed_over(why: &str) -> Remark {
    general(format!("{why}: what it sets is not taken into account; run this as root"))
}

/// What is odd about how the settings came here.
fn circumstances(given: &Given) -> Vec<Remark> {
    let refused = given.refusal.as_ref().map(|refusal| {
        let number = refusal.sequence_number;
        general(format!("newer settings (number {number}) were refused: {}", refusal.reason))
    });
    let protected = given.has_protected.then(|| Remark {
        path: "protectedSettings".into(),
        text: "not read by this extension: what it needs belongs into the public settings".into(),
    });
    refused.into_iter().chain(protected).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests write their input files")]

    use std::path::Path;

    use serde_json::{Value, json};
    use worker_state::Environment;

    use super::*;

    fn read(origin: Origin, below: &Path, process: &[(&str, &str)]) -> Reading {
        let pairs = process.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        let surroundings = Surroundings {
            process: Environment::of(pairs),
            file: Environment::default(),
            passed_over: None,
        };
        let directories = Directories::below(below);
        Reading::of(origin, &directories, &surroundings, SystemTime::UNIX_EPOCH)
    }

    /// These settings, as if they had been read from `/settings.json`.
    pub(super) fn reading(document: Value) -> Reading {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("settings.json");
        let wrapped =
            json!({"runtimeSettings": [{"handlerSettings": {"publicSettings": document}}]});
        std::fs::write(&file, wrapped.to_string()).unwrap();
        let reading = read(Origin::File(file), folder.path(), &[]);
        Reading { origin: Origin::File("/settings.json".into()), ..reading }
    }

    fn only_problem(reading: &Reading) -> String {
        assert_eq!(reading.problems.len(), 1);
        reading.problems[0].to_string()
    }

    #[test]
    fn without_settings_it_says_where_it_looked() {
        let folder = tempfile::tempdir().unwrap();
        let reading = read(Origin::Assignment, folder.path(), &[]);
        let problem = only_problem(&reading);
        assert!(problem.contains("no settings here") && problem.contains("--settings"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_file_that_is_not_there_is_a_problem_that_names_it_once() {
        let folder = tempfile::tempdir().unwrap();
        let reading = read(Origin::File("/nonexistent/1.settings".into()), folder.path(), &[]);
        assert!(only_problem(&reading).starts_with("not found"));
        assert!(text(&reading).starts_with("/nonexistent/1.settings: refused: 1 problem\n"));
    }

    #[test]
    fn protected_settings_are_said_to_be_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("0.settings");
        let urls = json!(["https://contoso.vault.azure.net/secrets/web"]);
        let public = json!({"secretsManagementSettings": {"observedCertificates": urls}});
        let text = json!({"publicSettings": public, "protectedSettings": "TUlJ"}).to_string();
        std::fs::write(&file, text).unwrap();
        let reading = read(Origin::File(file), folder.path(), &[]);
        assert_eq!(reading.warnings[0].path, "protectedSettings");
        assert!(!super::text(&reading).contains("TUlJ"));
    }

    #[test]
    fn a_wrong_list_of_suffixes_is_a_problem_of_that_variable() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("settings.json");
        std::fs::write(&file, "{}").unwrap();
        let wrong = [("AKVVM_VAULT_DNS_SUFFIXES", "https://vault.example")];
        let reading = read(Origin::File(file), folder.path(), &wrong);
        assert!(only_problem(&reading).starts_with("AKVVM_VAULT_DNS_SUFFIXES: "));
    }
}
