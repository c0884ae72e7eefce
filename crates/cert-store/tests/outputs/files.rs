//! Files: forms, foreign bytes, drift, the way back.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use cert_store::{FileAccess, Form, Material, Output, OutputLedger, ReplacedFile};
use certified_key::Content;
use zeroize::Zeroizing;

use crate::bed::{certificate, key, names, version};
use crate::{Place, mode};

const FORMS: [(&str, Form); 6] = [
    ("combined", Form::Combined),
    ("chain", Form::FullChain),
    ("leaf", Form::Leaf),
    ("issuers", Form::Issuers),
    ("key", Form::PrivateKey),
    ("raw", Form::Raw),
];

#[test]
fn every_form_holds_what_it_is_called() {
    let (mut place, content) = (Place::with(&FORMS), certificate("web"));
    assert!(place.install_with(1, &content, Some(b"value")).unwrap());
    let key = key(&content);
    assert_eq!(place.read("combined"), *key.to_pem());
    assert_eq!(place.read("chain"), key.to_chain_pem());
    assert_eq!(place.read("leaf"), key.to_leaf_pem());
    assert_eq!(place.read("issuers"), key.to_issuers_pem());
    assert_eq!(place.read("key"), *key.to_key_pem());
    assert_eq!(place.read("raw"), b"value");
    assert!(FORMS.iter().all(|(name, _)| mode(&place.path(name)) == 0o600));
    assert_eq!(place.standing(), Vec::<String>::new());
}

#[test]
fn what_stands_as_it_should_is_not_touched() {
    let (mut place, content) = (Place::with(&FORMS), certificate("web"));
    place.install_with(1, &content, Some(b"value")).unwrap();
    let (before, ledger) = (place.snapshot(), place.ledger.clone());
    assert!(!place.install(1, &content).unwrap());
    assert_eq!((place.snapshot(), &place.ledger), (before, &ledger));
    assert_eq!(place.sweep(), 0);
}

#[test]
fn a_plain_secret_is_raw_or_refused() {
    let content = Content::Opaque(Zeroizing::new(b"token".to_vec()));
    let mut place = Place::with(&[("token", Form::Raw)]);
    place.install(1, &content).unwrap();
    assert_eq!(place.read("token"), b"token");
    for (name, form) in &FORMS[..5] {
        let mut place = Place::with(&[("first", Form::Raw), (name, form.clone())]);
        let refused = place.install(1, &content).unwrap_err();
        assert!(refused.is_customer() && refused.to_string().contains("use the form raw"));
        assert!(place.names().is_empty(), "nothing of it is written");
    }
}

#[test]
fn the_raw_value_of_a_certificate_comes_from_the_vault_or_from_what_was_kept() {
    let mut place = Place::with(&[("raw", Form::Raw)]);
    let contents = [certificate("web"), certificate("web")];
    let refused = place.install(1, &contents[0]).unwrap_err();
    assert!(refused.to_string().contains("is not at hand"), "{refused}");
    place.install_with(1, &contents[0], Some(b"one")).unwrap();
    place.install_with(2, &contents[1], Some(b"two")).unwrap();
    place.install(1, &contents[0]).unwrap();
    assert_eq!(place.read("raw"), b"one");
}

#[test]
fn the_version_before_comes_back_byte_for_byte_and_the_one_before_it_goes() {
    let mut place = Place::with(&[("combined", Form::Combined), ("key", Form::PrivateKey)]);
    let contents = [certificate("web"), certificate("web"), certificate("web")];
    for (number, content) in (1..).zip(&contents) {
        place.install(number, content).unwrap();
        place.sweep();
    }
    let versions = |ledger: &OutputLedger| {
        let of = |files: &[cert_store::OutputFileRecord]| files[0].version.clone();
        (of(&ledger.files), of(&ledger.previous))
    };
    assert_eq!(versions(&place.ledger), (version(3), version(2)));
    assert_eq!(names(&place.keep()).len(), 4, "two files in two versions");
    place.install(2, &contents[1]).unwrap();
    assert_eq!(place.read("combined"), *key(&contents[1]).to_pem());
    assert_eq!(versions(&place.ledger), (version(2), version(3)));
    assert_eq!(place.sweep(), 0);
}

#[test]
fn the_directory_of_kept_bytes_is_closed_again_where_somebody_has_opened_it() {
    let mut place = Place::with(&[("site.key", Form::PrivateKey)]);
    place.install(1, &certificate("web")).unwrap();
    fs::set_permissions(place.keep(), fs::Permissions::from_mode(0o755)).unwrap();
    place.install(2, &certificate("web")).unwrap();
    assert_eq!(mode(&place.keep()), 0o700);
}

#[test]
fn kept_bytes_that_were_changed_are_made_anew() {
    let mut place = Place::with(&[("combined", Form::Combined)]);
    let contents = [certificate("web"), certificate("web")];
    for (number, content) in (1..).zip(&contents) {
        place.install(number, content).unwrap();
    }
    for name in names(&place.keep()) {
        fs::write(place.keep().join(name), b"changed").unwrap();
    }
    place.install(1, &contents[0]).unwrap();
    assert_eq!(place.read("combined"), *key(&contents[0]).to_pem());
}

#[test]
fn somebody_elses_file_is_kept_for_ever() {
    let (mut place, content) = (Place::with(&[("key", Form::PrivateKey)]), certificate("web"));
    fs::write(place.path("key"), b"by hand").unwrap();
    place.install(1, &content).unwrap();
    let [replaced] = &place.ledger.replaced[..] else { panic!("{:?}", place.ledger) };
    assert_eq!(replaced.path, place.path("key"));
    let kept = place.store.kept(replaced);
    assert_eq!((fs::read(&kept).unwrap(), mode(&kept)), (b"by hand".to_vec(), 0o600));
    assert_eq!(mode(&place.keep()), 0o700);
    place.install(2, &certificate("web")).unwrap();
    assert_eq!(place.ledger.replaced.len(), 1, "our own files are not somebody else's");
    place.ledger = OutputLedger::default();
    place.sweep();
    assert_eq!(fs::read(&kept).unwrap(), b"by hand", "also where the ledger is lost");
}

#[test]
fn a_file_that_is_right_already_is_taken_over_untouched() {
    let (mut place, content) = (Place::with(&[("key", Form::PrivateKey)]), certificate("web"));
    place.install(1, &content).unwrap();
    place.ledger = OutputLedger::default();
    let before = place.snapshot();
    assert!(!place.install(1, &content).unwrap());
    assert_eq!(place.snapshot(), before);
    assert_eq!(place.ledger.replaced, Vec::<ReplacedFile>::new());
}

#[test]
fn every_drift_has_a_sentence_and_is_repaired() {
    let (mut place, content) = (Place::with(&[("key", Form::PrivateKey)]), certificate("web"));
    let path = place.path("key");
    assert!(place.standing()[0].ends_with("was not written yet"));
    place.install(1, &content).unwrap();
    let other = place.path("other");
    fs::write(&other, b"x").unwrap();
    let drifts: [(&dyn Fn(), &str); 4] = [
        (&|| fs::remove_file(&path).unwrap(), "is gone"),
        (&|| fs::write(&path, b"x").unwrap(), "was changed"),
        (
            &|| {
                fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644))
                    .unwrap();
            },
            "owner, mode or access-control list",
        ),
        (
            &|| {
                fs::remove_file(&path).unwrap();
                symlink(&other, &path).unwrap();
            },
            "is gone",
        ),
    ];
    for (drift, sentence) in drifts {
        drift();
        let said = place.standing();
        assert!(said.len() == 1 && said[0].contains(sentence), "{said:?}");
        assert!(place.install(1, &content).unwrap());
        assert_eq!(place.standing(), Vec::<String>::new());
        assert_eq!(place.read("key"), *key(&content).to_key_pem());
    }
    assert_eq!(fs::read(&other).unwrap(), b"x", "a link is replaced and never followed");
}

#[test]
fn another_form_is_written_at_once() {
    let (mut place, content) = (Place::with(&[("out", Form::Leaf)]), certificate("web"));
    place.install(1, &content).unwrap();
    let access = FileAccess::default();
    place.wanted = vec![Output::File { path: place.path("out"), form: Form::Combined, access }];
    assert!(place.standing()[0].ends_with("is to have another form"));
    place.install(1, &content).unwrap();
    assert_eq!(place.read("out"), *key(&content).to_pem());
    assert_eq!(place.standing(), Vec::<String>::new());
}

#[test]
fn what_cannot_be_replaced_is_refused_by_name_before_anything_changes() {
    let content = certificate("web");
    let mut place = Place::with(&[("a", Form::Leaf), ("b", Form::Leaf)]);
    fs::create_dir(place.path("b")).unwrap();
    let refused = place.install(1, &content).unwrap_err();
    assert!(refused.is_customer() && refused.to_string().contains("is a directory"), "{refused}");
    assert_eq!(place.names(), ["b"]);
    let mut place = Place::with(&[("a", Form::Leaf), ("missing/b", Form::Leaf)]);
    let refused = place.install(1, &content).unwrap_err();
    assert!(refused.to_string().contains("out/missing\" does not exist; make it"), "{refused}");
    assert!(place.names().is_empty());
}

#[test]
fn what_is_discarded_leaves_nothing() {
    let place = Place::with(&FORMS[..5]);
    let (content, version) = (certificate("web"), version(1));
    let material = Material { version: &version, content: &content, value: None };
    let prepared = place.store.prepare(&place.wanted, material, &place.ledger).unwrap();
    assert!(!prepared.is_empty());
    prepared.discard().unwrap();
    assert!(place.names().is_empty());
    assert_eq!(place.sweep(), 4, "the chain and the leaf are one, and nobody needs the others");
    assert!(names(&place.keep()).is_empty());
}

#[test]
fn candidates_are_copies_with_names() {
    let mut place = Place::with_set();
    for (folder, name) in [("", "site.pem"), ("sub", "site.pem"), ("sub", "store"), ("sub", "dir")]
    {
        let path = place.path(folder).join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        place.wanted.push(Output::File { path, form: Form::Leaf, access: FileAccess::default() });
    }
    let (content, version) = (certificate("web"), version(1));
    let material = Material { version: &version, content: &content, value: None };
    let prepared = place.store.prepare(&place.wanted, material, &place.ledger).unwrap();
    let folder = place.folder.path().join("candidates");
    fs::create_dir(&folder).unwrap();
    let written = prepared.write_candidates(&folder).unwrap();
    let expected = [
        ("TLS", "tls"),
        ("TLS_TLS_CRT", "tls/tls.crt"),
        ("TLS_TLS_KEY", "tls/tls.key"),
        ("SITE_PEM", "site.pem"),
        ("SITE_PEM_2", "site.pem_2"),
        // These two names are the directory's, and the store's.
        ("STORE_2", "store"),
        ("DIR_2", "dir"),
    ];
    let expected = expected.map(|(name, path)| (name.to_owned(), folder.join(path)));
    assert_eq!(written, expected);
    assert_eq!(fs::read(&expected[2].1).unwrap(), *key(&content).to_key_pem());
    assert_eq!((mode(&expected[2].1), mode(&expected[0].1)), (0o600, 0o700));
    prepared.discard().unwrap();
    assert_eq!(place.names(), ["sub"]);
}
