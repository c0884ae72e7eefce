//! The last mile, over a vault and a store in memory and consumers that answer by a script.

mod slow;
mod tried;

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use cert_store::{FileAccess, Form, Layout, Output};
use reaction::{Action, Command, LocalAddress, UnitName, Verb, Verification};
use worker_state::{CertificateRecord, OperatorRequest, ReactionRecord, Wish};

use crate::code::Code;
use crate::delivery::Delivery;
use crate::delivery::roll_back::{NoWayBack, Refusal, roll_back};
use crate::guard::Guards;
use crate::item::{Item, News};
use crate::look::{finish, look};
use crate::memory_ground::{Bed, FORGET};
use crate::memory_vault::{DAY, Vault, today, version};
use crate::pass::pass;
use crate::simulation;
use crate::target::Target;

const HOUR: Duration = Duration::from_secs(3600);

fn target(name: &str, bed: &Bed) -> Target {
    let output = bed.folder.path().join(format!("{name}.pem"));
    let delivery = Delivery {
        outputs: vec![Output::File {
            path: output,
            form: Form::FullChain,
            access: FileAccess::default(),
        }],
        check: Some(Command::new(vec!["/bin/check".into()], HOUR, None).unwrap()),
        actions: vec![Action::Unit { unit: UnitName::parse("nginx").unwrap(), verb: Verb::Reload }],
        verifications: Vec::new(),
        guards: Guards::default(),
        rolls_back: true,
        accepts_any_secret: false,
    };
    Target { delivery, ..simulation::target(name) }
}

/// One pass; what is known afterwards, and what consumers answered.
fn pass_over(
    targets: &[Target],
    records: &[Option<CertificateRecord>],
    bed: &Bed,
    vault: &Vault,
    now: SystemTime,
) -> (Known, Vec<String>) {
    let item = |(index, target): (usize, &Target)| Item {
        index,
        target: Arc::new(target.clone()),
        record: records[index].clone().map(Arc::new),
        unkept: false,
        due: true,
        wanted: true,
        reacts: true,
        requests: Vec::new(),
        delivered: false,
    };
    let items = targets.iter().enumerate().map(item).collect();
    let (known, failed) = (Mutex::new(records.to_vec()), Mutex::new(Vec::new()));
    pass(items, &bed.ground(vault, FORGET), now, &|news| match news {
        News::Looked(index, outcome) => {
            if let Some(record) = outcome.record {
                known.lock().unwrap()[index] = Some(Arc::unwrap_or_clone(record));
            }
        }
        News::Reacted(index, record, answer) => {
            known.lock().unwrap()[index] = Some(*record);
            failed.lock().unwrap().extend(answer.err());
        }
        News::Retired(index, record, _) => known.lock().unwrap()[index] = Some(*record),
        News::Obeyed(..) => unreachable!("nobody asked"),
        News::Unkept(index) => panic!("the record of {index} was not kept"),
        News::Trouble(trouble) => panic!("{trouble}"),
    });
    (known.into_inner().unwrap(), failed.into_inner().unwrap())
}

/// What there is known of.
type Known = Vec<Option<CertificateRecord>>;

/// Version 1 of `web` is installed, and its consumers were told.
fn installed() -> (Vault, Bed, [Target; 1], Known) {
    let (mut vault, bed) = (Vault::default(), Bed::default());
    vault.issue(1, -1, 90);
    let targets = [target("web", &bed)];
    let (records, _) = pass_over(&targets, &[None], &bed, &vault, today());
    (vault, bed, targets, records)
}

/// Consumers that refuse what has all these words in it.
fn refuse(bed: &Bed, words: &'static [&str], why: &'static str) {
    bed.consumers.answer(move |asked| match words.iter().all(|word| asked.contains(word)) {
        true => Err(why.into()),
        false => Ok(()),
    });
}

fn active(record: &Option<CertificateRecord>) -> &str {
    crate::record::active_version(record.as_ref().unwrap()).trim_start_matches('0')
}

fn served(bed: &Bed, name: &str) -> Vec<u8> {
    std::fs::read(bed.folder.path().join(format!("{name}.pem"))).unwrap()
}

#[test]
fn a_change_is_tried_switched_to_and_told_once() {
    let (mut vault, bed) = (Vault::default(), Bed::default());
    vault.issue(1, -1, 90);
    let targets = [target("web", &bed)];
    let (records, failed) = pass_over(&targets, &[None], &bed, &vault, today());
    assert!(failed.is_empty(), "{failed:?}");
    let check = "check contoso.web:1:installed with 1 files";
    let reload = "reload nginx.service for contoso.web:1:installed";
    assert_eq!(bed.consumers.take(), [check, reload]);
    let record = records[0].as_ref().unwrap();
    assert!(record.delivery.reaction.is_none() && !record.delivery.switching);
    assert!(served(&bed, "web").starts_with(b"-----BEGIN CERTIFICATE"));
    let (again, _) = pass_over(&targets, &records, &bed, &vault, today());
    assert_eq!((bed.consumers.take().len(), &again), (0, &records));
}

#[test]
fn consumers_are_told_every_link_and_output() {
    let (mut vault, bed) = (Vault::default(), Bed::default());
    vault.issue(1, -1, 90);
    let mut both = target("web", &bed);
    both.place.layouts = vec![Layout::Combined, Layout::Split];
    let links = ["", ".pem", ".keyid"].map(|end| both.store().join(format!("contoso.web{end}")));
    let expected = [&links[..], &[bed.folder.path().join("web.pem")]].concat();
    pass_over(&[both.clone()], &[None], &bed, &vault, today());
    assert_eq!(*bed.consumers.paths.lock().unwrap(), expected);
    // The same where it is tried.
    both.delivery.actions.clear();
    pass_over(&[both], &[None], &bed, &vault, today());
    assert_eq!(*bed.consumers.paths.lock().unwrap(), expected);
}

#[test]
fn two_certificates_of_one_service_give_one_reload() {
    let (mut vault, bed) = (Vault::default(), Bed::default());
    vault.issue(1, -1, 90);
    let targets = [target("web", &bed), target("api", &bed)];
    pass_over(&targets, &[None, None], &bed, &vault, today());
    let asked = bed.consumers.take();
    let reloads: Vec<&String> = asked.iter().filter(|line| line.starts_with("reload")).collect();
    assert_eq!(reloads.len(), 1, "{asked:?}");
    assert!(reloads[0].contains("contoso.web:1") && reloads[0].contains("contoso.api:1"));
}

#[test]
fn a_refused_check_leaves_everything_as_it_was_and_is_repeated_only_in_its_turn() {
    let (mut vault, bed, targets, records) = installed();
    let before = served(&bed, "web");
    vault.issue(2, -1, 180);
    refuse(&bed, &["check"], "key values mismatch");
    bed.consumers.take();
    let (records, _) = pass_over(&targets, &records, &bed, &vault, today());
    assert_eq!(bed.consumers.take(), ["check contoso.web:2:renewed with 1 files"]);
    assert_eq!((active(&records[0]), served(&bed, "web")), ("1", before));
    let said = crate::delivery::hold::remark(records[0].as_ref().unwrap()).unwrap();
    assert_eq!(said.code, Code::Held);
    assert!(said.text.contains("key values mismatch") && said.text.contains("--release"));
    let (records, _) = pass_over(&targets, &records, &bed, &vault, today() + HOUR / 2);
    assert!(bed.consumers.take().is_empty(), "not before its turn");
    bed.consumers.answer(|_| Ok(()));
    let (records, _) = pass_over(&targets, &records, &bed, &vault, today() + 2 * HOUR);
    assert_eq!(active(&records[0]), "2");
    assert!(records[0].as_ref().unwrap().delivery.held.is_empty());
}

#[test]
fn an_output_that_is_added_while_a_version_is_held_has_the_version_in_use() {
    let (mut vault, bed, mut targets, records) = installed();
    vault.issue(2, -1, 180);
    refuse(&bed, &["check contoso.web:2"], "no");
    let (records, _) = pass_over(&targets, &records, &bed, &vault, today());
    assert!(records[0].as_ref().unwrap().delivery.held(&version(2)).is_some());
    let path = bed.folder.path().join("value");
    let (form, access) = (Form::Raw, FileAccess::default());
    targets[0].delivery.outputs.push(Output::File { path: path.clone(), form, access });
    let (records, _) = pass_over(&targets, &records, &bed, &vault, today());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), vault.versions[&version(1)].0);
    assert_eq!(active(&records[0]), "1");
    assert!(records[0].as_ref().unwrap().delivery.held(&version(2)).is_some());
    let asked = vault.asked.lock().unwrap().len();
    pass_over(&targets, &records, &bed, &vault, today());
    assert_eq!(vault.asked.lock().unwrap().len(), asked + 1, "the version in use, once only");
}

#[test]
fn a_newer_version_does_not_wait_for_a_held_one() {
    let (mut vault, bed, targets, records) = installed();
    vault.issue(2, -1, 180);
    refuse(&bed, &["check contoso.web:2"], "no");
    let (records, _) = pass_over(&targets, &records, &bed, &vault, today());
    vault.issue(3, -1, 190);
    let (records, _) = pass_over(&targets, &records, &bed, &vault, today());
    assert_eq!(active(&records[0]), "3");
    assert!(records[0].as_ref().unwrap().delivery.held.is_empty());
}

#[test]
fn a_failed_reaction_is_rolled_back_and_told_again_with_the_old_version() {
    let (mut vault, bed, targets, records) = installed();
    let before = served(&bed, "web");
    vault.issue(2, -1, 180);
    refuse(&bed, &["web:2:renewed", "reload"], "nginx would not");
    bed.consumers.take();
    let (records, failed) = pass_over(&targets, &records, &bed, &vault, today());
    let asked = bed.consumers.take();
    assert_eq!(
        asked[1..],
        [
            "reload nginx.service for contoso.web:2:renewed",
            "reload nginx.service for contoso.web:1:rolled-back",
        ]
    );
    assert!(failed[0].contains("nginx would not") && failed[0].contains("rolled back to version"));
    assert_eq!((active(&records[0]), served(&bed, "web")), ("1", before));
    let delivery = &records[0].as_ref().unwrap().delivery;
    assert!(delivery.reaction.is_none() && delivery.held(&version(2)).is_some());
    let (records, _) = pass_over(&targets, &records, &bed, &vault, today() + HOUR / 2);
    assert_eq!(active(&records[0]), "1", "the next poll does not roll it forward");
    bed.consumers.answer(|_| Ok(()));
    let (records, _) = pass_over(&targets, &records, &bed, &vault, today() + 2 * HOUR);
    assert_eq!(active(&records[0]), "2", "its turn does");
}

#[test]
fn an_operator_does_not_go_back_to_a_version_that_did_not_work_even_when_its_wait_is_over() {
    let (mut vault, bed, targets, records) = installed();
    vault.issue(2, -1, 180);
    refuse(&bed, &["web:2:renewed", "reload"], "nginx would not");
    let (records, _) = pass_over(&targets, &records, &bed, &vault, today());
    let record = records[0].as_ref().unwrap();
    let refusal = Refusal { because: "rolled back by hand", by_hand: true, others: 0 };
    let ground = bed.ground(&vault, FORGET);
    let back = roll_back(&targets[0], record, refusal, &ground, today() + 2 * HOUR);
    let Err(NoWayBack { why, .. }) = back else { panic!("it went back") };
    assert!(why.contains("is held itself (nginx would not)"), "{why}");
}

#[test]
fn a_version_that_does_not_work_keeps_no_other_of_the_same_service_outside() {
    let (mut vault, bed) = (Vault::default(), Bed::default());
    vault.issue(1, -1, 90);
    let targets = [target("web", &bed), target("api", &bed)];
    let (records, _) = pass_over(&targets, &[None, None], &bed, &vault, today());
    vault.issue(2, -1, 180);
    refuse(&bed, &["api:2:renewed", "reload"], "nginx would not");
    let (records, failed) = pass_over(&targets, &records, &bed, &vault, today());
    assert_eq!((failed.len(), active(&records[0]), active(&records[1])), (2, "1", "1"));
    // They are tried again one by one: the one that works works.
    let (records, _) = pass_over(&targets, &records, &bed, &vault, today() + HOUR);
    assert_eq!((active(&records[0]), active(&records[1])), ("2", "1"));
    let next = today() + HOUR + crate::schedule::TURN_OF_ONE;
    let (records, failed) = pass_over(&targets, &records, &bed, &vault, next);
    assert_eq!((failed.len(), active(&records[0]), active(&records[1])), (1, "2", "1"));
}

#[test]
fn without_a_way_back_consumers_are_told_until_they_listen() {
    let (mut vault, bed) = (Vault::default(), Bed::default());
    vault.issue(1, -1, 90);
    let targets = [target("web", &bed)];
    refuse(&bed, &["reload"], "not now");
    let (records, failed) = pass_over(&targets, &[None], &bed, &vault, today());
    assert!(failed[0].contains("not now") && failed[0].contains("nothing to go back to"));
    let due = records[0].as_ref().unwrap().delivery.reaction.clone().unwrap();
    assert_eq!((due.attempts, due.problem.is_some()), (1, true));
    let asked = vault.asked.lock().unwrap().len();
    bed.consumers.answer(|_| Ok(()));
    let item = Item {
        index: 0,
        target: Arc::new(targets[0].clone()),
        record: records[0].clone().map(Arc::new),
        unkept: false,
        due: false,
        wanted: true,
        reacts: true,
        requests: Vec::new(),
        delivered: false,
    };
    let settled = Mutex::new(false);
    pass(vec![item], &bed.ground(&vault, FORGET), today(), &|news| {
        let News::Reacted(_, record, answer) = news else { return };
        *settled.lock().unwrap() = answer.is_ok() && record.delivery.reaction.is_none();
    });
    assert!(*settled.lock().unwrap());
    assert_eq!(vault.asked.lock().unwrap().len(), asked, "nothing is downloaded again");
}

#[test]
fn a_service_that_does_not_run_is_not_expected_to_show_anything() {
    let (mut vault, bed, [target], records) = installed();
    let verification = Verification {
        address: LocalAddress::parse("127.0.0.1:443").unwrap(),
        server_name: None,
        alpn: Vec::new(),
        start_tls: None,
        time_limit: HOUR,
    };
    let delivery = Delivery { verifications: vec![verification], ..target.delivery.clone() };
    let targets = [Target { delivery, ..target }];
    refuse(&bed, &["verify"], "nobody answers");
    bed.consumers.unit_runs.store(false, Relaxed);
    bed.consumers.somebody_listens.store(false, Relaxed);
    vault.issue(2, -1, 180);
    let (records, failed) = pass_over(&targets, &records, &bed, &vault, today());
    assert_eq!((failed.len(), active(&records[0])), (0, "2"), "{failed:?}");
    // Somebody else than the named unit serves it: then it must be the new one.
    bed.consumers.somebody_listens.store(true, Relaxed);
    vault.issue(3, -1, 200);
    let (records, failed) = pass_over(&targets, &records, &bed, &vault, today());
    assert_eq!((failed.len(), active(&records[0])), (2, "2"), "{failed:?}");
}

#[test]
fn an_expired_version_is_not_gone_back_to() {
    let (mut vault, bed) = (Vault::default(), Bed::default());
    vault.issue(1, -1, 1);
    let targets = [target("web", &bed)];
    let (records, _) = pass_over(&targets, &[None], &bed, &vault, today());
    vault.issue(2, -1, 180);
    refuse(&bed, &["web:2", "reload"], "no");
    let (records, failed) = pass_over(&targets, &records, &bed, &vault, today() + 2 * DAY);
    assert!(failed[0].contains("expired"), "{failed:?}");
    assert_eq!(active(&records[0]), "2");
}

#[test]
fn shrinking_names_are_held_back_where_a_guard_is_on() {
    let (mut vault, bed) = (Vault::default(), Bed::default());
    vault.issue(1, -1, 90);
    let mut guarded = target("web", &bed);
    guarded.delivery.guards = Guards { names: true, validity: true, issuer: true };
    let ground = bed.ground(&vault, FORGET);
    let record = look(&guarded, None, &ground, today()).record.unwrap();
    vault.issue(2, -1, 30);
    let ground = bed.ground(&vault, FORGET);
    // Also where somebody has removed what it is compared with.
    for is_lost in [false, true] {
        if is_lost {
            bed.store.installed.lock().unwrap().clear();
        }
        let outcome = look(&guarded, Some(&record), &ground, today());
        let remark = &outcome.result.unwrap().remarks[0];
        assert_eq!(remark.code, Code::HeldBack);
        assert!(remark.text.contains("guards.validity"), "{}", remark.text);
    }
    assert_eq!(bed.store.installed.lock().unwrap()["contoso.web"].0, version(1));
}

#[test]
fn a_version_that_the_settings_pin_is_their_choice_whatever_it_lacks() {
    let (mut vault, bed) = (Vault::default(), Bed::default());
    vault.issue(1, -1, 30);
    vault.issue(2, -1, 90);
    let mut guarded = target("web", &bed);
    guarded.delivery.guards = Guards { names: true, validity: true, issuer: true };
    let ground = bed.ground(&vault, FORGET);
    let record = look(&guarded, None, &ground, today()).record.unwrap();
    guarded.id = guarded.id.at_version(&version(1)).unwrap();
    let outcome = look(&guarded, Some(&record), &ground, today());
    assert!(outcome.result.unwrap().remarks.is_empty());
    assert_eq!(bed.store.installed.lock().unwrap()["contoso.web"].0, version(1));
}

#[test]
fn an_interrupted_switch_is_finished_before_anybody_is_asked() {
    let (mut vault, bed) = (Vault::default(), Bed::default());
    vault.issue(1, -1, 90);
    let target = target("web", &bed);
    let kept = Mutex::new(None);
    let keep = |record: &CertificateRecord| {
        if record.delivery.switching {
            *kept.lock().unwrap() = Some(record.clone());
        }
        Ok(())
    };
    look(&target, None, &bed.ground(&vault, &keep), today());
    let first = kept.lock().unwrap().clone().expect("kept before the switch");
    // The crash came between the two.
    std::fs::remove_file(bed.folder.path().join("web.pem")).unwrap();
    let asked = vault.asked.lock().unwrap().len();
    let outcome = finish(&target, Some(&first), &bed.ground(&vault, FORGET), today()).unwrap();
    assert!(outcome.result.is_ok() && !outcome.record.unwrap().delivery.switching);
    assert!(!served(&bed, "web").is_empty());
    assert_eq!(vault.asked.lock().unwrap().len(), asked);
}

#[test]
fn half_switched_files_are_told_to_nobody_and_finished_without_another_check() {
    let (mut vault, bed) = (Vault::default(), Bed::default());
    vault.issue(1, -1, 90);
    let targets = [target("web", &bed)];
    let (mut records, _) = pass_over(&targets, &[None], &bed, &vault, today());
    bed.consumers.take();
    let record = records[0].as_mut().unwrap();
    record.delivery.switching = true;
    record.delivery.reaction = Some(ReactionRecord {
        reason: "rotated".into(),
        since: today().into(),
        attempts: 0,
        next_attempt_at: today().into(),
        problem: None,
    });
    // Something is in the way of the file.
    let path = bed.folder.path().join("web.pem");
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    let (mut records, failed) = pass_over(&targets, &records, &bed, &vault, today());
    assert!(bed.consumers.take().is_empty() && failed[0].contains("could be put in place"));
    let due = records[0].as_ref().unwrap().delivery.reaction.clone().unwrap();
    assert!(due.next_attempt_at.moment() > today(), "not in a tight loop");
    std::fs::remove_dir(&path).unwrap();
    refuse(&bed, &["check"], "a fickle check");
    (records, _) = pass_over(&targets, &records, &bed, &vault, today());
    let delivery = &records[0].as_ref().unwrap().delivery;
    assert!(!delivery.switching && delivery.reaction.is_none());
    assert_eq!(bed.consumers.take(), ["reload nginx.service for contoso.web:1:renewed"]);
}

#[test]
fn an_operator_goes_back_and_lets_in_again() {
    let (mut vault, bed, targets, records) = installed();
    vault.issue(2, -1, 180);
    let (records, _) = pass_over(&targets, &records, &bed, &vault, today());
    bed.consumers.take();
    let asked = |wish, record: &Option<CertificateRecord>| {
        let request = OperatorRequest::of_this_process("contoso.web".into(), wish);
        let item = Item {
            index: 0,
            target: Arc::new(targets[0].clone()),
            record: record.clone().map(Arc::new),
            unkept: false,
            due: true,
            wanted: true,
            reacts: false,
            requests: vec![request],
            delivered: false,
        };
        let known = Mutex::new((record.clone(), None));
        pass(vec![item], &bed.ground(&vault, FORGET), today(), &|news| match news {
            News::Obeyed(_, Some(record), _, answer) => {
                *known.lock().unwrap() = (Some(*record), Some(answer));
            }
            News::Obeyed(_, None, _, answer) => known.lock().unwrap().1 = Some(answer),
            News::Reacted(_, record, _) => known.lock().unwrap().0 = Some(*record),
            News::Looked(_, outcome) => {
                if let Some(record) = outcome.record {
                    known.lock().unwrap().0 = Some(Arc::unwrap_or_clone(record));
                }
            }
            _ => {}
        });
        let (record, answer) = known.into_inner().unwrap();
        (record, answer.unwrap())
    };
    let (back, answer) = asked(Wish::RollBack, &records[0]);
    assert!(answer.done && answer.text.contains("in use again"), "{answer:?}");
    assert_eq!(active(&back), "1");
    assert_eq!(bed.consumers.take(), ["reload nginx.service for contoso.web:1:rolled-back"]);
    let (_, answer) = asked(Wish::RollBack, &back);
    assert!(!answer.done && answer.text.contains("is held itself"), "{answer:?}");
    let (polled, _) =
        pass_over(&targets, std::slice::from_ref(&back), &bed, &vault, today() + 100 * DAY);
    assert_eq!(active(&polled[0]), "1", "polls leave it alone");
    let (forward, answer) = asked(Wish::Release, &back);
    assert!(answer.done, "{answer:?}");
    assert_eq!(active(&forward), "2");
    let (_, answer) = asked(Wish::Release, &forward);
    assert!(!answer.done && answer.text.contains("no version of it is held"));
}
