//! What another program has left in a store, and the settings now name.

use std::fs;
use std::os::unix::fs::{OpenOptionsExt, symlink};

use acceptance::{Bed, eventually};
use fake_azure::Issued;
use serde_json::Value;

/// The leaf and the key without the issuers, as root leaves it for root only.
fn without_issuers(issued: &Issued) -> String {
    let end = "-----END CERTIFICATE-----\n";
    let chain = issued.chain_pem();
    let (leaf, issuers) = chain.split_once(end).unwrap();
    assert!(!issuers.is_empty(), "it has issuers");
    format!("{leaf}{end}{}", issued.key_pem())
}

#[test]
fn a_file_with_other_issuers_is_a_warning_at_each_poll_until_the_next_version() {
    use std::io::Write;
    let mut bed = Bed::new();
    let web = bed.issue("web");
    let link = bed.link("web");
    let file = link.with_file_name(format!("shop.web.{}", web.version));
    fs::create_dir_all(bed.store()).unwrap();
    let theirs = without_issuers(&web);
    let mut options = fs::OpenOptions::new();
    let mut made = options.write(true).create_new(true).mode(0o600).open(&file).unwrap();
    made.write_all(theirs.as_bytes()).unwrap();
    symlink(file.file_name().unwrap(), &link).unwrap();
    bed.install(&bed.settings(&["web"]));
    let state = bed.state();
    let report = || -> Option<Value> {
        serde_json::from_slice(&fs::read(state.join("report.json")).ok()?).ok()
    };
    let after_passes = |passes: u64| {
        eventually("a few polls", || {
            report().filter(|report| report["passes"].as_u64() >= Some(passes))
        })
    };
    let told = |report: &Value| report["certificates"][0]["code"].clone();
    let third = after_passes(3);
    assert_eq!(told(&third), 16, "{third:#}");
    assert_eq!(third["certificates"][0]["state"], "warning");
    assert_eq!(fs::read_to_string(&link).unwrap(), theirs, "it stays as it is");
    let log = fs::read_to_string(bed.folder().join("log/akvvm_service.log")).unwrap();
    assert_eq!(log.matches("was there already with the right key").count(), 1, "{log}");
    let next = bed.azure.rotate("shop", "web").unwrap();
    bed.assert_installed_whole(&next);
    let so_far = report().unwrap()["passes"].as_u64().unwrap();
    assert_eq!(told(&after_passes(so_far + 2)), 0);
}
