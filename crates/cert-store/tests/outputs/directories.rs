//! Directories behind one link.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use cert_store::{FileAccess, Form, OutputLedger, OutputStore, SetFile};

use crate::bed::{certificate, key, names};
use crate::{Output, Place, mode};

#[test]
fn a_link_leads_to_all_files_of_one_version() {
    let (mut place, contents) = (Place::with_set(), [certificate("web"), certificate("web")]);
    for (number, content) in (1..).zip(&contents) {
        assert!(place.install(number, content).unwrap());
        assert_eq!(place.read("tls/tls.crt"), key(content).to_chain_pem());
        assert_eq!(place.read("tls/tls.key"), *key(content).to_key_pem());
        assert_eq!(place.standing(), Vec::<String>::new());
    }
    assert_eq!(
        (mode(&place.path("tls/tls.crt")), mode(&place.path("tls/tls.key"))),
        (0o644, 0o600)
    );
    let to = fs::read_link(place.path("tls")).unwrap();
    assert!(to.is_relative() && to.to_str().unwrap().starts_with(".tls."));
    assert_eq!(mode(&place.path(to.to_str().unwrap())), 0o755);
    let before = place.snapshot();
    assert!(!place.install(2, &contents[1]).unwrap());
    assert_eq!(place.snapshot(), before);
}

#[test]
fn the_current_and_the_previous_directory_stay() {
    let mut place = Place::with_set();
    let contents = [certificate("web"), certificate("web"), certificate("web")];
    for (number, content) in (1..).zip(&contents) {
        place.install(number, content).unwrap();
        place.sweep();
    }
    let directories = || place.names().len() - 1;
    assert_eq!(directories(), 2);
    let record = &place.ledger.directories[0];
    assert_eq!(place.names()[..2].len(), 2);
    assert!(place.names().contains(record.previous.as_ref().unwrap()));
    let previous = place.path(record.previous.as_ref().unwrap());
    assert_eq!(fs::read(previous.join("tls.key")).unwrap(), *key(&contents[1]).to_key_pem());
    place.install(2, &contents[1]).unwrap();
    assert_eq!(place.path(&place.ledger.directories[0].current), previous);
    assert_eq!(place.sweep(), 0);
}

#[test]
fn a_lost_ledger_removes_no_directory() {
    let mut place = Place::with_set();
    place.install(1, &certificate("web")).unwrap();
    place.install(2, &certificate("web")).unwrap();
    place.ledger = OutputLedger::default();
    place.store.sweep(&place.wanted, &[&place.ledger]);
    assert_eq!(place.names().len(), 3);
}

#[test]
fn directories_that_only_look_like_ours_stay() {
    let mut place = Place::with_set();
    place.install(1, &certificate("web")).unwrap();
    for name in
        [".tls.0123", ".tls.0123456789abcdeX", "tls.0123456789abcdef", ".tls2.0123456789abcdef"]
    {
        fs::create_dir(place.path(name)).unwrap();
    }
    fs::write(place.path(".tls.0123456789abcdef"), b"a file").unwrap();
    let somebodys = place.path(".tls.fedcba9876543210");
    fs::create_dir(&somebodys).unwrap();
    // Only root can give directories away.
    if std::os::unix::fs::chown(&somebodys, Some(61_004), None).is_err() {
        fs::remove_dir(&somebodys).unwrap();
    }
    assert_eq!(place.sweep(), 0);
}

#[test]
fn every_drift_has_a_sentence_and_is_repaired() {
    let (mut place, content) = (Place::with_set(), certificate("web"));
    place.install(1, &content).unwrap();
    let (link, key) = (place.path("tls"), place.path("tls/tls.key"));
    let behind = place.path(&place.ledger.directories[0].current);
    let set_mode = |path, mode| fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    let drifts: [(&dyn Fn(), &str); 7] = [
        (&|| fs::remove_file(&link).unwrap(), "the link"),
        (
            &|| {
                fs::remove_file(&link).unwrap();
                symlink("/etc", &link).unwrap();
            },
            "leads to \"/etc\"",
        ),
        (&|| fs::write(&key, b"x").unwrap(), "was changed"),
        (&|| fs::remove_file(&key).unwrap(), "is gone"),
        (&|| set_mode(&key, 0o640), "owner, mode"),
        (&|| set_mode(&behind, 0o700), "mode or access-control list of"),
        (&|| fs::remove_dir_all(&behind).unwrap(), "is gone"),
    ];
    for (drift, sentence) in drifts {
        drift();
        let said = place.standing();
        assert!(said.iter().any(|said| said.contains(sentence)), "{said:?}");
        place.install(1, &content).unwrap();
        assert_eq!(place.standing(), Vec::<String>::new());
    }
}

#[test]
fn a_real_directory_at_the_links_place_is_refused_and_stays() {
    let (mut place, content) = (Place::with_set(), certificate("web"));
    fs::create_dir(place.path("tls")).unwrap();
    fs::write(place.path("tls/mine"), b"x").unwrap();
    let refused = place.install(1, &content).unwrap_err();
    assert!(refused.is_customer() && refused.to_string().contains("is a directory"), "{refused}");
    assert_eq!(place.names(), ["tls"]);
    assert_eq!(place.read("tls/mine"), b"x");
    fs::remove_dir_all(place.path("tls")).unwrap();
    fs::write(place.path("tls"), b"x").unwrap();
    assert!(place.install(1, &content).unwrap_err().to_string().contains("is a regular file"));
}

#[test]
fn a_directory_that_others_can_write_is_not_used() {
    let (mut place, content) = (Place::with_set(), certificate("web"));
    place.install(1, &content).unwrap();
    let behind = place.path(&place.ledger.directories[0].current);
    fs::set_permissions(&behind, PermissionsExt::from_mode(0o777)).unwrap();
    let refused = place.install(1, &content).unwrap_err();
    assert!(refused.to_string().contains("somebody else's directory"), "{refused}");
    let keep = place.keep();
    fs::set_permissions(&behind, PermissionsExt::from_mode(0o755)).unwrap();
    place.store = OutputStore::new(keep);
    assert!(!place.install(1, &content).unwrap());
}

#[test]
fn another_set_of_files_is_another_directory() {
    let (mut place, content) = (Place::with_set(), certificate("web"));
    place.install(1, &content).unwrap();
    let Output::Directory { files, .. } = &mut place.wanted[0] else { panic!() };
    let access = FileAccess::default();
    files.push(SetFile { name: "ca.crt".into(), form: Form::Issuers, access });
    assert!(place.standing()[0].ends_with("was not written yet"));
    assert!(place.install(1, &content).unwrap());
    assert_eq!(names(&place.path("tls")), ["ca.crt", "tls.crt", "tls.key"]);
    assert_eq!(place.standing(), Vec::<String>::new());
}
