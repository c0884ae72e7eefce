//! What somebody changes in a store is put right within a pass, and told once.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use acceptance::processes::{Signal, signal};
use acceptance::{Bed, eventually};
use fake_azure::Place;

/// Does something to a link or to the file that it leads to.
type Damage = fn(link: &Path, file: &Path);

/// With words of the line that tells of it.
const DAMAGES: [(&str, Damage); 5] = [
    ("is gone", |_, file| fs::remove_file(file).unwrap()),
    ("was changed", |_, file| fs::write(file, "something else").unwrap()),
    ("owner, mode or access-control list", |_, file| {
        fs::set_permissions(file, fs::Permissions::from_mode(0o644)).unwrap();
    }),
    ("is gone", |link, _| fs::remove_file(link).unwrap()),
    ("leads to", |link, _| {
        fs::remove_file(link).unwrap();
        symlink("/dev/null", link).unwrap();
    }),
];

#[test]
fn what_somebody_changed_is_put_right_within_a_pass_and_told_once() {
    let mut bed = Bed::new();
    let web = bed.issue("web");
    bed.install(&bed.settings(&["web"]));
    bed.assert_installed_whole(&web);
    let link = bed.link("web");
    let file = fs::canonicalize(&link).unwrap();
    let stands = || {
        let mode = fs::metadata(&link).ok()?.permissions().mode() & 0o777;
        Some((fs::read_link(&link).ok()?, fs::read_to_string(&link).ok()?, mode))
    };
    let right = stands();
    let told = |words: &str| {
        let log = fs::read_to_string(bed.folder().join("log/akvvm_service.log")).unwrap();
        log.lines().filter(|line| line.contains("found: ") && line.contains(words)).count()
    };
    for (words, damage) in DAMAGES {
        let before = told(words);
        damage(&link, &file);
        signal(bed.worker(), Signal::HUP);
        eventually("all as it was", || (stands() == right).then_some(()));
        let asked = bed.azure.requests_to(Place::Vault).len() + 2;
        let passed = || bed.azure.requests_to(Place::Vault).len() > asked;
        eventually("two more passes", || passed().then_some(()));
        assert_eq!(told(words), before + 1, "{words}");
    }
}
