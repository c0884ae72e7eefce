//! `akvvm_service plan`: what a pass would do, and why. Asks the vaults and changes nothing.

use std::path::PathBuf;

use cert_store::{CertificateStore, Standing};
use serde_json::{Value, json};
use worker_state::{CertificateRecord, Directories, Records};

use crate::clock::Clock;
use crate::decide::Decision;
use crate::delivery::hold;
use crate::exit::Exit;
use crate::failure::{Failure, store_failure};
use crate::ground::Ground;
use crate::install::Version;
use crate::order::{self, Surroundings};
use crate::queue::{Answered, Queue};
use crate::situation::Situation;
use crate::source::VaultSource;
use crate::target::Target;
use crate::{record, serve, standing, survey, terminal};

/// What would become of one certificate.
#[derive(Debug, PartialEq, Eq)]
struct Foreseen {
    name: String,
    /// `nothing`, `install`, `rotate`, `repair`, `tell` or `fail`.
    action: &'static str,
    /// The version that would be in use afterwards, where one would.
    version: Option<String>,
    /// Why.
    reasons: Vec<String>,
    /// What would follow: check, reactions, verification.
    then: Vec<String>,
}

/// Foresees a pass.
pub(crate) fn run(
    directories: &Directories,
    surroundings: &Surroundings,
    settings: Option<PathBuf>,
    json: bool,
) -> Exit {
    match foresee_all(directories, surroundings, settings) {
        Ok(foreseen) => {
            match json {
                true => terminal::say(&format!("{:#}\n", document(&foreseen))),
                false => terminal::say(&text(&foreseen)),
            }
            let fails = foreseen.iter().any(|one| one.action == "fail");
            if fails { Exit::Failed } else { Exit::Fine }
        }
        Err((complaint, exit)) => {
            terminal::complain(&complaint);
            exit
        }
    }
}

fn foresee_all(
    directories: &Directories,
    surroundings: &Surroundings,
    settings: Option<PathBuf>,
) -> Result<Vec<Foreseen>, (String, Exit)> {
    let now = Clock::start().now().wall;
    let origin = serve::origin(directories, settings);
    let order = order::read(&origin, directories, surroundings, now)
        .map_err(|refused| (refused.to_string(), Exit::Usage))?;
    let disk = serve::disk(directories, surroundings, &order);
    let permission = disk.consumers.surroundings.permission;
    let (targets, warnings) = survey::placed(&order.settings, permission, &disk.store);
    warnings.iter().for_each(|warning| terminal::complain(warning));
    let (records, _) =
        Records::read(directories).map_err(|error| (error.to_string(), Exit::Failed))?;
    let source = VaultSource::new(targets.iter(), &order.environment, Default::default());
    let ground = Ground {
        source: &source,
        answered: &|| (),
        store: &disk.store,
        outputs: &disk.outputs,
        consumers: &disk.consumers,
        candidates: &directories.candidates_path(),
        keep: &|_| Ok(()),
        interval: order.settings.polling_interval,
    };
    let look = |target: &Target, answered: Answered<'_>| {
        let record = records.of(&target.store(), target.name());
        let free = match record {
            None => disk.store.way_in(&target.place).map_err(|e| (false, store_failure(&e))),
            Some(_) => Ok(()),
        };
        let ground = ground.telling(answered);
        foresee(target, record, free.and_then(|()| Situation::find(target, record, &ground, now)))
    };
    Ok(side_by_side(&targets, &source, look))
}

/// Several certificates at once, as a pass does; in the order of `targets`.
fn side_by_side(
    targets: &[Target],
    source: &VaultSource,
    look: impl Fn(&Target, Answered<'_>) -> Foreseen + Sync,
) -> Vec<Foreseen> {
    let vault = |target: &Target| target.id.vault().clone();
    let queue =
        Queue::new(targets.iter().enumerate().map(|(at, one)| (vault(one), true, (at, one))));
    let mut found =
        queue.work_off(source, |(at, target), answered| Some((at, look(target, answered))));
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, foreseen)| foreseen).collect()
}

fn foresee<S: CertificateStore>(
    target: &Target,
    record: Option<&CertificateRecord>,
    situation: Result<Situation<'_, '_, S>, (bool, Failure)>,
) -> Foreseen {
    let active = record.map(record::active_version).filter(|version| !version.is_empty());
    let foreseen = |action, version: Option<&str>, reasons, then| Foreseen {
        name: target.name().to_owned(),
        action,
        version: version.map(str::to_owned),
        reasons,
        then,
    };
    let situation = match situation {
        Ok(situation) => situation,
        Err((_, failure)) => return foreseen("fail", active, vec![failure.public], Vec::new()),
    };
    match situation.decide(&mut None) {
        Err(failure) => foreseen("fail", active, vec![failure.public], Vec::new()),
        Ok(Decision::Stay(remarks)) => {
            let held = record.and_then(hold::remark).into_iter().chain(remarks);
            let differing = record.map(standing::differing_remarks).into_iter().flatten();
            let mut reasons: Vec<String> = held.chain(differing).map(|one| one.text).collect();
            match record.and_then(|record| still_to_tell(target, record)) {
                Some(why) => {
                    reasons.insert(0, why);
                    foreseen("tell", active, reasons, target.delivery.steps_after())
                }
                None => foreseen("nothing", active, reasons, Vec::new()),
            }
        }
        Ok(Decision::Install(version)) => {
            let Version { version, remarks, .. } = *version;
            let action = match active {
                None => "install",
                Some(active) if active.eq_ignore_ascii_case(&version) => "repair",
                Some(_) => "rotate",
            };
            let mut reasons = why(action, &situation);
            reasons.extend(remarks.into_iter().map(|remark| remark.text));
            foreseen(action, Some(&version), reasons, target.delivery.steps())
        }
    }
}

/// Why consumers are told although nothing changes.
fn still_to_tell(target: &Target, record: &CertificateRecord) -> Option<String> {
    let due = record.delivery.reaction.as_ref().filter(|_| target.delivery.reacts())?;
    let told = standing::reaction_remark(record).map(|remark| remark.text);
    let version = record::active_version(record);
    Some(told.unwrap_or_else(|| {
        format!("its consumers have not been told of version {version} since {}", due.since)
    }))
}

fn why<S: CertificateStore>(action: &str, situation: &Situation<'_, '_, S>) -> Vec<String> {
    match (action, &situation.standing) {
        ("install", _) => vec!["it is not installed yet".into()],
        ("rotate", _) => vec!["the vault has another version than the installed one".into()],
        (_, standing) => {
            let stores = match standing {
                Standing::Drifted(drifts) => drifts.as_slice(),
                Standing::Absent | Standing::Intact => &[],
            };
            stores.iter().chain(&situation.output_drifts).map(ToString::to_string).collect()
        }
    }
}

fn text(foreseen: &[Foreseen]) -> String {
    let mut text = String::new();
    let width = foreseen.iter().map(|one| one.name.chars().count()).max().unwrap_or(0);
    for one in foreseen {
        let version = one.version.as_deref().unwrap_or("-");
        text.push_str(&format!("{:8} {:width$}  {version}\n", one.action, one.name));
        for reason in &one.reasons {
            text.push_str(&format!("         {reason}\n"));
        }
        for step in &one.then {
            text.push_str(&format!("         {step}\n"));
        }
    }
    let idle = foreseen.iter().filter(|one| one.action == "nothing").count();
    match foreseen.len() - idle {
        0 => text.push_str("nothing to do\n"),
        busy => text.push_str(&format!("{busy} of {} certificates to do\n", foreseen.len())),
    }
    text
}

fn document(foreseen: &[Foreseen]) -> Value {
    let each = |one: &Foreseen| {
        json!({
            "name": one.name,
            "action": one.action,
            "version": one.version,
            "reasons": one.reasons,
            "then": one.then,
        })
    };
    json!({ "planVersion": 1, "certificates": foreseen.iter().map(each).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use cert_store::StoreError;
    use reaction::{Action, UnitName, Verb};

    use super::*;
    use crate::look::look;
    use crate::memory_ground::{Bed, FORGET};
    use crate::memory_store::MemoryStore;
    use crate::memory_vault::{Vault, today, version};
    use crate::simulation::target;

    fn foreseen(vault: &Vault, bed: &Bed, record: Option<&CertificateRecord>) -> Foreseen {
        let (target, ground) = (target("web"), bed.ground(vault, FORGET));
        foresee(&target, record, Situation::find(&target, record, &ground, today()))
    }

    #[test]
    fn what_a_pass_would_do_is_told_and_not_done() {
        let (mut vault, bed) = (Vault::default(), Bed::default());
        assert_eq!(foreseen(&vault, &bed, None).action, "fail");
        vault.issue(1, -1, 90);
        let first = foreseen(&vault, &bed, None);
        assert_eq!((first.action, first.version), ("install", Some(version(1))));
        assert_eq!(*bed.store.writes.lock().unwrap(), 0);
        let ground = bed.ground(&vault, FORGET);
        let record = look(&target("web"), None, &ground, today()).record.unwrap();
        assert_eq!(foreseen(&vault, &bed, Some(&record)).action, "nothing");
        bed.store.links.lock().unwrap().clear();
        let repair = foreseen(&vault, &bed, Some(&record));
        assert_eq!(repair.action, "repair");
        assert!(repair.reasons[0].contains("is gone"), "{repair:?}");
        vault.issue(2, -1, 180);
        let rotate = foreseen(&vault, &bed, Some(&record));
        assert_eq!((rotate.action, rotate.version), ("rotate", Some(version(2))));
    }

    #[test]
    fn a_certificate_that_cannot_be_looked_at_fails() {
        let taken = StoreError::Taken { path: "/store/web".into(), by: "a directory" };
        let look: Result<Situation<'_, '_, MemoryStore>, _> = Err((false, store_failure(&taken)));
        let foreseen = foresee(&target("web"), None, look);
        assert!(foreseen.action == "fail" && foreseen.reasons[0].contains("a directory"));
    }

    #[test]
    fn consumers_that_are_still_to_be_told_are_something_to_do() {
        let (mut vault, bed) = (Vault::default(), Bed::default());
        vault.issue(1, -1, 90);
        let (mut target, ground) = (target("web"), bed.ground(&vault, FORGET));
        let unit = UnitName::parse("nginx").unwrap();
        target.delivery.actions = vec![Action::Unit { unit, verb: Verb::Reload }];
        let record = look(&target, None, &ground, today()).record.unwrap();
        let look = Situation::find(&target, Some(&record), &ground, today());
        let told = foresee(&target, Some(&record), look);
        assert_eq!((told.action, told.then), ("tell", vec!["then: reload nginx.service".into()]));
        let why = &told.reasons[0];
        assert!(why.starts_with("its consumers have not been told of version"), "{why}");
    }

    #[test]
    fn the_text_ends_with_how_much_there_is_to_do() {
        let one = |action| Foreseen {
            name: "contoso.web".into(),
            action,
            version: Some("v2".into()),
            reasons: vec!["why".into()],
            then: vec!["then: reload nginx.service".into()],
        };
        let expected = "rotate   contoso.web  v2\n         why\n         then: reload nginx.service\n\
                        1 of 1 certificates to do\n";
        assert_eq!(text(&[one("rotate")]), expected);
        assert!(text(&[one("nothing")]).ends_with("\nnothing to do\n"));
        assert_eq!(document(&[one("rotate")])["certificates"][0]["action"], "rotate");
    }
}
