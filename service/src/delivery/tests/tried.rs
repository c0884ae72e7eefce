//! What is tried before it is switched to: what stays of it, and what is known of it by then.

use super::*;

#[test]
fn where_the_switch_of_outputs_fails_what_was_kept_for_it_is_known() {
    let (mut vault, bed) = (Vault::default(), Bed::default());
    vault.issue(1, -1, 90);
    let target = target("web", &bed);
    let place = bed.folder.path().join("web.pem");
    // Taken while it is switched, after everything was found to be free.
    let keep = |record: &CertificateRecord| {
        if record.delivery.switching {
            std::fs::create_dir(&place).unwrap();
        }
        Ok(())
    };
    let outcome = look(&target, None, &bed.ground(&vault, &keep), today());
    assert!(outcome.result.is_err());
    let record = outcome.record.expect("kept before the switch, so known after it");
    assert!(record.delivery.switching && record.active.is_some());
}

#[test]
fn no_private_key_stays_where_it_was_tried() {
    let (mut vault, bed) = (Vault::default(), Bed::default());
    vault.issue(1, -1, 90);
    // A killed worker has left one there.
    let target = target("web", &bed);
    let tried = bed.candidates.join(crate::record::file_name(&target));
    std::fs::create_dir_all(&tried).unwrap();
    let left = tried.join("left.key");
    std::os::unix::fs::symlink("/dev/null", &left).unwrap();
    let was_left = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&was_left);
    bed.consumers.answer(move |_| {
        *seen.lock().unwrap() = Some(left.is_symlink());
        Ok(())
    });
    look(&target, None, &bed.ground(&vault, FORGET), today()).result.unwrap();
    assert_eq!((*was_left.lock().unwrap(), tried.exists()), (Some(false), false));
}

#[test]
fn nothing_that_has_yet_to_be_tried_is_kept_as_installed() {
    let (mut vault, bed) = (Vault::default(), Bed::default());
    vault.issue(1, -1, 90);
    let kept = Mutex::new(Vec::new());
    let keep = |record: &CertificateRecord| {
        let tried = bed.consumers.asked.lock().unwrap().len();
        kept.lock().unwrap().push((tried, record.active.is_some()));
        Ok(())
    };
    look(&target("web", &bed), None, &bed.ground(&vault, &keep), today()).result.unwrap();
    assert_eq!(*kept.lock().unwrap(), [(0, false), (1, true), (1, true)]);
}

#[test]
fn what_a_check_refuses_is_not_tried_twice_in_one_look() {
    let (vault, bed, [target], records) = installed();
    bed.consumers.take();
    std::fs::remove_file(bed.folder.path().join("web.pem")).unwrap();
    refuse(&bed, &["check"], "no");
    let record = records[0].as_ref();
    let outcome = look(&target, record, &bed.ground(&vault, FORGET), today());
    assert_eq!(outcome.result.unwrap_err().code, Code::Held);
    assert_eq!(bed.consumers.take().len(), 1);
}
